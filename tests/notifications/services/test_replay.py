"""Replay: what was given up gets another try, and nothing that is settled is touched."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifications.models import ChangeNotification, Delivery, NotificationContent
from notifications.services import processing, replay
from subscriptions.models import EncryptionCertificate, Subscription
from subscriptions.sandbox import Sandbox

pytestmark = pytest.mark.django_db

Item = dict[str, Any]
Speller = Callable[..., Item]


def again(deliveries: Any = None, *, now: datetime | None = None) -> replay.Outcome:
    chosen = Delivery.objects.all() if deliveries is None else deliveries
    return replay.replay(chosen, now=now or datetime.now(UTC), actor="alice")


def drain(*, after: timedelta = timedelta()) -> processing.Summary:
    return processing.process(clock=lambda: datetime.now(UTC) + after)


@pytest.fixture
def half_waiting(
    known_rich: Subscription,
    rich_item_of: Speller,
    item_of: Speller,
    post: Callable[..., object],
    sandbox: Sandbox,
) -> Delivery:
    """Receive one item that is accepted and one whose private key is not here."""
    sealed = rich_item_of(known_rich)
    EncryptionCertificate.objects.update(encryption_certificate_id="elsewhere")
    post({"value": [item_of(known_rich), sealed], "validationTokens": [sandbox.validation_token()]})
    drain()
    return Delivery.objects.get()


def bring_back_the_key() -> None:
    EncryptionCertificate.objects.update(encryption_certificate_id="hooks")


def test_what_waits_is_tried_now(half_waiting: Delivery) -> None:
    bring_back_the_key()
    idle = drain()

    outcome = again()

    assert (idle.deliveries, outcome) == (0, replay.Outcome(replayed=1))
    assert drain().accepted == 1
    assert NotificationContent.objects.count() == 1


def test_what_was_settled_is_not_counted_again(half_waiting: Delivery) -> None:
    bring_back_the_key()

    again()
    drain()

    rows = ChangeNotification.objects.values_list("state", "times_delivered")
    assert list(rows) == [("accepted", 1)] * 2


def test_an_item_that_was_given_up_is_judged_anew(half_waiting: Delivery) -> None:
    ChangeNotification.objects.filter(state="waiting").update(state="dead")
    Delivery.objects.update(state="done")
    bring_back_the_key()

    outcome = again()
    drain()

    assert outcome.replayed == 1
    assert set(ChangeNotification.objects.values_list("state", flat=True)) == {"accepted"}


def test_a_delivery_that_never_was_judged_is_judged_as_a_whole(
    known: Callable[..., Subscription], item_of: Speller, post: Callable[..., object]
) -> None:
    post({"value": [item_of(known())]})
    Delivery.objects.update(state="dead", error="OperationalError: see the worker's log.", attempts=900)

    again()

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.error, delivery.attempts) == ("queued", "", 0)
    assert drain().accepted == 1


def test_a_delivery_that_died_while_it_waited_keeps_what_was_settled(half_waiting: Delivery) -> None:
    Delivery.objects.update(state="dead")
    bring_back_the_key()

    again()

    assert drain().duplicates == 0
    assert list(ChangeNotification.objects.values_list("times_delivered", flat=True)) == [1, 1]


def test_one_that_is_too_old_gets_one_more_try(half_waiting: Delivery) -> None:
    Delivery.objects.update(state="dead", received_at=datetime.now(UTC) - timedelta(days=30))

    again()

    assert drain().deliveries == 1


def test_what_a_worker_has_in_hand_is_left_to_it(half_waiting: Delivery) -> None:
    now = datetime.now(UTC)
    Delivery.objects.update(lease="theirs", leased_until=now + timedelta(minutes=1))
    ChangeNotification.objects.filter(state="waiting").update(state="dead")

    outcome = again(now=now)

    assert outcome == replay.Outcome(in_hand=1)
    assert ChangeNotification.objects.filter(state="dead").count() == 1
    assert Delivery.objects.get().lease == "theirs"


def test_what_is_settled_is_not_replayed(
    known: Callable[..., Subscription], item_of: Speller, post: Callable[..., object]
) -> None:
    post({"value": [item_of(known()), item_of(known(), clientState="guessed")]})
    drain()

    assert again() == replay.Outcome()
    assert Delivery.objects.get().state == "done"


def test_more_than_a_chunk_is_put_back(half_waiting: Delivery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "CHUNK_SIZE", 2)
    for _ in range(4):
        half_waiting.pk = None
        half_waiting.save(force_insert=True)

    assert again() == replay.Outcome(replayed=5)


def test_the_deliveries_of_settled_notifications_are_none(half_waiting: Delivery) -> None:
    notifications = ChangeNotification.objects.all()

    assert list(replay.deliveries_of(notifications.filter(state="waiting"))) == [half_waiting]
    assert not replay.deliveries_of(notifications.filter(state="accepted"))
