"""Traffic: what each subscription usually says is learnt from its own past, and unusual silence is found."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min

from notifications.models import ChangeNotification, Traffic
from notifications.services.intake import inbox
from subscriptions.models import Gap, Subscription

# A working week and the weekends around it must have been seen, and often enough, before silence says anything.
HISTORY = timedelta(days=14)
FEWEST = 20
# Silence counts from twice the longest pause of the last weeks, and never from less than some hours.
TIMES_THE_LONGEST = 2
SHORTEST_SILENCE = timedelta(hours=6)
PERIOD = timedelta(days=14)
# A row is not written again for what comes so soon after the last: pauses are counted in hours.
FINE = timedelta(minutes=5)
# Notifications read at once. What lies further back, after a long stand-still, is passed over.
MOST_READ = 200_000
BATCH_SIZE = 1000


@dataclass(frozen=True, kw_only=True)
class Silence:
    """A subscription that used to talk and does not."""

    subscription: Subscription
    last_at: datetime
    longest_pause: timedelta


def learn(*, now: datetime) -> int:
    """Read what has come since the last time, and return for how many subscriptions something was written.

    Costs one look at the new notifications, whatever the number of old ones. Of two that learn at once both write the
    same.
    """
    heard = _heard()
    known = Traffic.objects.in_bulk([one["subscription"] for one in heard])
    rows = [
        _learnt(known.get(one["subscription"]), one, now=now)
        for one in heard
        if one["subscription"] not in known or one["last"] - known[one["subscription"]].last_at >= FINE
    ]
    fields = [field.name for field in Traffic._meta.fields if not field.primary_key]  # noqa: SLF001 -- documented
    for start in range(0, len(rows), BATCH_SIZE):
        Traffic.objects.bulk_create(
            rows[start : start + BATCH_SIZE],
            update_conflicts=True,
            unique_fields=["subscription"],
            update_fields=fields,
        )
    return len(rows)


def silent(*, now: datetime) -> list[Silence]:
    """Return the subscriptions that have been silent for longer than they ever are, at Graph and listened to.

    What waits in the inbox may hold their words: the time counts up to the oldest of it.
    """
    until = now - inbox.lag(now=now)
    rows = Traffic.objects.filter(
        silent_at__lte=until,
        subscription__status=Subscription.Status.ACTIVE,
        subscription__is_enabled=True,
        subscription__expires_at__gt=now,
    ).select_related("subscription__app_registration")
    found = list(rows.order_by("silent_at"))
    deaf_until = _deaf_until(row.subscription_id for row in found)
    return [
        Silence(subscription=row.subscription, last_at=row.last_at, longest_pause=_longest(row))
        for row in found
        if until - max(row.last_at, deaf_until.get(row.subscription_id, row.last_at)) >= _patience(row)
    ]


def _heard() -> list[dict[str, Any]]:
    """Return first, last and number of the new notifications of each subscription."""
    newest = ChangeNotification.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    read = Traffic.objects.aggregate(at=Max("last_notification"))["at"] or 0
    fresh = ChangeNotification.objects.filter(
        pk__gt=max(read, newest - MOST_READ),
        state=ChangeNotification.State.ACCEPTED,
        origin=ChangeNotification.Origin.WEBHOOK,
        lifecycle_event="",
        subscription__isnull=False,
    )
    spans = (
        fresh.order_by()
        .values("subscription")
        .annotate(first=Min("received_at"), last=Max("received_at"), newest=Max("pk"), count=Count("pk"))
    )
    return [dict(span) for span in spans]


def _learnt(known: Traffic | None, heard: dict[str, Any], *, now: datetime) -> Traffic:
    row = known or Traffic(
        subscription_id=heard["subscription"],
        since_at=heard["first"],
        last_at=heard["first"],
        longest_pause=timedelta(0),
        former_longest_pause=timedelta(0),
        period_began_at=now,
    )
    if now - row.period_began_at >= PERIOD:
        row.former_longest_pause, row.longest_pause, row.period_began_at = (
            row.longest_pause,
            timedelta(0),
            now,
        )
    pause = heard["first"] - row.last_at
    if pause < SHORTEST_SILENCE or not _was_deaf(row):
        row.longest_pause = max(row.longest_pause, pause)
    row.last_at = heard["last"]
    row.notifications += heard["count"]
    row.last_notification = heard["newest"]
    is_known_well = row.notifications >= FEWEST and row.last_at - row.since_at >= HISTORY
    row.silent_at = row.last_at + _patience(row) if is_known_well else None
    return row


def _was_deaf(row: Traffic) -> bool:
    """Say whether it did not listen at some time since it was last heard of: such a pause is not its own."""
    return Gap.objects.filter(subscription=row.subscription_id).touching(row.last_at).exists()


def _deaf_until(subscriptions: Iterable[int]) -> dict[int, datetime]:
    """Return when each last began to listen again."""
    gaps = Gap.objects.filter(subscription__in=list(subscriptions), ended_at__isnull=False).order_by()
    return dict(gaps.values("subscription").annotate(at=Max("ended_at")).values_list("subscription", "at"))


def _longest(row: Traffic) -> timedelta:
    return max(row.longest_pause, row.former_longest_pause)


def _patience(row: Traffic) -> timedelta:
    return max(TIMES_THE_LONGEST * _longest(row), SHORTEST_SILENCE)
