"""Which notifications are exported, and what a row of them holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet

from notifications.models import ChangeNotification

CHUNK_SIZE = 1000
COLUMNS = (
    "id",
    "notification_id",
    "subscription",
    "resource",
    "resource_type",
    "resource_id",
    "change_type",
    "lifecycle_event",
    "tenant_id",
    "state",
    "reason",
    "origin",
    "times_delivered",
    "received_at",
    "content",
)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What to export; times are aware, `since` included and `until` not."""

    since: datetime | None = None
    until: datetime | None = None
    subscription: str = ""


def rows(selection: Selection) -> Iterator[dict[str, Any]]:
    """Yield one row for each notification, oldest first, reading the table in pieces."""
    for notification in _selected(selection).iterator(CHUNK_SIZE):
        yield _row(notification)


def _selected(selection: Selection) -> QuerySet[ChangeNotification]:
    found = ChangeNotification.objects.select_related("content", "subscription").order_by("pk")
    if selection.since:
        found = found.filter(received_at__gte=selection.since)
    if selection.until:
        found = found.filter(received_at__lt=selection.until)
    if selection.subscription:
        found = found.filter(subscription_graph_id=selection.subscription.lower())
    return found


def _row(notification: ChangeNotification) -> dict[str, Any]:
    try:
        content = notification.content.data
    except ObjectDoesNotExist:
        content = None
    row = {name: getattr(notification, name) for name in COLUMNS if name not in {"subscription", "content"}}
    return {
        **row,
        "subscription": _graph_id(notification),
        "received_at": notification.received_at.isoformat(),
        "content": content,
    }


def _graph_id(notification: ChangeNotification) -> str:
    """Return Graph's id of the subscription as Graph spelled it when it was made, where that is known."""
    unverified = notification.subscription_graph_id
    made = notification.subscription.graph_id if notification.subscription else ""
    return made if made and made.lower() == unverified.lower() else unverified
