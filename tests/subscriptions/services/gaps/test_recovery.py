"""Recover: since when changes were missed."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from subscriptions.models import Subscription
from subscriptions.services.gaps import recovery


@pytest.mark.django_db(transaction=True)
def test_the_first_missed_moment_stays(make_subscription: Callable[..., Subscription], now: datetime) -> None:
    row = make_subscription()

    recovery.flag_missed(row, now=now)
    recovery.flag_missed(row, now=now + timedelta(hours=1))

    row.refresh_from_db()
    assert row.missed_at == now
