"""Erasure: content goes for good and does not come back by itself; that something happened stays."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifications.models import (
    ChangeNotification,
    ContentErasure,
    ContentFetch,
    Delivery,
    NotificationContent,
)
from notifications.services import fetching, replay
from notifications.services.retention import erasure
from subscriptions.models import Subscription
from subscriptions.sandbox import Sandbox

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ALL = ChangeNotification.objects
Make = Callable[..., ChangeNotification]


@pytest.fixture
def make() -> Make:
    """Return a function that saves a notification with content, in a delivery of its own."""

    def save(*, data: Any = None, delivered: str = "done", **changes: Any) -> ChangeNotification:
        times = dict.fromkeys(("received_at", "last_received_at", "processed_at"), NOW)
        delivery = Delivery.objects.create(
            received_at=NOW, body=b'{"secret": 1}', size=13, state=delivered, next_attempt_at=NOW
        )
        facts = {"state": "accepted", "resource": "users/u/messages/m", "delivery": delivery, **changes}
        notification = ALL.create(**times, **facts)
        NotificationContent.objects.create(
            notification=notification, data=data or {"subject": "Hello"}, opened_at=NOW
        )
        return notification

    return save


def erase(rows: Any = None) -> erasure.Outcome:
    return erasure.erase(ALL.all() if rows is None else rows, selection="test", actor="ann", now=NOW)


def test_content_and_body_go_and_the_rest_stays(make: Make) -> None:
    notification = make(change_type="created")

    assert erase() == erasure.Outcome(erased=1, deliveries=1)

    notification.refresh_from_db()
    assert not NotificationContent.objects.exists()
    assert bytes(Delivery.objects.get().body) == b""
    assert (notification.change_type, notification.resource) == ("created", "users/u/messages/m")


def test_what_has_lost_its_delivery_is_erased_too(make: Make) -> None:
    make()
    Delivery.objects.all().delete()

    assert erase() == erasure.Outcome(erased=1, deliveries=0)


def test_it_is_written_down_who_erased_what(make: Make) -> None:
    notification = make()

    erase()

    record = ContentErasure.objects.get()
    assert (record.actor, record.selection, record.at) == ("ann", "test", NOW)
    assert (record.notifications_count, record.deliveries_count) == (1, 1)
    assert list(record.notifications.all()) == [notification]


def test_nothing_is_erased_twice(make: Make) -> None:
    make()
    erase()

    assert erase() == erasure.Outcome()
    assert ContentErasure.objects.count() == 1


@pytest.mark.parametrize(
    "changes",
    [{"state": "waiting"}, {"delivered": "waiting"}, {"delivered": "queued"}, {"lifecycle_event": "missed"}],
)
def test_what_waits_and_what_is_about_the_subscription_is_left(make: Make, changes: dict[str, str]) -> None:
    make(**changes)

    assert erase() == erasure.Outcome()
    assert NotificationContent.objects.exists()


def test_what_tells_versions_apart_stays_so_that_no_delta_query_brings_the_content_back(make: Make) -> None:
    notification = make(
        data={"@odata.etag": "W/1", "subject": "Hello"}, resource_data={"id": "m", "sender": "zoe@x.example"}
    )

    erase()

    notification.refresh_from_db()
    assert notification.resource_data == {"id": "m", "@odata.etag": "W/1"}


def test_what_is_wanted_from_graph_is_not_fetched_any_more(
    make: Make, known: Callable[..., Subscription]
) -> None:
    notification = make(subscription=known())
    NotificationContent.objects.all().delete()
    fetching.want(ALL.all(), now=NOW, actor="ann")

    erase()

    assert not ContentFetch.objects.exists()
    assert fetching.want(ALL.filter(pk=notification.pk), now=NOW, actor="ann") == 0


def test_an_emptied_delivery_is_not_tried_again(make: Make) -> None:
    make(state="dead")
    assert replay.replayable(Delivery.objects.all()).exists()

    erase()

    assert replay.replay(Delivery.objects.all(), now=NOW, actor="ann") == replay.Outcome()


def test_many_are_erased_in_chunks(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "CHUNK_SIZE", 2)
    for _ in range(5):
        make()

    assert erase() == erasure.Outcome(erased=5, deliveries=5)


def test_graphs_repetition_does_not_bring_it_back(
    known_rich: Subscription, rich_item_of: Callable[..., Any], receive: Callable[..., Any], sandbox: Sandbox
) -> None:
    item, tokens = rich_item_of(known_rich), [sandbox.validation_token()]
    receive(item, tokens=tokens)
    assert erase().erased == 1

    again = receive(item, tokens=tokens, at=datetime.now(UTC) + timedelta(minutes=1))

    assert [row.times_delivered for row in again] == [2]
    assert not NotificationContent.objects.exists()
