"""Signs of life: a slow worker keeps what it has in hand, a hanging one does not keep it for ever."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import OperationalError, connection

from notifications.models import Delivery
from notifications.services import processing
from notifications.services.processing import claiming, leases
from notifications.services.processing.claiming import Taken
from subscriptions.models import Subscription
from subscriptions.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

Item = dict[str, Any]
Post = Callable[..., object]


@pytest.fixture(autouse=True)
def _short_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a lease last half a second, with four signs of life in that time."""
    monkeypatch.setattr(claiming, "LEASE_LASTS", timedelta(seconds=0.5))
    monkeypatch.setattr(leases, "LEASE_LASTS", timedelta(seconds=0.5))
    monkeypatch.setattr(leases, "BEAT_EVERY", timedelta(seconds=0.1))


@pytest.fixture
def held(post: Post) -> Taken:
    """Receive a delivery and take it in hand."""
    post(b"no json")
    (delivery,) = claiming.claim(now=datetime.now(UTC), after=None)
    return delivery


def clock() -> datetime:
    return datetime.now(UTC)


def leased_until() -> datetime | None:
    return Delivery.objects.get().leased_until


def test_what_a_slow_worker_has_in_hand_is_not_taken_over(
    known_rich: Subscription, rich_item_of: Callable[..., Item], post: Post, sandbox: Sandbox
) -> None:
    token = sandbox.validation_token()
    post({"value": [rich_item_of(known_rich)], "validationTokens": [token]})
    sandbox.add_fault(path="openid-configuration", delay=1.5)
    slow = processing.Summary()
    worker = Thread(target=_drain, args=(slow,))
    worker.start()
    time.sleep(1)

    other = processing.process(clock=clock)

    worker.join()
    assert (other.deliveries, slow.accepted) == (0, 1)


def test_a_lease_is_prolonged_while_the_work_goes_on(held: Taken) -> None:
    before = leased_until()
    with leases.kept_alive(clock=clock) as in_hand:
        in_hand.take([held])
        time.sleep(0.3)
        during = leased_until()

    assert before is not None
    assert during is not None
    assert during > before


def test_what_is_finished_or_taken_over_is_left_alone(held: Taken) -> None:
    Delivery.objects.update(lease="theirs", leased_until=None)

    with leases.kept_alive(clock=clock) as in_hand:
        in_hand.take([held])
        time.sleep(0.3)

    assert leased_until() is None


def test_one_sign_of_life_that_does_not_come_through_ends_nothing(
    held: Taken, caplog: pytest.LogCaptureFixture
) -> None:
    beats: list[datetime] = []

    def broken_at_first() -> datetime:
        beats.append(clock())
        if len(beats) == 1:
            raise OperationalError
        return clock()

    before = leased_until()
    with leases.kept_alive(clock=broken_at_first) as in_hand:
        in_hand.take([held])
        time.sleep(0.4)

    assert leased_until() != before
    assert "leases not prolonged" in caplog.text


def test_a_worker_that_hangs_loses_what_it_has_in_hand(
    held: Taken, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(leases, "LONGEST_IN_HAND", timedelta(seconds=0.2))

    with leases.kept_alive(clock=clock) as in_hand:
        in_hand.take([held])
        time.sleep(1.0)

    assert processing.process(clock=clock).deliveries == 1
    assert "prolonged no further" in caplog.text


def _drain(summary: processing.Summary) -> None:
    processing.process(clock=clock, summary=summary)
    connection.close()
