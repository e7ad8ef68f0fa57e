"""Finds changes that were missed and that nobody has looked up, although it could be done."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from subscriptions.models import Alert, DeltaTracking, Gap, Subscription
from subscriptions.services.alerts.checks import Finding

# A worker looks within a minute, cron within a quarter of an hour, and Graph's own troubles pass in some hours.
RECOVERED_WITHIN = timedelta(hours=6)


def changes_not_recovered(now: datetime) -> Iterator[Finding]:
    """Find the gaps that ended hours ago and still await recovery, together for each app registration."""
    gaps = (
        Gap.objects.awaiting()
        .filter(
            ended_at__lte=now - RECOVERED_WITHIN,
            subscription__status=Subscription.Status.ACTIVE,
            subscription__is_enabled=True,
        )
        .select_related("subscription__app_registration")
        .order_by("began_at", "pk")
    )
    groups: dict[int, list[Gap]] = defaultdict(list)
    for gap in gaps:
        groups[gap.subscription.app_registration_id].append(gap)
    for app, theirs in groups.items():
        yield _finding(app, theirs)


def _finding(app: int, gaps: list[Gap]) -> Finding:
    first = gaps[0]
    concerned = frozenset(gap.subscription_id for gap in gaps)
    count = "1 subscription" if len(concerned) == 1 else f"{len(concerned):,} subscriptions"
    return Finding(
        kind=Alert.Kind.NOT_RECOVERED,
        key=f"{Alert.Kind.NOT_RECOVERED}:{app}",
        title=f"{first.subscription.app_registration}: missed changes of {count} are not looked up",
        what_to_do=(
            f"Since {first.began_at:%Y-%m-%d %H:%M} UTC changes were missed that a delta query can still find. Check "
            "that a worker or 'manage.py recover_changes' runs, and see what the latter says. Graph forgets our place "
            f"after some days.{_last_error(concerned)}"
        ),
        subscriptions=concerned,
        app_registration=app,
    )


def _last_error(subscriptions: frozenset[int]) -> str:
    failed = DeltaTracking.objects.filter(subscription__in=subscriptions).exclude(error_message="")
    text = failed.order_by("-error_at").values_list("error_message", flat=True).first()
    return f"\nThe last answer: {text}" if text else ""
