"""An item is known again across subscriptions of its tenant, and never taken for another."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from notifications.models import ChangeNotification, NotificationContent
from notifications.services.browsing import item_history
from subscriptions.models import Subscription

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TENANT = "5b0f9a31-7e62-4c1d-9f38-a6d2047be513"
LONG = "AAMkAGI1AAAt9AHjAAAAAAAAAAAAAAAAAAAAAAAA="
SHORT = "1795478500191"


def told(**changes: Any) -> ChangeNotification:
    facts = {
        "change_type": "updated",
        "resource": f"Users/u1/Messages/{LONG}",
        "resource_type": "message",
        "resource_id": LONG,
        "tenant_id": TENANT,
        "state": "accepted",
        "received_at": NOW,
        "last_received_at": NOW,
        "processed_at": NOW,
        **changes,
    }
    return ChangeNotification.objects.create(**facts)


@pytest.mark.parametrize(
    "changes",
    [
        {"resource": f"users('u1')/mailFolders('inbox')/messages('{LONG}')"},
        {"resource_type": "Message"},
        {"state": "waiting"},
        {"origin": "delta"},
        {"change_type": "deleted"},
    ],
    ids=["another spelling of the path", "another spelling of the type", "waiting", "by delta", "deleted"],
)
def test_what_tells_of_the_same_item_is_in_its_history(changes: dict[str, Any]) -> None:
    one = told()
    other = told(**changes, received_at=NOW + timedelta(minutes=1))

    assert list(item_history.states_of(one)) == [other, one]
    assert list(item_history.states_of(other)) == [other, one]


@pytest.mark.parametrize(
    "changes",
    [
        {"tenant_id": "another"},
        {"resource_id": LONG.lower()},
        {"resource_type": "event"},
        {"state": "rejected"},
        {"state": "dead"},
        {"lifecycle_event": "missed"},
    ],
    ids=["another tenant", "another id", "another kind", "refused", "given up", "a lifecycle notice"],
)
def test_what_tells_of_something_else_or_is_not_believed_is_not(changes: dict[str, Any]) -> None:
    one = told()
    told(**changes)

    assert list(item_history.states_of(one)) == [one]


def test_it_is_read_by_an_index_in_its_order() -> None:
    one = told()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")

    plan = item_history.states_of(one)[:10].explain()

    assert "notification_by_item" in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan


def test_short_ids_count_only_with_their_path() -> None:
    facts = {"resource_id": SHORT, "resource_type": "chatMessage"}
    one = told(**facts, resource=f"teams('1')/channels('2')/messages('{SHORT}')")
    told(**facts, resource=f"teams('1')/channels('3')/messages('{SHORT}')")
    same = told(**facts, resource=f"Teams('1')/Channels('2')/messages('{SHORT}')")

    assert list(item_history.states_of(one)) == [same, one]


@pytest.mark.parametrize(
    "changes",
    [{"resource_id": ""}, {"state": "rejected"}, {"lifecycle_event": "missed"}],
    ids=["no item named", "refused", "a lifecycle notice"],
)
def test_what_names_no_item_or_is_not_believed_has_no_history(changes: dict[str, Any]) -> None:
    told()

    assert not item_history.has_history(told(**changes))
    assert not item_history.states_of(told(**changes)).exists()


def test_what_two_subscriptions_tell_is_one_history_whatever_they_call_the_tenant(
    known: Callable[..., Subscription],
) -> None:
    subscription = known()
    registration = subscription.app_registration
    registration.tenant_id = "contoso.example"
    registration.save()
    by_webhook = told(subscription=subscription)
    by_delta = told(subscription=known(), tenant_id="contoso.example", origin="delta")

    assert list(item_history.states_of(by_webhook)) == [by_delta, by_webhook]


def test_the_order_is_that_of_arrival_and_not_that_of_opening() -> None:
    later = told(received_at=NOW + timedelta(hours=1))
    opened_late = told(received_at=NOW)

    assert list(item_history.states_of(later)) == [later, opened_late]


def test_the_previous_state_is_the_last_one_before_of_which_there_is_content() -> None:
    rows = [told(received_at=NOW + timedelta(hours=hours)) for hours in range(4)]
    for row in (rows[0], rows[1], rows[3]):
        NotificationContent.objects.create(notification=row, data={"n": row.pk}, opened_at=NOW)

    assert item_history.previous(rows[0]) is None
    assert item_history.previous(rows[3]) == rows[1]
    assert item_history.previous(rows[2]) == rows[1]


def test_of_two_that_came_together_the_first_number_is_before() -> None:
    first, second = told(), told()
    for row in (first, second):
        NotificationContent.objects.create(notification=row, data={}, opened_at=NOW)

    assert item_history.previous(second) == first
    assert item_history.previous(first) is None
