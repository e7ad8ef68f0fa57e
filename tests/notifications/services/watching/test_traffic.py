"""What a subscription usually says is learnt from its past, and only unusual silence is found."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifications.models import ChangeNotification, Delivery, Traffic
from notifications.services.watching import traffic
from subscriptions.models import Gap, Subscription

pytestmark = pytest.mark.django_db

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Known = Callable[..., Subscription]


@pytest.fixture
def subscription(known: Known) -> Subscription:
    """Save a subscription that lives for a year."""
    return known(expires_at=START + 365 * DAY)


def hear(subscription: Subscription, *times: datetime, **changes: Any) -> None:
    """Store a genuine notification for each time."""
    ChangeNotification.objects.bulk_create(
        ChangeNotification(
            **{
                "subscription": subscription,
                "change_type": "created",
                "state": "accepted",
                "received_at": at,
                "last_received_at": at,
                "processed_at": at,
                **changes,
            }
        )
        for at in times
    )


def live(subscription: Subscription, *, days: int, every: timedelta) -> datetime:
    """Let it talk for some days, learning once a day, and return when it spoke last."""
    at = START
    while at < START + days * DAY:
        hear(subscription, at)
        traffic.learn(now=at)
        at += every
    return at - every


def silent(now: datetime) -> list[int]:
    return [one.subscription.pk for one in traffic.silent(now=now)]


def test_silence_of_more_than_twice_the_longest_pause_is_found(subscription: Subscription) -> None:
    last = live(subscription, days=15, every=8 * HOUR)

    assert silent(last + 15 * HOUR) == []
    assert silent(last + 16 * HOUR) == [subscription.pk]


def test_what_talks_all_the_time_is_given_some_hours(subscription: Subscription) -> None:
    last = live(subscription, days=15, every=HOUR)

    assert silent(last + 6 * HOUR - timedelta(minutes=1)) == []
    assert silent(last + 6 * HOUR) == [subscription.pk]


def test_the_weekend_is_learnt(subscription: Subscription) -> None:
    workdays = [START + day * DAY + 9 * HOUR for day in range(19) if day % 7 < 5]
    for at in workdays:
        hear(subscription, *(at + n * HOUR for n in range(3)))
        traffic.learn(now=at + 3 * HOUR)
    friday = workdays[-1] + 2 * HOUR

    assert silent(friday + 3 * DAY) == []
    assert silent(friday + 6 * DAY) == [subscription.pk]


@pytest.mark.parametrize(("days", "every"), [(13, 8 * HOUR), (18, DAY)])
def test_too_little_history_says_nothing(subscription: Subscription, days: int, every: timedelta) -> None:
    last = live(subscription, days=days, every=every)

    assert silent(last + 100 * DAY) == []


def test_a_word_ends_the_silence(subscription: Subscription) -> None:
    last = live(subscription, days=15, every=8 * HOUR)
    hear(subscription, last + DAY)

    traffic.learn(now=last + DAY)

    assert silent(last + DAY) == []


def test_a_long_pause_of_long_ago_is_forgotten(subscription: Subscription) -> None:
    hear(subscription, START - 10 * DAY)
    traffic.learn(now=START - 10 * DAY)
    last = live(subscription, days=40, every=8 * HOUR)

    assert silent(last + DAY) == [subscription.pk]


@pytest.mark.parametrize("facts", [{"status": "gone"}, {"is_enabled": False}, {"expires_at": START}])
def test_what_does_not_listen_is_not_silent(subscription: Subscription, facts: dict[str, Any]) -> None:
    last = live(subscription, days=15, every=8 * HOUR)
    Subscription.objects.filter(pk=subscription.pk).update(**facts)

    assert silent(last + 30 * DAY) == []


def test_what_did_not_listen_for_a_while_is_given_its_time(subscription: Subscription) -> None:
    last = live(subscription, days=15, every=8 * HOUR)
    Gap.objects.create(
        subscription=subscription,
        cause="paused",
        state="unrecoverable",
        began_at=last,
        began_by=last,
        ended_at=last + 9 * DAY,
    )

    assert silent(last + 9 * DAY + 15 * HOUR) == []
    assert silent(last + 9 * DAY + 16 * HOUR) == [subscription.pk]


def test_a_pause_in_which_it_did_not_listen_is_not_its_own(subscription: Subscription) -> None:
    last = live(subscription, days=15, every=8 * HOUR)
    Gap.objects.create(
        subscription=subscription,
        cause="paused",
        state="unrecoverable",
        began_at=last,
        began_by=last,
        ended_at=last + 9 * DAY,
    )
    hear(subscription, last + 9 * DAY)

    traffic.learn(now=last + 9 * DAY)

    assert Traffic.objects.get().longest_pause == 8 * HOUR


def test_what_waits_in_the_inbox_may_be_its_words(subscription: Subscription) -> None:
    last = live(subscription, days=15, every=8 * HOUR)
    Delivery.objects.create(
        received_at=last, endpoint="notifications", body=b"{}", size=2, next_attempt_at=last
    )

    assert silent(last + 5 * DAY) == []


@pytest.mark.parametrize(
    "changes",
    [{"state": "rejected"}, {"lifecycle_event": "missed"}, {"origin": "delta"}, {"state": "waiting"}],
)
def test_only_genuine_changes_that_graph_sent_are_words(
    subscription: Subscription, changes: dict[str, Any]
) -> None:
    hear(subscription, START, **changes)

    assert traffic.learn(now=START) == 0


def test_learning_again_learns_nothing(subscription: Subscription) -> None:
    hear(subscription, START, START + HOUR)
    traffic.learn(now=START + HOUR)

    assert traffic.learn(now=START + HOUR) == 0
    assert Traffic.objects.get().notifications == 2


def test_learning_costs_the_same_for_any_number(known: Known, django_assert_num_queries: Any) -> None:
    for _ in range(9):
        hear(known(), START, START + HOUR)

    with django_assert_num_queries(5):
        traffic.learn(now=START + HOUR)


def test_looking_for_silence_costs_the_same_for_any_number(
    known: Known, django_assert_num_queries: Any
) -> None:
    for _ in range(5):
        live(known(expires_at=START + 365 * DAY), days=15, every=8 * HOUR)

    with django_assert_num_queries(3):
        found = traffic.silent(now=START + 30 * DAY)
    assert len(found) == 5
