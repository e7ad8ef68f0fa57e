"""Recovering: what the webhook was not told is found by delta query, stored once, and only what belongs there."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from notifications.models import ChangeNotification
from notifications.services import recovering
from subscriptions.models import DeltaLink, Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.services.catching_up import Report

pytestmark = pytest.mark.django_db(transaction=True)

USER = "9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3"
MAIL = f"/users/{USER}/messages"
ALL = "created,updated,deleted"
Found = list[tuple[str, str, str]]


def recover(subscription: Subscription) -> Report:
    return recovering.recover(subscription, clock=lambda: datetime.now(UTC), actor="test")


def rows() -> Found:
    """Return what is stored: way, change type and item."""
    stored = ChangeNotification.objects.order_by("pk")
    return [(row.origin, row.change_type, row.resource_id) for row in stored]


@pytest.fixture
def lose(sandbox: Sandbox, settings: Any) -> Callable[..., None]:
    """Return a function that lets something happen of which the webhook is never told."""

    def happen(path: str, change_type: str, content: dict[str, Any] | None = None) -> None:
        kept = sandbox._shelf._stored
        sandbox._shelf._stored = {}
        sandbox.make_change(path, change_type, content)
        sandbox._shelf._stored = kept

    return happen


def test_the_first_run_stores_nothing_of_what_was_there_before(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    sandbox.make_change(f"{MAIL}/old", "created")
    subscription = make_subscription()

    report = recover(subscription)

    assert (report.changes, rows()) == (0, [])
    assert DeltaLink.objects.filter(stage="following").count() == 2


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        (MAIL, f"{MAIL}/x"),
        (f"/users/{USER}/mailFolders('inbox')/messages", f"/users/{USER}/mailFolders/inbox/messages/x"),
        (f"/users/{USER}/events", f"/users/{USER}/events/x"),
        (f"/users/{USER}/contacts", f"/users/{USER}/contacts/x"),
        ("/teams/T/channels/C/messages", "/teams/T/channels/C/messages/x"),
    ],
)
def test_what_was_lost_is_found_and_stored_once(
    resource: str, path: str, make_subscription: Callable[..., Subscription], lose: Callable[..., None]
) -> None:
    subscription = make_subscription(resource=resource, change_type=ALL)
    recover(subscription)

    lose(path, "created")
    first, second = recover(subscription), recover(subscription)

    assert (first.changes, second.changes) == (1, 0)
    assert rows() == [("delta", "created", "x")]
