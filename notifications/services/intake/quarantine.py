"""Quarantine: bodies with nothing of ours in them, kept within bounds for an administrator to look at."""

import logging
import threading
from datetime import datetime, timedelta

from django.db import Error, transaction
from django.db.models import Count, F, Q, QuerySet, Sum, Window
from django.db.models.functions import RowNumber

from notifications import conf
from notifications.models import ChangeNotification, Delivery
from notifications.services.holds import held
from notifications.services.intake import endpoint_health
from notifications.services.rows import counting

logger = logging.getLogger(__name__)

LOG_EVERY = timedelta(minutes=1)


class _Gate:
    """Lets so many through in each minute, and counts those that it turns away. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._minute: datetime | None = None
        self._let_in = 0
        self._turned_away = 0
        self._bytes = 0
        self._logged_at: datetime | None = None

    def is_open(self, *, now: datetime, limit: int) -> bool:
        """Say whether one more may come in at `now`."""
        minute = now.replace(second=0, microsecond=0)
        with self._lock:
            if minute != self._minute:
                self._minute, self._let_in = minute, 0
            self._let_in += 1
            return self._let_in <= limit

    def turn_away(self, size: int, *, now: datetime) -> None:
        """Count one, and log all that were counted since the last line on the log."""
        with self._lock:
            self._turned_away += 1
            self._bytes += size
            if self._logged_at is not None and timedelta(0) <= now - self._logged_at < LOG_EVERY:
                return
            count, size = self._turned_away, self._bytes
            self._turned_away, self._bytes, self._logged_at = 0, 0, now
        logger.warning("unknown deliveries dropped count=%s bytes=%s", count, size)


_gate = _Gate()


def keep(delivery: Delivery, *, now: datetime) -> bool:
    """Save a body that may be a forgery, or a mistake of ours, and say whether there was room for it.

    The oldest make room, but for those under a legal hold: where they fill it, nothing more comes in. One that is too
    large, or one too many in this minute, costs no statement at all.

    Raises:
        Error: it could not be saved.

    """
    configuration = conf.configuration()
    is_welcome = configuration.max_quarantined_deliveries and delivery.size <= conf.LARGEST_QUARANTINED
    if not is_welcome or not _gate.is_open(now=now, limit=configuration.max_quarantined_per_minute):
        return _drop(delivery, now=now)
    delivery.is_quarantined = True
    delivery.save(force_insert=True)
    try:
        has_room = _make_room(delivery)
    except Error:
        # A worker had one of the oldest in hand, or another process made room: the next stranger tries again.
        logger.warning("no room made in the quarantine", exc_info=True)
        has_room = True
    return has_room or _drop(delivery, now=now)


def forget() -> None:
    """Begin to count anew in this process."""
    global _gate  # noqa: PLW0603 -- one gate for each process
    _gate = _Gate()


def _drop(delivery: Delivery, *, now: datetime) -> bool:
    _gate.turn_away(delivery.size, now=now)
    endpoint_health.note_dropped(now=now)
    return False


def _make_room(newest: Delivery) -> bool:
    """Delete the oldest beyond the bounds, with their refused rows; where holds keep them all, the newest instead.

    Say whether the newest stays.
    """
    if (border := _border()) is None:
        return True
    with transaction.atomic():
        held.freeze()
        others = Delivery.objects.filter(is_quarantined=True).exclude(pk=newest.pk)
        is_held = held.deliveries()
        if _is_full(others.filter(is_held)):
            Delivery.objects.filter(pk=newest.pk).delete()
            return False
        surplus = list(others.filter(~is_held, pk__lte=border).values_list("pk", flat=True))
        refused = ChangeNotification.objects.filter(
            delivery__in=surplus, state=ChangeNotification.State.REJECTED
        ).order_by("pk")
        rows = list(refused.only(*counting.COLUMNS).select_for_update(of=("self",)))
        ChangeNotification.objects.filter(pk__in=[row.pk for row in rows]).delete()
        counting.note(gone=rows)
        others.filter(pk__in=surplus).delete()
    return True


def _is_full(deliveries: QuerySet[Delivery]) -> bool:
    configuration = conf.configuration()
    used = deliveries.aggregate(number=Count("pk"), bytes=Sum("size"))
    return (
        used["number"] >= configuration.max_quarantined_deliveries
        or (used["bytes"] or 0) >= configuration.max_quarantined_bytes
    )


def _border() -> int | None:
    """Return the newest that is beyond the bounds; one statement that an index answers."""
    configuration = conf.configuration()
    newest_first = F("pk").desc()
    counted = Delivery.objects.filter(is_quarantined=True).annotate(
        number=Window(RowNumber(), order_by=newest_first),
        bytes_so_far=Window(Sum("size"), order_by=newest_first),
    )
    beyond = counted.filter(
        Q(number__gt=configuration.max_quarantined_deliveries)
        | Q(bytes_so_far__gt=configuration.max_quarantined_bytes)
    )
    return beyond.order_by("-pk").values_list("pk", flat=True).first()
