"""Uptime: the web processes leave signs of life, so that it is known when Graph found nobody here."""

import logging
import os
import threading
import time
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from notifications.models import UptimeSpan
from notifications.services.watching import outages

logger = logging.getLogger(__name__)

BEAT_EVERY = timedelta(minutes=1)
# A process that is busy, or a database that hesitates, is no outage.
LONGEST_PAUSE = timedelta(minutes=5)

_lock = threading.Lock()
# A forked process inherits this value but not the thread.
_owner: int | None = None


def start() -> None:
    """Let this web process leave a sign of life every minute."""
    global _owner  # noqa: PLW0603 -- one thread for each process
    with _lock:
        if _owner == os.getpid():
            return
        _owner = os.getpid()
    threading.Thread(target=_run, name="uptime", daemon=True).start()


def beat(*, now: datetime) -> None:
    """Note that the webhook is there; after a long break, also what may have been lost in it."""
    latest = UptimeSpan.objects.order_by("-last_at").first()
    if latest and latest.last_at >= now - LONGEST_PAUSE:
        UptimeSpan.objects.filter(pk=latest.pk, last_at__lt=now).update(last_at=now)
        return
    try:
        with transaction.atomic():
            UptimeSpan.objects.create(began_at=now, last_at=now, follows=latest)
            if latest:
                outages.note_absence(latest, now=now)
    except IntegrityError:
        # Another process woke up first, and has written the same.
        return


def _run() -> None:
    while True:
        try:
            now = timezone.now()
            beat(now=now)
            outages.note_drops(now=now)
        except Exception:
            # The database is away, perhaps: that this sign of life is missing will tell.
            logger.exception("sign of life not written")
        finally:
            connection.close()
        time.sleep(BEAT_EVERY.total_seconds())
