"""Claims: one of several workers goes on."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from subscriptions.models import Subscription
from subscriptions.services import creation
from subscriptions.services.claims import CLAIM_LASTS, claim, prolong, settle

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Subscription]
PENDING = ("pending",)


@pytest.fixture
def row(make_wish: Make, now: datetime) -> Subscription:
    """Save a subscription that was not sent yet."""
    return creation.plan(make_wish(), now=now)


def test_one_of_many_gets_it(row: Subscription, now: datetime, at_once: Callable[..., list[Any]]) -> None:
    tokens = at_once(lambda: claim(row.pk, now=now, statuses=PENDING), threads=4)

    assert len([token for token in tokens if token]) == 1


def test_it_is_taken_only_in_the_state_that_is_expected(row: Subscription, now: datetime) -> None:
    assert not claim(row.pk, now=now, statuses=("active",))
    assert not claim(row.pk, now=now, statuses=PENDING, renew_at=now)
    assert claim(row.pk, now=now, statuses=PENDING, renew_at=row.renew_at, graph_id=None)


def test_it_may_be_taken_over_when_it_has_run_out(row: Subscription, now: datetime) -> None:
    claim(row.pk, now=now, statuses=PENDING)

    assert not claim(row.pk, now=now + CLAIM_LASTS - timedelta(seconds=1), statuses=PENDING)
    assert claim(row.pk, now=now + CLAIM_LASTS, statuses=PENDING)


def test_it_can_be_prolonged_while_it_is_held(row: Subscription, now: datetime) -> None:
    token = claim(row.pk, now=now, statuses=PENDING)
    later = now + CLAIM_LASTS

    assert prolong(row, token, now=later)
    assert not claim(row.pk, now=later, statuses=PENDING)
    assert not prolong(row, "another", now=later)


def test_who_lost_it_writes_nothing(row: Subscription, now: datetime) -> None:
    lost = claim(row.pk, now=now, statuses=PENDING)
    held = claim(row.pk, now=now + CLAIM_LASTS, statuses=PENDING)

    assert not settle(row, lost, error_code="lost")
    assert settle(row, held, error_code="held")
    assert (row.error_code, row.claim, row.claimed_until) == ("held", "", None)
