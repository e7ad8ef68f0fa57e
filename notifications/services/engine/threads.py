"""The worker in a process: threads that drain the inbox, recover and watch, woken by a nudge or by the time."""

import logging
import os
import threading
from collections.abc import Callable

from django.db import close_old_connections, connection
from django.utils import timezone

from notifications.services import recovering
from notifications.services.engine.work import work_a_round
from subscriptions.services.alerts import patrol

logger = logging.getLogger(__name__)

# What waits for its next try is looked at this often when nothing arrives, or nobody is told that it has.
LOOK_EVERY_SECONDS = 15.0

_wake = threading.Event()
_stop = threading.Event()
_lock = threading.Lock()
# A forked process inherits this value but not the threads.
_owner: int | None = None
_running: list[threading.Thread] = []


def start() -> None:
    """Start the worker of this process, if it does not run yet."""
    global _owner  # noqa: PLW0603 -- one worker for each process
    with _lock:
        if _owner == os.getpid():
            return
        _owner = os.getpid()
        # What an earlier process left is looked for at once.
        _wake.set()
        _running[:] = [
            threading.Thread(target=_drain, name="inbox", daemon=True),
            threading.Thread(target=recover_until, args=(_stop,), name="recovery", daemon=True),
        ]
        for thread in _running:
            thread.start()
        patrol.start()


def wake() -> None:
    """Let the worker of this process look at once."""
    start()
    _wake.set()


def stop(*, seconds: float) -> None:
    """Let the worker of this process finish what it has in hand, for at most so long."""
    _stop.set()
    _wake.set()
    for thread in _running:
        thread.join(seconds)


def recover_until(stop: threading.Event, *, every_seconds: float = LOOK_EVERY_SECONDS) -> None:
    """Recover what is due, again and again until `stop` is set: beside the inbox, which must not wait for it."""
    while not stop.wait(every_seconds):
        safely(
            lambda: recovering.recover_due(
                clock=timezone.now, actor="worker", go_on=lambda: not stop.is_set()
            )
        )


def work() -> None:
    """Work a round of the inbox in this thread."""
    safely(lambda: work_a_round(_stop))


def safely(work: Callable[[], object]) -> None:
    """Do one piece of work with a connection of its own; when it breaks off, the next look tries again."""
    close_old_connections()
    try:
        work()
    except Exception:
        # Inbox and rows keep everything; whatever was reached is kept too.
        logger.exception("worker broke off")
    finally:
        connection.close()


def _drain() -> None:
    while not _stop.is_set():
        _wake.wait(LOOK_EVERY_SECONDS)
        _wake.clear()
        work()
