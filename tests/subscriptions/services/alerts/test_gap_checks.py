"""Missed changes that could be found and are not looked up are told of; others are not."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from subscriptions.models import DeltaTracking, Gap, Subscription
from subscriptions.services.alerts.gap_checks import changes_not_recovered

Maker = Callable[..., Subscription]
HOUR = timedelta(hours=1)


def make_gap(subscription: Subscription, *, now: datetime, **changes: Any) -> Gap:
    facts = {
        "cause": "missed",
        "state": "awaiting",
        "began_at": now - 9 * HOUR,
        "began_by": now - 9 * HOUR,
        "ended_at": now - 6 * HOUR,
        **changes,
    }
    return Gap.objects.create(subscription=subscription, **facts)


def test_what_is_not_looked_up_for_hours_is_found(make_row: Maker, now: datetime) -> None:
    rows = [make_row(), make_row()]
    for row in rows:
        make_gap(row, now=now)
    DeltaTracking.objects.create(subscription=rows[0], error_at=now, error_message="403 Access denied")

    [finding] = changes_not_recovered(now)

    assert finding.title == "Fabrikam: missed changes of 2 subscriptions are not looked up"
    assert finding.subscriptions == {row.pk for row in rows}
    assert "Since 2026-03-01 03:00 UTC" in finding.what_to_do
    assert finding.what_to_do.endswith("The last answer: 403 Access denied")


@pytest.mark.parametrize(
    "facts",
    [
        {"ended_at": -5 * HOUR},
        {"ended_at": None},
        {"state": "unrecoverable"},
        {"state": "recovered", "recovered_at": -HOUR},
    ],
)
def test_what_is_looked_up_or_cannot_be_is_not(make_row: Maker, now: datetime, facts: dict[str, Any]) -> None:
    times = {name: now + value if isinstance(value, timedelta) else value for name, value in facts.items()}
    make_gap(make_row(), now=now, **times)

    assert not list(changes_not_recovered(now))


@pytest.mark.parametrize("facts", [{"status": "removed"}, {"is_enabled": False}])
def test_what_is_not_wanted_any_more_is_not(make_row: Maker, now: datetime, facts: dict[str, Any]) -> None:
    make_gap(make_row(**facts), now=now)

    assert not list(changes_not_recovered(now))
