"""Uptime: when Graph found nobody here, and what cannot have been delivered for that."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifications.models import EndpointMinute, UptimeSpan
from notifications.services.watching import outages, uptime
from subscriptions.models import DeltaTracking, Gap, Subscription
from subscriptions.services import gaps
from subscriptions.services.gaps import recovery

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
Known = Callable[..., Subscription]


@pytest.fixture
def watching(known: Known) -> Subscription:
    """Save a subscription that has been listening for a month."""
    return known(granted_at=NOW - 700 * HOUR, first_granted_at=NOW - 700 * HOUR)


def beats(*moments: datetime) -> None:
    for moment in moments:
        uptime.beat(now=moment)


def slow_minute(**counts: Any) -> None:
    EndpointMinute.objects.create(minute=NOW - timedelta(minutes=1), **counts)


def test_signs_of_life_make_one_span(watching: Subscription) -> None:
    beats(*(NOW + timedelta(minutes=number) for number in range(10)))

    span = UptimeSpan.objects.get()
    assert (span.began_at, span.last_at) == (NOW, NOW + timedelta(minutes=9))


def test_a_short_break_is_a_new_span_and_loses_nothing(watching: Subscription) -> None:
    beats(NOW, NOW + HOUR)

    assert UptimeSpan.objects.count() == 2
    assert not Gap.objects.exists()


def test_what_changed_in_a_break_longer_than_graphs_tries_is_lost(watching: Subscription) -> None:
    beats(NOW - 5 * HOUR, NOW)

    gap = Gap.objects.get()
    assert (gap.cause, gap.subscription) == (Gap.Cause.ENDPOINT_DOWN, watching)
    assert (gap.began_at, gap.is_exact, gap.ended_at) == (NOW - 5 * HOUR, True, NOW - 2 * HOUR)


def test_of_a_break_of_three_hours_nobody_can_say(watching: Subscription) -> None:
    beats(NOW - 3 * HOUR, NOW)

    gap = Gap.objects.get()
    assert (gap.began_at, gap.began_by, gap.ended_at) == (NOW - 3 * HOUR, NOW - 2 * HOUR, NOW - 2 * HOUR)


def test_a_short_stay_between_two_breaks_saves_only_what_is_young(watching: Subscription) -> None:
    returned = NOW - 3 * HOUR
    beats(returned - HOUR, returned, returned + timedelta(minutes=4), NOW)

    gap = Gap.objects.get()
    assert (gap.began_at, gap.ended_at) == (returned - HOUR, NOW - 2 * HOUR)
    assert gap.began_by == NOW - 2 * HOUR


def test_after_a_break_the_changes_are_looked_up(watching: Subscription) -> None:
    recovery.track(now=NOW - 9 * HOUR)
    DeltaTracking.objects.update(due_at=NOW + 9 * HOUR)

    beats(NOW - 5 * HOUR, NOW)

    assert DeltaTracking.objects.get().due_at == NOW


def test_of_two_processes_that_wake_up_one_tells(watching: Subscription) -> None:
    beats(NOW - 5 * HOUR)
    before = UptimeSpan.objects.get()
    beats(NOW)
    UptimeSpan.objects.exclude(pk=before.pk).update(last_at=NOW - 6 * HOUR)

    beats(NOW)

    assert Gap.objects.count() == 1


def test_what_graph_lost_in_the_break_had_listened_at_its_beginning(known: Known) -> None:
    lost = known(first_granted_at=NOW - 90 * HOUR, status="gone", graph_id=None)
    gaps.begin(lost, cause=Gap.Cause.REMOVED, began_at=NOW - 4 * HOUR)

    beats(NOW - 5 * HOUR, NOW)

    assert lost.gaps.filter(cause=Gap.Cause.ENDPOINT_DOWN).count() == 1


def test_what_was_not_at_graph_then_has_no_gap_of_ours(known: Known) -> None:
    known(first_granted_at=NOW - HOUR)
    known(first_granted_at=NOW - 90 * HOUR, status="removed")
    lost = known(first_granted_at=NOW - 90 * HOUR, status="gone", graph_id=None)
    gaps.begin(lost, cause=Gap.Cause.REMOVED, began_at=NOW - 6 * HOUR)

    beats(NOW - 5 * HOUR, NOW)

    assert not Gap.objects.filter(cause=Gap.Cause.ENDPOINT_DOWN).exists()


def test_while_graph_discards_there_is_one_gap_that_grows(watching: Subscription) -> None:
    slow_minute(answers=10, over_3_s=9, over_10_s=5)

    outages.note_drops(now=NOW)
    outages.note_drops(now=NOW + timedelta(minutes=1))

    gap = Gap.objects.get()
    assert (gap.cause, gap.began_at, gap.began_by) == (
        Gap.Cause.ENDPOINT_SLOW,
        NOW - timedelta(minutes=10),
        NOW,
    )
    assert gap.ended_at == NOW + timedelta(minutes=11)


def test_slow_answers_since_the_last_look_count_though_the_present_is_fast(watching: Subscription) -> None:
    slow_minute(answers=10, over_3_s=9, over_10_s=5)
    look = NOW + timedelta(minutes=15)
    EndpointMinute.objects.create(minute=look - timedelta(minutes=1), answers=100)

    outages.note_drops(now=look)

    assert Gap.objects.get().ended_at == NOW + timedelta(minutes=9) + timedelta(minutes=10)


def test_what_graph_discarded_is_written_once_however_often_one_looks(watching: Subscription) -> None:
    slow_minute(answers=10, over_3_s=9, over_10_s=5)

    for minutes in range(40):
        outages.note_drops(now=NOW + timedelta(minutes=minutes))

    assert Gap.objects.get().ended_at == NOW + timedelta(minutes=19)


def test_an_endpoint_that_stays_slow_puts_no_recovery_off(watching: Subscription) -> None:
    recovery.track(now=NOW - HOUR)
    DeltaTracking.objects.update(due_at=NOW + 24 * HOUR)
    for minutes in range(60):
        now = NOW + timedelta(minutes=minutes)
        EndpointMinute.objects.create(minute=now, answers=10, over_3_s=9, over_10_s=5)

        outages.note_drops(now=now)

    assert DeltaTracking.objects.get().due_at == NOW + timedelta(minutes=10)


def test_slow_answers_that_graph_only_holds_back_for_lose_nothing(watching: Subscription) -> None:
    slow_minute(answers=100, over_3_s=50, over_10_s=15)

    outages.note_drops(now=NOW)

    assert not Gap.objects.exists()
