"""Announce what was stored to the code of others, after the commit."""

import logging
from collections.abc import Iterable

from django.db import transaction

from notifications.models import ChangeNotification
from notifications.signals import notification_stored

logger = logging.getLogger(__name__)


def announce(notifications: Iterable[int]) -> None:
    """Send the signal for those of the new rows that are genuine, when the caller's transaction has committed."""
    if not notification_stored.has_listeners(ChangeNotification):
        return
    keys = list(notifications)
    transaction.on_commit(lambda: _send(keys))


def _send(keys: list[int]) -> None:
    rows = ChangeNotification.objects.filter(pk__in=keys, state=ChangeNotification.State.ACCEPTED)
    for row in rows.select_related("subscription", "content").order_by("pk"):
        for receiver, answer in notification_stored.send_robust(ChangeNotification, notification=row):
            if isinstance(answer, Exception):
                name = getattr(receiver, "__qualname__", receiver)
                logger.error("receiver of notification_stored failed name=%s", name, exc_info=answer)
