"""The signal for the code of others: after the commit, once, and without power over the worker."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from notifications.models import ChangeNotification
from notifications.signals import notification_stored
from subscriptions.models import Subscription

pytestmark = pytest.mark.django_db(transaction=True)

SubscriptionMaker = Callable[..., Subscription]
Item = Callable[..., dict[str, Any]]
Receive = Callable[..., list[ChangeNotification]]


@pytest.fixture
def heard() -> Iterator[list[ChangeNotification]]:
    """Listen, and return what was heard."""
    heard: list[ChangeNotification] = []

    def listen(notification: ChangeNotification, **_: Any) -> None:
        heard.append(notification)

    notification_stored.connect(listen)
    yield heard
    notification_stored.disconnect(listen)


def test_each_genuine_notification_is_told_once(
    heard: list[ChangeNotification], known: SubscriptionMaker, item_of: Item, receive: Receive
) -> None:
    item = item_of(known())

    (row,) = receive(item)
    receive(item)

    assert heard == [row]


def test_what_was_rejected_is_not_told(
    heard: list[ChangeNotification], known: SubscriptionMaker, item_of: Item, receive: Receive
) -> None:
    receive(item_of(known(), clientState="guessed"))

    assert heard == []


def test_a_receiver_that_fails_stops_nothing_and_stands_on_the_log(
    known: SubscriptionMaker,
    item_of: Item,
    receive: Receive,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(**_: Any) -> None:
        raise ValueError("of another's making")

    notification_stored.connect(fail)
    (row,) = receive(item_of(known()))
    notification_stored.disconnect(fail)

    assert row.state == "accepted"
    assert "receiver of notification_stored failed" in caplog.text
