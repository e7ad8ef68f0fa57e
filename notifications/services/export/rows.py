"""Which notifications are exported, and what a row of them holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet

from notifications.models import ChangeNotification, NotificationContent

CHUNK_SIZE = 1000
FACTS = (
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
)
CONTENT = ("content", "content_source", "content_fetched_at")
COLUMNS = (*FACTS, *CONTENT)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What to export; times are aware, `since` included and `until` not."""

    since: datetime | None = None
    until: datetime | None = None
    subscription: str = ""

    def __str__(self) -> str:
        """Say it in words."""
        parts = [
            f"received since {self.since.isoformat()}" if self.since else "",
            f"received before {self.until.isoformat()}" if self.until else "",
            f"subscription {self.subscription}" if self.subscription else "",
        ]
        return ", ".join(filter(None, parts)) or "all notifications"


def selected(selection: Selection) -> QuerySet[ChangeNotification]:
    """Return the notifications of a selection."""
    found = ChangeNotification.objects.all()
    if selection.since:
        found = found.filter(received_at__gte=selection.since)
    if selection.until:
        found = found.filter(received_at__lt=selection.until)
    if selection.subscription:
        found = found.filter(subscription_graph_id=selection.subscription.lower())
    return found


def rows(notifications: QuerySet[ChangeNotification], *, with_content: bool) -> Iterator[dict[str, Any]]:
    """Yield one row for each notification, oldest first, reading the table in pieces."""
    related = ("subscription", "content") if with_content else ("subscription",)
    found = notifications.select_related(*related).order_by("pk")
    for notification in found.iterator(CHUNK_SIZE):
        row = row_of(notification)
        yield {**row, **content_of(notification)} if with_content else row


def row_of(notification: ChangeNotification) -> dict[str, Any]:
    """Return what is told of one notification, without its content."""
    return {
        **{name: getattr(notification, name) for name in FACTS},
        "subscription": _graph_id(notification),
        "received_at": notification.received_at.isoformat(),
    }


def content_of(notification: ChangeNotification) -> dict[str, Any]:
    """Return the content of one notification, where it is from and when it was fetched; None for what there is not.

    What came with the notification was not fetched: it is the state at the time of the change.
    """
    try:
        content = notification.content
    except ObjectDoesNotExist:
        return dict.fromkeys(CONTENT)
    came_along = content.source == NotificationContent.Source.NOTIFICATION
    return {
        "content": content.data,
        "content_source": content.source,
        "content_fetched_at": None if came_along else content.opened_at.isoformat(),
    }


def _graph_id(notification: ChangeNotification) -> str:
    """Return Graph's id of the subscription as Graph spelled it when it was made, where that is known."""
    unverified = notification.subscription_graph_id
    made = notification.subscription.graph_id if notification.subscription else ""
    return made if made and made.lower() == unverified.lower() else unverified
