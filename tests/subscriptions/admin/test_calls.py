"""Calls for several rows: each is tried, and a reason is kept for each that fails."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from subscriptions.admin import calls
from subscriptions.models import Subscription


def clock() -> datetime:
    return datetime(2026, 3, 1, tzinfo=UTC)


def test_what_nobody_expected_does_not_stop_the_rest(make_row: Callable[..., Subscription]) -> None:
    def run(subscription: Subscription, _now: datetime, _actor: str) -> str:
        if subscription.resource == "/bad":
            raise ZeroDivisionError
        return "done"

    rows = [make_row(), make_row(resource="/bad"), make_row()]

    outcome = calls.run_for_each(replace(calls.RENEW, run=run), rows, clock=clock, actor="test")

    assert outcome.done == 2
    assert "broke off (ZeroDivisionError)" in outcome.reasons[0]


def test_only_so_many_reasons_are_told() -> None:
    outcome = calls.Outcome(done=1, reasons=tuple(f"r{number}" for number in range(12)))

    told = outcome.in_words(calls.RENEW)

    assert told.startswith("Renewed 1, failed 12. r0 r1")
    assert told.endswith("r9 And 2 more.")
