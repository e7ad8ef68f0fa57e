"""Turns: of all processes that could do something once in a while, one does it."""

from datetime import datetime, timedelta

from subscriptions.models import Turn


def take(name: str, *, now: datetime, every: timedelta = timedelta(0)) -> bool:
    """Take the turn, unless it was taken less than `every` ago; of several callers at once one gets it."""
    if Turn.objects.filter(name=name, taken_at__lte=now - every).update(taken_at=now):
        return True
    return Turn.objects.get_or_create(name=name, defaults={"taken_at": now})[1]


def taken_at(name: str) -> datetime | None:
    """Return when the turn was last taken, in UTC."""
    return Turn.objects.filter(name=name).values_list("taken_at", flat=True).first()
