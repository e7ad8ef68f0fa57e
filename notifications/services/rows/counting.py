"""Counting: what is stored and deleted is counted in the same transaction, so that a chart agrees with its lists.

Whoever inserts notifications, deletes them or changes their state says so here.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from operator import attrgetter

from django.db import transaction
from django.db.models import F

from notifications.models import ChangeNotification, NotificationCount
from notifications.services.rows.new_rows import NewNotification

# What must be loaded of a notification that is deleted or changes its state.
COLUMNS = ("pk", "received_at", "workload", "state")
STEP = timedelta(minutes=5)
# Older than this, hours are fine enough.
FINE_FOR = timedelta(days=2)
MOST_AT_ONCE = 10_000
Place = tuple[datetime, str, str]
Counted = ChangeNotification | NewNotification
_PLACED_BY = attrgetter("received_at", "workload", "state")


def note(*, came: Iterable[Counted] = (), gone: Iterable[Counted] = ()) -> None:
    """Count notifications that are there from now on, and those that are not, inside the caller's transaction."""
    counts = _counts(came)
    counts.subtract(_counts(gone))
    NotificationCount.objects.bulk_create(_rows(counts))


def sum_up(*, now: datetime) -> int:
    """Add up what was noted, by the hour where it is old, and return how many rows that took away.

    What another process sums up at this moment is left to it. The counts are the same before and afterwards.
    """
    with transaction.atomic():
        old = NotificationCount.objects.between(now - 2 * FINE_FOR, now - FINE_FOR).filter(is_sum=True)
        old.exclude(began_at__minute=0).update(is_sum=False)
        fresh = NotificationCount.objects.filter(is_sum=False).order_by("pk")
        rows = list(fresh.select_for_update(skip_locked=True)[:MOST_AT_ONCE])
        counts: Counter[Place] = Counter()
        for row in rows:
            counts[_coarse(row.began_at, now=now), row.workload, row.state] += row.count
        NotificationCount.objects.filter(pk__in=[row.pk for row in rows]).delete()
        for place in sorted(counts):
            _add(place, counts[place])
    return len(rows)


def begin_of_step(at: datetime) -> datetime:
    """Return the beginning of the five minutes in which a time lies."""
    return at.replace(minute=at.minute // 5 * 5, second=0, microsecond=0)


def _add(place: Place, count: int) -> None:
    """Add to the sum of a place; in one order everywhere, so that no two processes wait for each other."""
    began_at, workload, state = place
    sums = NotificationCount.objects.filter(began_at=began_at, workload=workload, state=state, is_sum=True)
    if not sums.update(count=F("count") + count):
        NotificationCount.objects.bulk_create(_rows(Counter({place: count}), is_sum=True))
    sums.filter(count=0).delete()


def _rows(counts: Counter[Place], *, is_sum: bool = False) -> list[NotificationCount]:
    return [
        NotificationCount(began_at=began_at, workload=workload, state=state, count=count, is_sum=is_sum)
        for (began_at, workload, state), count in counts.items()
        if count
    ]


def _counts(rows: Iterable[Counted]) -> Counter[Place]:
    counts: Counter[Place] = Counter()
    # What comes in one delivery came at one time: few steps to work out for many rows.
    for (received_at, workload, state), count in Counter(map(_PLACED_BY, rows)).items():
        counts[begin_of_step(received_at), workload, state] += count
    return counts


def _coarse(began_at: datetime, *, now: datetime) -> datetime:
    return began_at.replace(minute=0) if began_at < now - FINE_FOR else began_at
