"""Endpoints that answer too slowly: protocol notes section 4."""

from datetime import UTC, datetime, timedelta

import pytest

from subscriptions.sandbox.slowness import Slowness

NOW = datetime.now(UTC)
HOOK = "https://hooks.example/notifications"


@pytest.mark.parametrize(("slow", "is_dropped"), [(0, False), (15, False), (16, True)])
def test_more_than_fifteen_of_a_hundred_answers_over_ten_seconds_are_too_many(
    slow: int, is_dropped: bool
) -> None:
    slowness = Slowness()
    for number in range(100):
        slowness.note(HOOK, timedelta(seconds=11 if number < slow else 9), at=NOW)

    assert slowness.discards("https://hooks.example/lifecycle", now=NOW) is is_dropped
    assert not slowness.discards("https://other.example/", now=NOW)


def test_after_ten_minutes_an_answer_counts_no_more() -> None:
    slowness = Slowness()
    slowness.note(HOOK, timedelta(seconds=11), at=NOW)

    assert slowness.discards(HOOK, now=NOW + timedelta(minutes=9))
    assert not slowness.discards(HOOK, now=NOW + timedelta(minutes=10))
