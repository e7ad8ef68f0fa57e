"""Note who read content: written before the content is handed out, so that what is not noted is not read."""

from collections.abc import Iterable
from datetime import datetime

from notifications.models import ChangeNotification, ContentAccess

NAMED_AT_MOST = 1_000


def note_page(notification: ChangeNotification, *, actor: str, now: datetime) -> None:
    """Note that somebody opened one notification with its content; which one is said also when it is gone."""
    ContentAccess.objects.create(
        at=now,
        actor=actor[:200],
        way=ContentAccess.Way.PAGE,
        notification=notification,
        selection=f"Notification {notification.pk}",
    )


def note_many(way: ContentAccess.Way, notifications: Iterable[int], *, actor: str, now: datetime) -> None:
    """Note that somebody got several notifications with their content, by their keys; none is nothing to note."""
    keys = sorted(notifications)
    if not keys:
        return
    named = ", ".join(str(key) for key in keys[:NAMED_AT_MOST])
    ContentAccess.objects.create(
        at=now, actor=actor[:200], way=way, selection=f"Notifications {named}", count=len(keys)
    )


def note_search(selection: str, *, actor: str, now: datetime, found: int) -> None:
    """Note that somebody searched in content, which tells something of it also where little is found."""
    ContentAccess.objects.create(
        at=now, actor=actor[:200], way=ContentAccess.Way.SEARCH, selection=selection, count=found
    )


def begin_export(selection: str, *, actor: str, now: datetime) -> ContentAccess:
    """Note that an export begins; `finish_export` adds how many rows of it had content."""
    return ContentAccess.objects.create(
        at=now, actor=actor[:200], way=ContentAccess.Way.EXPORT, selection=selection, count=0
    )


def finish_export(begun: ContentAccess, *, count: int) -> None:
    """Add the number of rows with content that an export has handed out."""
    ContentAccess.objects.filter(pk=begun.pk).update(count=count)
