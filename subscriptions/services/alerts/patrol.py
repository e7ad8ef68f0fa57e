"""The patrol: a thread of a worker that looks around once a minute, whatever the worker itself is busy with.

It watches for what somebody must be told of, and sees, also where cron stands still, who is still at Graph and whether
our address is reached.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from django.db import close_old_connections, connection
from django.utils import timezone

from subscriptions.services.alerts.watching import watch_in_turn
from subscriptions.services.watching import reach, roll_call

logger = logging.getLogger(__name__)

FIRST_SECONDS = 5.0
EVERY_SECONDS = 60.0

Look = Callable[[], object]
LOOKS: tuple[Look, ...] = (
    lambda: watch_in_turn(now=timezone.now()),
    partial(roll_call.hold, clock=timezone.now),
    partial(reach.check, clock=timezone.now),
)


def start(
    *looks: Look,
    first_seconds: float = FIRST_SECONDS,
    every_seconds: float = EVERY_SECONDS,
) -> threading.Event:
    """Start a patrol that takes each of `looks`, or all that there are, and return what ends it when it is set."""
    stop = threading.Event()
    walk = partial(_walk, stop, looks or LOOKS, first_seconds, every_seconds)
    threading.Thread(target=walk, name="watch", daemon=True).start()
    return stop


@contextmanager
def walking() -> Iterator[None]:
    """Keep a patrol walking while the block runs."""
    stop = start()
    try:
        yield
    finally:
        stop.set()


def _walk(stop: threading.Event, looks: tuple[Look, ...], seconds: float, every_seconds: float) -> None:
    while not stop.wait(seconds):
        seconds = every_seconds
        for look in looks:
            close_old_connections()
            try:
                look()
            except Exception:
                # The database may be away: the next look sees.
                logger.exception("watch broke off")
            finally:
                connection.close()
