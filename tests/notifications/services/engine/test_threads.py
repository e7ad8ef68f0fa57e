"""The worker in a web process."""

from collections.abc import Callable
from typing import Any

import pytest

from notifications.models import ChangeNotification
from subscriptions.models import Subscription
from tests.notifications.services.engine.conftest import Hosts

pytestmark = pytest.mark.django_db(transaction=True)

# It looks once in a million seconds, unless it does so at the start.
START = """
import django, time
django.setup()
from notifications.models import Delivery
from notifications.services.engine import threads
threads.LOOK_EVERY_SECONDS = 1_000_000.0
threads.start()
deadline = time.monotonic() + 90
while Delivery.objects.open().exists() and time.monotonic() < deadline:
    time.sleep(0.1)
"""


def test_what_an_earlier_process_left_is_taken_up_at_the_start(
    hosts_with: Callable[..., Hosts],
    known: Callable[..., Subscription],
    item_of: Callable[..., dict[str, Any]],
    post: Callable[..., object],
) -> None:
    post({"value": [item_of(known())]})

    hosts_with("").run(START)

    assert ChangeNotification.objects.filter(state="accepted").count() == 1
