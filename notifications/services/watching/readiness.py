"""Readiness: whether deliveries can be stored, and what else an operator wants to know of the same look."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from notifications.services.intake import inbox
from subscriptions.models import Subscription
from subscriptions.services.watching import runs
from subscriptions.services.watching.attention import RENEWAL_OVERDUE

READY = "ok"
# A worker looks every second or at each delivery; more than this is a worker that stands still or cannot keep up.
INBOX_LATE = timedelta(minutes=5)

# What was once applied stays applied for as long as this process lives.
_has_migrations = False


def look(*, now: datetime) -> dict[str, Any]:
    """Return the state of this installation; its `status` is `ok` when deliveries can be stored.

    Raises:
        Error: the database does not answer.

    """
    if not _are_migrations_applied():
        return {"status": "migrations are not applied: run manage.py migrate"}
    inbox_lag = inbox.lag(now=now)
    overdue = Subscription.objects.due(now).order_by("renew_at").values_list("renew_at", flat=True).first()
    renewal_lag = now - overdue if overdue else timedelta(0)
    last_run = runs.last_finished(runs.RENEWAL)
    return {
        "status": READY,
        "inbox_lag_seconds": round(inbox_lag.total_seconds()),
        "renewal_lag_seconds": round(renewal_lag.total_seconds()),
        "renewal_finished_at": last_run.finished_at if last_run else None,
        "warnings": [
            *(["The inbox is not worked through."] if inbox_lag > INBOX_LATE else []),
            *(
                ["Renewals are overdue: does renew_subscriptions run?"]
                if renewal_lag > RENEWAL_OVERDUE
                else []
            ),
        ],
    }


def forget() -> None:
    """Look at the migrations anew the next time."""
    global _has_migrations  # noqa: PLW0603 -- see above
    _has_migrations = False


def _are_migrations_applied() -> bool:
    global _has_migrations  # noqa: PLW0603 -- looking is slow, and a yes does not change
    if not _has_migrations:
        executor = MigrationExecutor(connection)
        _has_migrations = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _has_migrations
