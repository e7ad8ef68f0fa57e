"""Absences: what waited through one may be missed by the next, whoever noticed them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from subscriptions.models import Gap, Subscription
from subscriptions.services.gaps import absences
from subscriptions.services.gaps.absences import Absence

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def watching(make_subscription: Callable[..., Subscription]) -> Subscription:
    subscription = make_subscription()
    Subscription.objects.update(first_granted_at=NOW - timedelta(days=1), seen_at=NOW - timedelta(days=1))
    return subscription


def away(left: int, returned: int) -> None:
    """Note an absence between two times, in minutes before now."""
    left_at = NOW - left * MINUTE
    absences.note(Absence(left_at=left_at, left_by=left_at, returned_at=NOW - returned * MINUTE))


def named() -> list[tuple[int, int]]:
    """Return the gaps, in minutes before now."""
    spans = Gap.objects.order_by("began_at").values_list("began_at", "ended_at")
    return [((NOW - began_at) // MINUTE, (NOW - (ended_at or NOW)) // MINUTE) for began_at, ended_at in spans]


def test_one_that_graphs_tries_outlast_loses_nothing() -> None:
    away(119, 0)

    assert named() == []


def test_two_with_a_short_stay_between_lose_together_what_neither_loses_alone() -> None:
    away(260, 170)
    assert named() == []

    away(120, 0)

    assert named() == [(260, 120)]


def test_what_was_told_in_a_long_stay_is_not_lost() -> None:
    away(360, 270)
    away(150, 0)

    assert named() == [(150, 120)]


def test_a_row_of_them_is_one_gap() -> None:
    away(400, 310)
    away(260, 170)
    away(120, 0)

    assert named() == [(400, 120)]


def test_one_that_was_noticed_twice_is_named_once() -> None:
    away(300, 5)
    away(304, 0)

    assert named() == [(304, 120)]
