"""How many rows a list has, as far as that is known at next to no cost."""

import json
from datetime import timedelta

from django.db import connection
from django.db.models import QuerySet

from notifications.models import ChangeNotification
from notifications.services.browsing.time_limit import TooSlowError, at_most
from subscriptions.services.long_lists import count_up_to

LONGEST_COUNT = timedelta(milliseconds=200)
# From here on the estimate of PostgreSQL's planner, which is taken from samples, is near enough.
ESTIMATED_FROM = 50_000
# What every page of a list pays for; who is about to export waits for more.
COUNTED = 500


def about(rows: QuerySet[ChangeNotification], *, up_to: int = COUNTED) -> str:
    """Return the number in words, counted up to some number, or nothing where it would take long to find out."""
    estimate = _estimate(rows) if connection.vendor == "postgresql" else 0
    if estimate >= ESTIMATED_FROM:
        digits = len(str(estimate)) - 2
        return f"about {round(estimate, -digits):,}"
    try:
        with at_most(LONGEST_COUNT):
            count = count_up_to(rows, up_to)
    except TooSlowError:
        return ""
    return f"more than {up_to:,}" if count > up_to else f"{count:,}"


def _estimate(rows: QuerySet[ChangeNotification]) -> int:
    plan = json.loads(rows.order_by().values("pk").explain(format="json"))
    return int(plan[0]["Plan"]["Plan Rows"])
