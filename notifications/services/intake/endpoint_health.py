"""Endpoint health: how fast the webhook answers, held against the limits beyond which Graph holds back or discards."""

import logging
import os
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import Error, IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from notifications import conf
from notifications.models import EndpointMinute
from notifications.models.endpoint_minute import LIMITS

logger = logging.getLogger(__name__)

# Graph looks at ten minutes. Beyond these shares of answers it calls an endpoint slow (over 3 s: notifications are held
# back) or drops what it has for it (over 10 s). Source: change-notifications-delivery-webhooks.md (2026-04-22).
MINUTE = timedelta(minutes=1)
WINDOW = 10 * MINUTE
SLOW_SHARE = 0.10
DROP_SHARE = 0.15
# Half of Graph's limit: soon enough to do something about it.
WARNING_SHARE = 0.05
KEPT_FOR = timedelta(days=30)
FLUSH_EVERY_SECONDS = 3.0
# While the database is away the counts wait in memory, for as long as Graph itself goes on trying.
MINUTES_IN_MEMORY = 240


class Level(StrEnum):
    """What Graph makes of the answers of the last ten minutes."""

    SILENT = "silent"
    FINE = "fine"
    WARNING = "warning"
    SLOW = "slow"
    DROPPING = "dropping"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The answers of the last ten minutes."""

    answers: int
    over_3_s: int
    over_10_s: int
    dropped: int

    @classmethod
    def of(cls, minutes: Iterable[EndpointMinute]) -> "Standing":
        """Add up the answers of some minutes."""
        added: Counter[str] = Counter()
        for minute in minutes:
            added.update({field.name: getattr(minute, field.name) for field in fields(cls)})
        return cls(**{field.name: added[field.name] for field in fields(cls)})

    @property
    def share_over_3_s(self) -> float:
        """Return the share of answers that took over three seconds, from 0 to 1."""
        return self.over_3_s / self.answers if self.answers else 0.0

    @property
    def share_over_10_s(self) -> float:
        """Return the share of answers that took over ten seconds, from 0 to 1."""
        return self.over_10_s / self.answers if self.answers else 0.0

    @property
    def level(self) -> Level:
        """Say what Graph makes of it, or is about to."""
        if not self.answers:
            return Level.SILENT
        if self.share_over_10_s > DROP_SHARE:
            return Level.DROPPING
        if self.share_over_3_s > SLOW_SHARE:
            return Level.SLOW
        return Level.WARNING if self.share_over_3_s >= WARNING_SHARE else Level.FINE


# What the web threads note, without waiting for each other: when, and how long the answer took, nothing for what was
# dropped. It is read every few seconds.
_MOST_NOTED = 100_000
_noted: deque[tuple[datetime, timedelta | None]] = deque(maxlen=_MOST_NOTED)
_lock = threading.Lock()
_counts: defaultdict[datetime, Counter[str]] = defaultdict(Counter)
# A forked process inherits this value but not the thread.
_owner: int | None = None


def note_answer(took: timedelta, *, now: datetime) -> None:
    """Count an answer in memory; it is written a few seconds later, outside of any request."""
    _note(took, now=now)


def note_dropped(*, now: datetime) -> None:
    """Count a delivery of a stranger for which there was no room."""
    _note(None, now=now)


def flush() -> None:
    """Add to the database what was counted in this process; what cannot be written is kept for the next time."""
    with _lock:
        while _noted:
            now, took = _noted.popleft()
            _count(now.replace(second=0, microsecond=0), _names(took))
        counted = dict(_counts)
        _counts.clear()
    for minute, counts in sorted(counted.items()):
        try:
            _add(minute, counts)
        except Error:
            logger.warning("speed of the webhook not written minute=%s", minute, exc_info=True)
            with _lock:
                _count(minute, counts)


def standing(*, now: datetime) -> Standing:
    """Return how fast the webhook answered in the ten minutes before `now`."""
    return Standing.of(EndpointMinute.objects.within(WINDOW, now=now))


def last_dropping(*, now: datetime) -> datetime | None:
    """Return the last moment of the ten minutes before `now` at which Graph called us too slow, to the minute, or None.

    Whoever looks less often than each minute would otherwise miss what was slow since the look before.
    """
    minutes = list(EndpointMinute.objects.within(2 * WINDOW + MINUTE, now=now))
    this_minute = now.replace(second=0, microsecond=0)
    for back in range(WINDOW // MINUTE + 1):
        end = this_minute + MINUTE - back * MINUTE
        seen = [one for one in minutes if end - WINDOW <= one.minute < end]
        if Standing.of(seen).level == Level.DROPPING:
            return min(end, now)
    return None


def forget() -> None:
    """Drop what this process has counted."""
    with _lock:
        _noted.clear()
        _counts.clear()


def _note(took: timedelta | None, *, now: datetime) -> None:
    _noted.append((now, took))
    _start()


def _names(took: timedelta | None) -> list[str]:
    """Return the columns in which an answer counts."""
    if took is None:
        return ["dropped"]
    return ["answers", *(name for name, limit in LIMITS.items() if took > limit)]


def _count(minute: datetime, counted: Counter[str] | list[str]) -> None:
    _counts[minute].update(counted)
    if len(_counts) > MINUTES_IN_MEMORY:
        del _counts[min(_counts)]


def _start() -> None:
    """Start the thread of this process that writes, unless it runs."""
    global _owner  # noqa: PLW0603 -- one thread for each process
    if _owner == os.getpid() or not conf.configuration().measure_endpoint:
        return
    with _lock:
        if _owner == os.getpid():
            return
        _owner = os.getpid()
    threading.Thread(target=_run, name="endpoint-health", daemon=True).start()


def _run() -> None:
    global _owner  # noqa: PLW0603 -- one thread for each process
    while True:
        time.sleep(FLUSH_EVERY_SECONDS)
        if not conf.configuration().measure_endpoint:
            _owner = None
            return
        try:
            flush()
        except Exception:
            # Measuring must never end for good because of one odd moment.
            logger.exception("speed of the webhook not written")
        finally:
            connection.close()


def _add(minute: datetime, counts: Counter[str]) -> None:
    """Add to the row of a minute, of which other processes may think that it is not there either."""
    rows = EndpointMinute.objects.filter(pk=minute)
    increments = {name: F(name) + count for name, count in counts.items()}
    if rows.update(**increments):
        return
    try:
        with transaction.atomic():
            EndpointMinute.objects.create(minute=minute, **counts)
    except IntegrityError:
        rows.update(**increments)
        return
    # The first to write in a minute clears what is too old.
    EndpointMinute.objects.filter(minute__lt=timezone.now() - KEPT_FOR).delete()
