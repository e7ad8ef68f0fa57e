"""Legal holds: what one covers is lost by no way, what arrives later included, until it is released."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, transaction
from pytest_django.fixtures import Settings

from notifications.models import (
    ChangeNotification,
    ContentErasure,
    ContentFetch,
    Delivery,
    LegalHold,
    NotificationContent,
    RetentionRule,
)
from notifications.services import processing
from notifications.services.fetching import outcomes
from notifications.services.holds import held, holding
from notifications.services.intake import Acceptance, accept
from notifications.services.retention import erasure, pruning
from subscriptions.graph.reading import Reading
from subscriptions.models import Subscription
from subscriptions.services import deletion
from subscriptions.services.errors import UseCaseError

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, tzinfo=UTC)
OLD = NOW - timedelta(days=10)
TENANT = "5b0f9a31-7e62-4c1d-9f38-a6d2047be513"
ALL = ChangeNotification.objects


def notify(data: Any = None, **changes: Any) -> ChangeNotification:
    """Save one with content, in a delivery of its own unless that is given."""
    times = dict.fromkeys(("received_at", "last_received_at", "processed_at"), OLD)
    facts = {"state": "accepted", "resource": "users/u/messages/m", "tenant_id": TENANT, **times, **changes}
    if "delivery" not in changes:
        facts["delivery"] = deliver()
    notification = ALL.create(**facts)
    NotificationContent.objects.create(notification=notification, data=data or {}, opened_at=OLD)
    return notification


def deliver(**changes: Any) -> Delivery:
    times = dict.fromkeys(("received_at", "next_attempt_at", "processed_at"), OLD)
    return Delivery.objects.create(**{"body": b"{}", "size": 2, "state": "done", **times, **changes})


def hold(name: str = "Case 7", *, picked: Any = (), **criteria: Any) -> LegalHold:
    wish = LegalHold(name=name, reason="Asked for by counsel", **criteria)
    return holding.place(wish, picked=picked, actor="ann", now=NOW)


def prune(*, dry_run: bool = False) -> pruning.Summary:
    if not RetentionRule.objects.exists():
        RetentionRule.objects.create(content_days=5, accepted_days=5, refused_days=5, delivery_days=5)
    return pruning.prune(clock=lambda: NOW, dry_run=dry_run)


def erase() -> erasure.Outcome:
    return erasure.erase(ALL.all(), selection="test", actor="ann", now=NOW)


def remaining() -> tuple[int, int, int]:
    return ALL.count(), NotificationContent.objects.count(), Delivery.objects.exclude(body=b"").count()


@pytest.mark.parametrize(
    "criteria",
    [
        {"tenant_id": TENANT.upper()},
        {"mentioning": "zoe@contoso.example"},
        {"received_since": OLD, "received_until": OLD + timedelta(seconds=1)},
        {"tenant_id": TENANT, "mentioning": "zoe@contoso.example", "received_since": OLD},
    ],
    ids=["tenant", "person", "time", "all of them"],
)
def test_what_meets_the_criteria_is_neither_pruned_nor_erased(criteria: dict[str, Any]) -> None:
    kept = notify({"from": "Zoe@contoso.example"})
    notify(tenant_id="other", received_at=OLD - timedelta(days=1))
    hold(**criteria)

    assert erase().erased == 1
    prune()

    assert list(ALL.all()) == [kept]
    assert remaining() == (1, 1, 1)


def test_a_hold_may_be_on_a_subscription_or_an_app_registration(known: Callable[..., Subscription]) -> None:
    one, other = known(), known()
    first, second = notify(subscription=one), notify(subscription=other)
    notify()
    by_subscription = hold(subscription=one)

    assert list(ALL.filter(held.notifications())) == [first]
    assert list(held.covered(by_subscription)) == [first]
    hold(app_registration=one.app_registration)
    assert set(ALL.filter(held.notifications())) == {first, second}


def test_what_was_picked_is_held_and_nothing_else() -> None:
    picked, other = notify(), notify()

    placed = hold(picked=[picked.pk])

    assert (placed.selection, placed.count_when_placed) == (f"notifications {picked.pk}", 1)
    assert held.holds_on(picked.pk) == ["Case 7"]
    assert held.holds_on(other.pk) == []
    prune()
    assert list(ALL.all()) == [picked]


def test_what_arrives_while_it_stands_is_held_too() -> None:
    hold(tenant_id=TENANT)

    late = notify()

    assert held.holds_on(late.pk) == ["Case 7"]


def test_after_its_release_everything_goes_its_way_and_the_hold_stays_on_record() -> None:
    notify()
    placed = hold(tenant_id=TENANT)

    holding.release(placed, reason="Settled", actor="bob", now=NOW)

    placed.refresh_from_db()
    assert (placed.released_by, placed.release_reason, placed.released_at) == ("bob", "Settled", NOW)
    assert placed.selection == f"tenant {TENANT}"
    assert prune().accepted == 1
    assert remaining() == (0, 0, 0)
    assert LegalHold.objects.count() == 1


def test_of_two_holds_on_the_same_the_other_keeps_it() -> None:
    notify()
    first = hold("Case 7", tenant_id=TENANT)
    hold("Case 8", received_since=OLD)

    holding.release(first, reason="Settled", actor="bob", now=NOW)

    assert prune().accepted == 0


def test_a_hold_is_released_once_and_for_a_reason() -> None:
    placed = hold(tenant_id=TENANT)

    with pytest.raises(UseCaseError, match="why"):
        holding.release(placed, reason=" ", actor="bob", now=NOW)
    holding.release(placed, reason="Settled", actor="bob", now=NOW)
    with pytest.raises(UseCaseError, match="already"):
        holding.release(placed, reason="Again", actor="eve", now=NOW)

    placed.refresh_from_db()
    assert placed.released_by == "bob"


@pytest.mark.parametrize(
    ("criteria", "says"),
    [
        ({}, "at least one"),
        ({"mentioning": "zoe"}, "5 to 500 characters"),
        ({"received_since": NOW, "received_until": NOW}, "ends before"),
        ({"picked": [404]}, "no longer kept"),
    ],
    ids=["nothing", "nobody", "no time", "nothing there"],
)
def test_a_hold_on_nothing_is_refused(criteria: dict[str, Any], says: str) -> None:
    with pytest.raises(UseCaseError, match=says):
        hold(**criteria)

    assert not LegalHold.objects.exists()


def test_the_database_takes_no_standing_hold_without_a_criterion() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        LegalHold.objects.create(name="Everything", reason="", placed_at=NOW, placed_by="ann")


def test_a_dry_run_counts_what_holds_keep_and_a_run_keeps_it() -> None:
    notify({"from": "zoe@contoso.example"})
    notify(state="rejected", resource="users/zoe@contoso.example")
    notify()
    hold(mentioning="zoe@contoso.example")

    foretold = prune(dry_run=True)

    assert (foretold.accepted, foretold.refused, foretold.content, foretold.deliveries) == (1, 0, 1, 1)
    kept = foretold.held_accepted, foretold.held_refused, foretold.held_content, foretold.held_deliveries
    assert kept == (1, 1, 2, 2)
    assert prune() == foretold
    assert remaining() == (2, 2, 2)


def test_without_a_hold_pruning_asks_no_more_than_whether_there_is_one(
    django_assert_num_queries: Any,
) -> None:
    notify()
    with django_assert_num_queries(1):
        condition = held.notifications()
    with django_assert_num_queries(1) as queries:
        assert ALL.filter(~condition).count() == 1

    assert "legalhold" not in queries[0]["sql"]


def test_an_erasing_says_which_hold_left_how_many() -> None:
    notify()
    notify({"from": "zoe@contoso.example"})
    hold("Case 7", mentioning="zoe@contoso.example")

    outcome = erase()

    assert (outcome.erased, outcome.held, outcome.held_by) == (1, 1, {"Case 7": 1})
    assert ContentErasure.objects.get().held_count == 1


def test_what_came_in_one_body_with_what_is_held_is_left_with_it() -> None:
    body = deliver()
    notify({"from": "zoe@contoso.example"}, delivery=body)
    beside = notify(delivery=body)
    hold(mentioning="zoe@contoso.example")

    outcome = erase()

    assert (outcome.erased, outcome.held) == (0, 2)
    assert NotificationContent.objects.filter(notification=beside).exists()


def test_what_came_in_one_body_with_what_is_held_goes_when_the_body_has_gone_before() -> None:
    body = deliver()
    notify({"from": "zoe@contoso.example"}, delivery=body)
    notify(delivery=body)
    body.delete()
    hold(mentioning="zoe@contoso.example")

    assert (erase().erased, erase().held) == (1, 1)


def test_an_erasing_that_a_hold_stops_altogether_is_written_down_too() -> None:
    notify()
    hold(tenant_id=TENANT)

    erase()

    record = ContentErasure.objects.get()
    assert (record.notifications_count, record.held_count) == (0, 1)


def test_a_body_that_nobody_could_judge_is_kept_while_it_may_hold_something() -> None:
    deliver(state="dead", processed_at=None)
    deliver(state="dead", processed_at=None, received_at=OLD - timedelta(days=1))
    hold(tenant_id=TENANT, received_since=OLD)

    summary = prune()

    assert (summary.deliveries, summary.held_deliveries) == (1, 1)


def stranger(text: str = "x") -> Acceptance:
    body = f'{{"value": [{{"subscriptionId": "{text}", "resource": "users/{text}"}}]}}'.encode()
    found = accept(
        body, endpoint="notifications", content_type="application/json", content_encoding="", now=NOW
    )
    processing.process(clock=lambda: NOW)
    return found


def test_a_quarantined_body_under_a_hold_makes_no_room(settings: Settings) -> None:
    settings.MAX_QUARANTINED_DELIVERIES = 2
    hold(mentioning="zoe@contoso.example")
    stranger("zoe@contoso.example")

    taken = [stranger(), stranger(), stranger()]

    assert taken == [Acceptance.QUARANTINED] * 3
    assert ALL.filter(resource="users/zoe@contoso.example", delivery__isnull=False).exists()
    assert Delivery.objects.count() == 3  # the bound, and the one that is held beyond it


def test_where_holds_fill_the_quarantine_nothing_more_comes_in(settings: Settings) -> None:
    settings.MAX_QUARANTINED_DELIVERIES = 2
    hold(received_since=NOW)

    taken = [stranger(str(number)) for number in range(4)]

    assert taken == [Acceptance.QUARANTINED] * 2 + [Acceptance.DROPPED] * 2
    assert Delivery.objects.count() == 2


def test_what_was_picked_while_it_waited_is_held_when_it_is_settled(
    known: Callable[..., Subscription], item_of: Callable[..., Any], receive: Callable[..., Any]
) -> None:
    item = item_of(known())
    settled = receive(item)[0]
    # As a worker leaves what cannot be proven yet.
    ALL.filter(pk=settled.pk).update(state="waiting", duplicate_key="w" * 32)
    Delivery.objects.update(state="waiting", next_attempt_at=OLD)
    hold(picked=[settled.pk])

    processing.process(clock=lambda: datetime.now(UTC), include_waiting=True)

    again = ALL.get()
    assert (again.state, again.pk != settled.pk) == ("accepted", True)
    assert held.holds_on(again.pk) == ["Case 7"]


def test_what_was_fetched_before_is_not_written_over_while_it_is_held() -> None:
    notification = notify({"subject": "before"})
    NotificationContent.objects.update(source="fetched")
    wish = ContentFetch.objects.create(
        notification=notification, requested_at=NOW, requested_by="ann", next_attempt_at=NOW
    )
    hold(picked=[notification.pk])

    state = outcomes.conclude(wish, Reading(path="x", document={"subject": "after"}), now=NOW)

    assert state == ContentFetch.State.IMPOSSIBLE
    assert NotificationContent.objects.get().data == {"subject": "before"}
    wish.refresh_from_db()
    assert "legal hold" in wish.outcome


@pytest.mark.parametrize("by", ["subscription", "app_registration"])
def test_what_a_hold_finds_its_rows_by_cannot_be_deleted(known: Callable[..., Subscription], by: str) -> None:
    subscription = known(status="removed")
    wishes: dict[str, Any] = {"subscription": subscription, "app_registration": subscription.app_registration}
    placed = hold(**{by: wishes[by]})

    assert "legal hold Case 7" in deletion.why_not(subscription)
    assert deletion.delete_retired([subscription.pk], now=NOW) == 0
    with pytest.raises(deletion.NotDeletableError, match="Case 7"):
        deletion.delete_owner(subscription.app_registration, clock=lambda: NOW, actor="ann")

    holding.release(placed, reason="Settled", actor="bob", now=NOW)
    assert deletion.delete_retired([subscription.pk], now=NOW) == 1


def test_an_app_registration_without_subscriptions_stays_while_a_hold_names_it(
    unasked_registration: Any,
) -> None:
    hold(app_registration=unasked_registration)

    with pytest.raises(deletion.NotDeletableError, match="Case 7"):
        deletion.delete_owner(unasked_registration, clock=lambda: NOW, actor="ann")


@pytest.mark.django_db(transaction=True)
def test_a_hold_waits_for_those_who_are_deleting() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    notify()
    placed = threading.Event()

    def place() -> None:
        hold(tenant_id=TENANT)
        placed.set()
        connections.close_all()

    with transaction.atomic():
        held.freeze()
        other = threading.Thread(target=place)
        other.start()
        assert not placed.wait(timeout=1)
        ALL.all().delete()
    other.join(timeout=30)

    assert placed.is_set()
