"""Gaps: when a subscription did not listen, as far as it can be known, and what became of the changes of then."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from subscriptions.graph.errors import GraphError
from subscriptions.models import DeltaLink, Gap, Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.services import client_state_rotation, gaps, recreation, removal, renewal
from subscriptions.services.gaps import recovery

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
CALL_RECORDS = "/communications/callRecords"
Maker = Callable[..., Subscription]


def the_gap(subscription: Subscription) -> Gap:
    return subscription.gaps.get()


def test_a_subscription_that_was_never_lost_has_no_gap(make_subscription: Maker, now: datetime) -> None:
    subscription = make_subscription()

    renewal.renew(subscription, now=now, actor="test")

    assert not Gap.objects.exists()
    assert subscription.first_granted_at is not None


def test_what_lapsed_has_a_gap_from_its_expiry_at_the_latest(
    make_subscription: Maker, sandbox: Sandbox, now: datetime
) -> None:
    subscription = make_subscription()
    sandbox.remove_subscription(subscription.graph_id or "")
    expired_at = now - HOUR
    Subscription.objects.update(expires_at=expired_at, renew_at=now, seen_at=now - 3 * HOUR)

    renewal.renew_due(clock=lambda: now, actor="test")

    gap = the_gap(subscription)
    assert (gap.cause, gap.state) == (Gap.Cause.LAPSED, Gap.State.AWAITING)
    assert (gap.began_at, gap.began_by) == (now - 3 * HOUR, expired_at)
    assert gap.ended_at is not None
    assert gap.ended_at >= now


def test_what_graph_removed_was_lost_since_graph_confirmed_it_last(
    make_subscription: Maker, sandbox: Sandbox, now: datetime
) -> None:
    subscription = make_subscription()
    Subscription.objects.update(seen_at=now - HOUR)
    sandbox.remove_subscription(subscription.graph_id or "")

    renewal.renew(subscription, now=now, actor="test")

    gap = the_gap(subscription)
    assert (gap.cause, gap.began_at, gap.began_by) == (Gap.Cause.REMOVED, now - HOUR, now)


def test_what_was_recreated_by_us_has_a_gap_that_is_known_to_the_moment(
    make_subscription: Maker, now: datetime
) -> None:
    subscription = make_subscription()

    client_state_rotation.rotate(subscription, now=now, actor="test")

    gap = the_gap(subscription)
    assert (gap.cause, gap.began_at, gap.is_exact) == (Gap.Cause.RECREATED, now, True)
    assert gap.ended_at is not None


def test_a_gap_goes_on_until_graph_creates_the_subscription_again(
    make_subscription: Maker, sandbox: Sandbox, now: datetime
) -> None:
    subscription = make_subscription()
    sandbox.add_fault(method="POST", path="/subscriptions", status=403, body={"error": {"code": "No"}})
    with pytest.raises(GraphError):
        recreation.recreate(subscription, now=now, actor="test")
    assert the_gap(subscription).ended_at is None
    sandbox.advance(HOUR)

    renewal.renew_due(clock=lambda: now + HOUR, actor="test")

    gap = the_gap(subscription)
    assert (gap.began_at, gap.ended_at is not None and gap.ended_at >= now + HOUR) == (now, True)


def test_what_is_removed_here_does_not_listen_until_it_is_recreated(
    make_subscription: Maker, sandbox: Sandbox, now: datetime
) -> None:
    subscription = removal.remove(make_subscription(), now=now, actor="test")
    assert (the_gap(subscription).cause, the_gap(subscription).ended_at) == (Gap.Cause.PAUSED, None)
    assert (the_gap(subscription).state, the_gap(subscription).note) == (
        Gap.State.UNRECOVERABLE,
        gaps.RETIRED,
    )
    sandbox.advance(HOUR)

    recreation.recreate(subscription, now=now + HOUR, actor="test")

    assert the_gap(subscription).ended_at is not None


def test_before_changes_were_followed_nothing_is_named_that_no_query_could_find(
    make_subscription: Maker, sandbox: Sandbox, now: datetime
) -> None:
    subscription = make_subscription()
    Subscription.objects.update(seen_at=now - 3 * HOUR)
    DeltaLink.objects.create(subscription=subscription, path="/a", covers_from=now - 2 * HOUR)
    DeltaLink.objects.create(subscription=subscription, path="/b", covers_from=now - HOUR)
    sandbox.remove_subscription(subscription.graph_id or "")

    renewal.renew(subscription, now=now, actor="test")

    assert the_gap(subscription).began_at == now - HOUR


def test_missed_notices_before_the_next_recovery_make_one_gap(
    make_subscription: Maker, now: datetime
) -> None:
    subscription = make_subscription()
    Subscription.objects.update(first_granted_at=now - timedelta(days=9))

    for at in (now - HOUR, now):
        recovery.flag_missed(Subscription.objects.get(), now=at)

    gap = the_gap(subscription)
    assert (gap.began_at, gap.began_by, gap.ended_at) == (now - HOUR - timedelta(days=1), now, now)


def test_a_missed_notice_speaks_of_the_last_day_but_not_of_the_time_before_the_first_creation(
    make_subscription: Maker, now: datetime
) -> None:
    old, young = make_subscription(), make_subscription(change_type="deleted")
    Subscription.objects.filter(pk=old.pk).update(first_granted_at=now - timedelta(days=9))
    Subscription.objects.filter(pk=young.pk).update(first_granted_at=now - HOUR)

    for pk in (old.pk, young.pk):
        recovery.flag_missed(Subscription.objects.get(pk=pk), now=now)

    assert the_gap(old).began_at == now - timedelta(days=1)
    assert (the_gap(young).began_at, the_gap(young).ended_at) == (now - HOUR, now)


def test_where_graph_has_no_delta_query_a_gap_cannot_be_recovered(
    make_subscription: Maker, now: datetime
) -> None:
    subscription = make_subscription(resource=CALL_RECORDS, change_type="created")

    recreation.recreate(subscription, now=now, actor="test")

    gap = the_gap(subscription)
    assert (gap.state, gap.note) == (Gap.State.UNRECOVERABLE, gaps.NO_DELTA)


def recorded(subscription: Subscription, *, began_at: datetime, ended_at: datetime) -> Gap:
    subscription.first_granted_at = began_at
    gaps.record([subscription], cause=Gap.Cause.MISSED, began_at=began_at, ended_at=ended_at)
    return subscription.gaps.latest("pk")


def test_a_gap_is_recovered_by_what_was_followed_from_before_it_to_after_it(
    make_subscription: Maker, now: datetime
) -> None:
    subscription = make_subscription()
    recorded(subscription, began_at=now - 3 * HOUR, ended_at=now - 2 * HOUR)

    assert gaps.recovered(subscription, since=now - 4 * HOUR, until=now - HOUR, now=now) == 1

    gap = the_gap(subscription)
    assert (gap.state, gap.recovered_at) == (Gap.State.RECOVERED, now)


def test_what_ends_after_the_last_page_still_awaits_recovery(make_subscription: Maker, now: datetime) -> None:
    subscription = make_subscription()
    recorded(subscription, began_at=now - 3 * HOUR, ended_at=now)

    assert gaps.recovered(subscription, since=now - 4 * HOUR, until=now - HOUR, now=now) == 0

    assert the_gap(subscription).state == Gap.State.AWAITING


def test_the_part_of_a_gap_before_changes_were_followed_is_lost_and_the_rest_recovered(
    make_subscription: Maker, now: datetime
) -> None:
    subscription = make_subscription()
    recorded(subscription, began_at=now - 3 * HOUR, ended_at=now - HOUR)

    gaps.recovered(subscription, since=now - 2 * HOUR, until=now, now=now)

    early, late = subscription.gaps.order_by("began_at")
    assert (early.state, early.ended_at) == (Gap.State.UNRECOVERABLE, now - 2 * HOUR)
    assert (late.state, late.began_at, late.ended_at) == (
        Gap.State.RECOVERED,
        now - 2 * HOUR,
        now - HOUR,
    )


def test_giving_up_a_gap_that_goes_on_leaves_its_rest_to_the_next_recovery(
    make_subscription: Maker, now: datetime
) -> None:
    subscription = make_subscription()
    gaps.begin(subscription, cause=Gap.Cause.REMOVED, began_at=now - HOUR)

    gaps.give_up(subscription, until=now, note="The delta link was refused.")

    early, late = subscription.gaps.order_by("began_at")
    assert (early.state, early.ended_at, early.note) == (
        Gap.State.UNRECOVERABLE,
        now,
        "The delta link was refused.",
    )
    assert (late.state, late.began_at, late.ended_at) == (Gap.State.AWAITING, now, None)
