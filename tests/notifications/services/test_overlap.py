"""The overlap of a rotation: old and new are accepted, each only with its own clientState, and nothing twice."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifications.models import ChangeNotification
from subscriptions.models import FormerIdentity, Subscription
from subscriptions.services import client_state_rotation

pytestmark = pytest.mark.django_db(transaction=True)

Item = dict[str, Any]


@pytest.fixture
def names(make_subscription: Callable[..., Subscription]) -> dict[str, Item]:
    """Rotate a subscription, and return how Graph names it in items before and after."""
    row = make_subscription()
    names = {}
    names["old"] = {"subscriptionId": row.graph_id, "clientState": row.client_state.reveal()}
    client_state_rotation.rotate(row, now=datetime.now(UTC), actor="alice")
    row.refresh_from_db()
    names["new"] = {"subscriptionId": row.graph_id, "clientState": row.client_state.reveal()}
    return names


@pytest.mark.parametrize(
    ("graph_id", "client_state", "state"),
    [
        ("old", "old", "accepted"),
        ("new", "new", "accepted"),
        ("old", "new", "rejected"),
        ("new", "old", "rejected"),
    ],
)
def test_each_is_accepted_only_with_its_own_client_state(
    graph_id: str,
    client_state: str,
    state: str,
    names: dict[str, Item],
    item_of: Callable[..., Item],
    receive: Callable[..., list[ChangeNotification]],
) -> None:
    name = {**names[graph_id], "clientState": names[client_state]["clientState"]}

    (row,) = receive(item_of(Subscription.objects.get(), **name))

    assert row.state == state


def test_one_change_told_by_both_is_stored_once(
    names: dict[str, Item],
    item_of: Callable[..., Item],
    receive: Callable[..., list[ChangeNotification]],
) -> None:
    change = item_of(Subscription.objects.get())

    receive({**change, **names["old"]})
    rows = receive({**change, **names["new"]})

    assert [(row.state, row.times_delivered) for row in rows] == [("accepted", 2)]


def test_when_the_overlap_is_over_the_old_one_proves_nothing(
    names: dict[str, Item],
    item_of: Callable[..., Item],
    receive: Callable[..., list[ChangeNotification]],
) -> None:
    FormerIdentity.objects.update(accepted_until=datetime.now(UTC) - timedelta(seconds=1))

    (row,) = receive(item_of(Subscription.objects.get(), **names["old"]))

    assert (row.state, row.reason) == ("rejected", "unknown_subscription")


def test_a_wiped_client_state_is_no_empty_password(
    names: dict[str, Item],
    item_of: Callable[..., Item],
    receive: Callable[..., list[ChangeNotification]],
) -> None:
    # As when the clock that ended the overlap was ahead of this one.
    FormerIdentity.objects.update(client_state="")
    old = names["old"]["subscriptionId"]

    for empty in ("", None):
        row = receive(item_of(Subscription.objects.get(), subscriptionId=old, clientState=empty))[-1]
        assert row.state == "rejected"
