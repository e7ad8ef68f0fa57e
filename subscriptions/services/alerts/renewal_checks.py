"""Finds that the renewal command does not come."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Max, Min

from subscriptions.models import Alert, Run, Subscription
from subscriptions.services.alerts.checks import Finding
from subscriptions.services.watching import runs

Status = Subscription.Status
# Cron comes every 5 to 15 minutes: two runs have not come.
STOPPED_AFTER = timedelta(minutes=35)


def renewal_has_stopped(now: datetime) -> Iterator[Finding]:
    """Find that no renewal run has come for longer than two of its intervals, while there is something to renew."""
    to_renew = Subscription.objects.exclude(status=Status.REMOVED).filter(is_enabled=True, auto_renew=True)
    last = runs.last_finished(runs.RENEWAL)
    begun = Run.objects.filter(command=runs.RENEWAL, outcome=Run.Outcome.RUNNING).aggregate(
        at=Max("started_at")
    )["at"]
    # Before the first run, the time counts from the first subscription on.
    since = last.finished_at if last else to_renew.aggregate(at=Min("created_at"))["at"]
    if since is None or max(since, begun or since) > now - STOPPED_AFTER or not to_renew.exists():
        return
    when = f"has not come to its end since {since:%Y-%m-%d %H:%M} UTC" if last else "has never run"
    yield Finding(
        kind=Alert.Kind.RENEWAL_STOPPED,
        key=Alert.Kind.RENEWAL_STOPPED,
        title=f"The renewal {when}",
        what_to_do=(
            "Without it every subscription lapses. Check that cron runs 'manage.py renew_subscriptions' every 5 to 15 "
            "minutes, and run it once by hand to see what it says."
        ),
    )
