"""Pruning: what is past its retention goes, and nothing else, while everything goes on."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import Error, connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from notifications.models import (
    ChangeNotification,
    ContentAccess,
    Delivery,
    NotificationContent,
    RetentionRule,
)
from notifications.services.browsing import content_audit
from notifications.services.retention import pruning
from subscriptions.keys.field_encryption import generate_key
from subscriptions.models import AppRegistration, Operation, Run, Subscription

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, tzinfo=UTC)
KINDS = ("content", "accepted", "refused", "delivery", "operation")


def rule(app_registration: AppRegistration | None = None, /, **days: int) -> RetentionRule:
    named = {f"{kind}_days": count for kind, count in days.items()}
    return RetentionRule.objects.create(app_registration=app_registration, **named)


def deliver(age: int, **changes: Any) -> Delivery:
    at = NOW - timedelta(days=age)
    facts = {"received_at": at, "body": b"{}", "size": 2, "state": "done", "next_attempt_at": at, **changes}
    return Delivery.objects.create(endpoint="notifications", **facts)


def notify(age: int, **changes: Any) -> ChangeNotification:
    at = NOW - timedelta(days=age)
    facts = {"received_at": at, "last_received_at": at, "processed_at": at, "state": "accepted", **changes}
    return ChangeNotification.objects.create(resource="users/u/messages/m", **facts)


def open_content(notification: ChangeNotification) -> None:
    NotificationContent.objects.create(notification=notification, data={}, opened_at=NOW)


def operate(age: int) -> None:
    Operation.objects.create(
        action="renew", actor="test", started_at=NOW - timedelta(days=age), succeeded=True
    )


def prune(*, dry_run: bool = False) -> pruning.Summary:
    return pruning.prune(clock=lambda: NOW, dry_run=dry_run)


@pytest.fixture
def one_of_each() -> None:
    """Save a row of each kind, ten days old."""
    open_content(notify(10))
    notify(10, state="rejected")
    deliver(10)
    operate(10)


def test_without_a_rule_nothing_goes(one_of_each: None) -> None:
    assert prune() == pruning.Summary()
    assert ChangeNotification.objects.count() == 2


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_goes_by_its_own_days(one_of_each: None, kind: str) -> None:
    rule(None, **{kind: 9})

    summary = prune()

    name = {"delivery": "deliveries", "operation": "operations"}.get(kind, kind)
    counts: dict[str, Any] = {name: 1}
    assert summary == pruning.Summary(rules=1, **counts)
    left = [model.objects.count() for model in (NotificationContent, ChangeNotification, Delivery, Operation)]
    assert sum(left) == (3 if kind == "accepted" else 4)  # content goes with its notification


def test_what_is_younger_stays(one_of_each: None) -> None:
    rule(None, **dict.fromkeys(KINDS, 11))

    assert prune() == pruning.Summary(rules=1)


def test_a_dry_run_counts_what_a_run_then_deletes(one_of_each: None) -> None:
    rule(None, **dict.fromkeys(KINDS, 9))

    foretold = prune(dry_run=True)

    assert ChangeNotification.objects.count() == 2
    assert (
        prune()
        == foretold
        == pruning.Summary(rules=1, content=1, deliveries=1, accepted=1, refused=1, operations=1)
    )
    assert prune() == pruning.Summary(rules=1)


def test_an_app_registration_may_have_a_rule_of_its_own(known: Callable[..., Subscription]) -> None:
    subscription = known()
    rule(subscription.app_registration, accepted=100)
    rule(accepted=5)
    theirs, others = notify(10, subscription=subscription), notify(10)

    prune()

    assert list(ChangeNotification.objects.all()) == [theirs]
    assert others.pk != theirs.pk


def test_an_own_rule_speaks_of_nobody_else(known: Callable[..., Subscription]) -> None:
    subscription = known()
    rule(subscription.app_registration, **dict.fromkeys(KINDS, 5))
    notify(10, subscription=subscription)
    other = notify(10, delivery=deliver(10))

    assert prune().accepted == 1
    assert list(ChangeNotification.objects.all()) == [other]
    assert Delivery.objects.exists()


@pytest.mark.parametrize(
    "changes", [{"state": "waiting"}, {"handle_after": NOW, "lifecycle_event": "missed"}]
)
def test_what_waits_or_is_to_be_acted_on_stays(changes: dict[str, Any]) -> None:
    rule(accepted=1, refused=1)
    notify(10, **changes)

    prune()

    assert ChangeNotification.objects.exists()


@pytest.mark.parametrize("state", ["waiting", "dead"])
def test_a_delivery_stays_as_long_as_something_in_it_waits_or_was_given_up(state: str) -> None:
    rule(delivery=1)
    notify(10, state=state, delivery=deliver(10))

    assert prune().deliveries == 0


@pytest.mark.parametrize("state", ["queued", "waiting"])
def test_a_delivery_with_work_left_stays(state: str) -> None:
    rule(delivery=1, refused=1)
    deliver(10, state=state)

    assert prune().deliveries == 0


def test_a_delivery_that_was_given_up_stays_as_long_as_what_was_refused() -> None:
    deliver(10, state="dead")
    default = rule(delivery=1, refused=11)
    assert prune().deliveries == 0
    default.refused_days = 9
    default.save()

    assert prune().deliveries == 1


def test_a_delivery_goes_when_the_rules_of_all_its_items_let_it(known: Callable[..., Subscription]) -> None:
    subscription = known()
    own = rule(subscription.app_registration, delivery=20)
    rule(delivery=5)
    delivery = deliver(10)
    notify(10, delivery=delivery)
    notify(10, delivery=delivery, subscription=subscription)
    assert prune().deliveries == 0
    own.delivery_days = 9
    own.save()

    assert prune().deliveries == 1
    assert ChangeNotification.objects.count() == 2


def test_a_delivery_goes_without_a_touch_of_its_notifications() -> None:
    rule(delivery=5)
    delivery = deliver(10)
    notify(10, delivery=delivery)

    with CaptureQueriesContext(connection) as captured:
        assert prune().deliveries == 1

    changed = [query["sql"] for query in captured if query["sql"].startswith("UPDATE")]
    assert not [sql for sql in changed if "changenotification" in sql]
    assert ChangeNotification.objects.get().delivery_id == delivery.pk


def test_a_body_whose_key_is_gone_can_be_deleted(settings: Settings) -> None:
    rule(delivery=5)
    deliver(10)
    settings.FIELD_ENCRYPTION_KEYS = [generate_key()]

    assert prune().deliveries == 1


def test_the_audit_log_outlives_what_it_speaks_of() -> None:
    rule(accepted=1)
    content_audit.note_page(notify(10), actor="ana", now=NOW)

    prune()

    assert ContentAccess.objects.get().notification is None


def test_more_than_one_window_is_gone_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "WINDOW", 2)
    rule(accepted=5)
    for age in (10, 1, 10, 10, 1, 10):
        notify(age)

    assert prune().accepted == 4
    assert ChangeNotification.objects.count() == 2


def test_a_run_is_written_down_and_a_dry_one_is_not(one_of_each: None) -> None:
    rule(accepted=5)
    prune(dry_run=True)
    assert not Run.objects.exists()

    prune()

    run = Run.objects.get(command="prune_notifications")
    assert (run.outcome, run.summary["accepted"]) == ("succeeded", 1)


@pytest.mark.django_db(transaction=True)
def test_writers_go_on_meanwhile_and_lose_nothing() -> None:
    rule(accepted=5)
    for _ in range(20):
        notify(10)
    errors: list[Error] = []

    def write() -> None:
        try:
            for _ in range(20):
                notify(1)
        except Error as error:
            errors.append(error)
        finally:
            connections.close_all()

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    pruned = prune().accepted
    for writer in writers:
        writer.join()

    assert (pruned, errors, ChangeNotification.objects.count()) == (20, [], 40)


@pytest.mark.django_db(transaction=True)
def test_what_another_process_holds_is_left_and_nobody_waits() -> None:
    if not connection.features.has_select_for_update_skip_locked:
        pytest.skip("SQLite has one writer at a time")
    rule(accepted=5)
    held, free = notify(10), notify(10)
    pruned: list[int] = []

    def run() -> None:
        pruned.append(prune().accepted)
        connections.close_all()

    with transaction.atomic():
        ChangeNotification.objects.select_for_update().get(pk=held.pk)
        other = threading.Thread(target=run)
        other.start()
        other.join(timeout=30)

    assert pruned == [1]
    assert not ChangeNotification.objects.filter(pk=free.pk).exists()
