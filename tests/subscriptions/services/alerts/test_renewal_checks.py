"""A renewal that does not come is noticed, as long as there is something to renew."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from subscriptions.models import Run, Subscription
from subscriptions.services.alerts.renewal_checks import renewal_has_stopped

Maker = Callable[..., Subscription]
MINUTE = timedelta(minutes=1)


def write(now: datetime, *, started: int, finished: int | None, outcome: str) -> None:
    finished_at = None if finished is None else now - finished * MINUTE
    Run.objects.create(
        command="renew_subscriptions",
        started_at=now - started * MINUTE,
        finished_at=finished_at,
        outcome=outcome,
    )


@pytest.mark.parametrize(
    ("run", "is_found"),
    [
        ({"started": 35, "finished": 34, "outcome": "succeeded"}, False),
        ({"started": 36, "finished": 35, "outcome": "succeeded"}, True),
        ({"started": 5, "finished": 4, "outcome": "failed"}, False),
        ({"started": 5, "finished": 4, "outcome": "broken"}, True),
        ({"started": 34, "finished": None, "outcome": "running"}, False),
        ({"started": 35, "finished": None, "outcome": "running"}, True),
    ],
)
def test_two_intervals_without_a_run_are_too_many(
    make_row: Maker, now: datetime, run: dict[str, Any], is_found: bool
) -> None:
    make_row()
    write(now, **run)

    assert bool(list(renewal_has_stopped(now))) is is_found


def test_a_renewal_that_never_ran_is_noticed(make_row: Maker, now: datetime) -> None:
    row = make_row()
    created_at = now - 35 * MINUTE
    Subscription.objects.filter(pk=row.pk).update(created_at=created_at)

    [finding] = renewal_has_stopped(now)

    assert finding.title == "The renewal has never run"
    assert not list(renewal_has_stopped(now - MINUTE))


@pytest.mark.parametrize("facts", [{"is_enabled": False}, {"auto_renew": False}, {"status": "removed"}])
def test_where_nothing_is_to_be_renewed_nothing_is_amiss(
    make_row: Maker, now: datetime, facts: dict[str, Any]
) -> None:
    make_row(**facts)

    assert not list(renewal_has_stopped(now))
