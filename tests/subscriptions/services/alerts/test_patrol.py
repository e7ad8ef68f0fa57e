"""A worker's own thread watches, and ends with the worker."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from subscriptions.models import ReachSpan, Subscription
from subscriptions.services.alerts import patrol, watching

pytestmark = pytest.mark.django_db(transaction=True)


def wait_until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_patrol_watches() -> None:
    stop = patrol.start(first_seconds=0.01)

    wait_until(watching.watched_at)
    stop.set()


def test_a_patrol_sees_who_is_at_graph_and_whether_our_address_is_reached(
    make_subscription: Callable[..., Subscription], settings: Settings
) -> None:
    settings.PUBLIC_ADDRESS_CHECK = True
    make_subscription()
    seen_at = timezone.now() - timedelta(hours=1)
    Subscription.objects.update(seen_at=seen_at)

    stop = patrol.start(first_seconds=0.01)

    wait_until(Subscription.objects.filter(seen_at__gt=seen_at).exists)
    wait_until(ReachSpan.objects.filter(is_reachable=True).exists)
    stop.set()


def test_a_patrol_goes_on_after_what_went_wrong(caplog: pytest.LogCaptureFixture) -> None:
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        raise ZeroDivisionError

    stop = patrol.start(look, first_seconds=0.01, every_seconds=0.01)

    wait_until(lambda: len(looks) > 2)
    stop.set()
    assert "watch broke off" in caplog.text


def test_a_patrol_ends_with_the_worker() -> None:
    def threads() -> int:
        return sum(thread.name == "watch" for thread in threading.enumerate())

    before = threads()
    with patrol.walking():
        during = threads()

    assert during == before + 1
    wait_until(lambda: threads() == before)
