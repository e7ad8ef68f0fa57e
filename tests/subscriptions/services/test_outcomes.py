"""What an answer, or an error of ours, means for the next try."""

from datetime import UTC, datetime, timedelta

import pytest

from subscriptions.graph.errors import UnreachableError
from subscriptions.models import Subscription
from subscriptions.services import outcomes

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize("error", [UnreachableError("no answer", kind="timeout"), ZeroDivisionError()])
@pytest.mark.parametrize(
    ("life_left", "failures", "wait"),
    [
        (timedelta(days=2), 0, timedelta(minutes=1)),
        (timedelta(days=2), 9, timedelta(minutes=30)),
        (timedelta(minutes=20), 9, timedelta(minutes=5)),
        (timedelta(minutes=2), 9, timedelta(minutes=1)),
    ],
)
def test_two_tries_never_lie_further_apart_than_a_quarter_of_what_is_left(
    error: Exception, life_left: timedelta, failures: int, wait: timedelta
) -> None:
    row = Subscription(status="active", expires_at=NOW + life_left, failures=failures)
    facts = (
        outcomes.failed(error, subscription=row, now=NOW)
        if isinstance(error, UnreachableError)
        else outcomes.broke_off(error, subscription=row, now=NOW)
    )

    assert facts["renew_at"] - NOW == wait
    assert facts["failures"] == failures + 1
