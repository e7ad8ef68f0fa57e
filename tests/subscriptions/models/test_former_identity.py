"""Ids that a subscription had before."""

from collections.abc import Callable
from datetime import datetime, timedelta

from subscriptions.models import FormerIdentity, Subscription


def test_a_former_id_is_accepted_until_its_time(make_row: Callable[..., Subscription], now: datetime) -> None:
    row = make_row()
    FormerIdentity.objects.create(
        subscription=row, graph_id="a", client_state="s", accepted_until=now + timedelta(days=1)
    )
    FormerIdentity.objects.create(subscription=row, graph_id="b", client_state="s", accepted_until=now)

    assert [one.graph_id for one in FormerIdentity.objects.accepted(now)] == ["a"]


def test_it_goes_with_its_subscription(make_row: Callable[..., Subscription], now: datetime) -> None:
    row = make_row()
    FormerIdentity.objects.create(subscription=row, graph_id="a", client_state="s", accepted_until=now)

    row.delete()

    assert not FormerIdentity.objects.exists()
