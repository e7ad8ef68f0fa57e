"""The embedded worker: threads of the web process that drain the inbox and recover, so that a laptop needs no other."""

import logging
import os
import threading
from dataclasses import asdict
from typing import Any

from django.db import close_old_connections, connection
from django.utils import timezone

from notifications import conf
from notifications.services import fetching, handling, processing, recovering
from subscriptions.services.alerts import patrol

logger = logging.getLogger(__name__)

# What waits for its next try is looked at this often when nothing arrives.
LOOK_EVERY_SECONDS = 15.0

_wake = threading.Event()
_lock = threading.Lock()
# A forked process inherits this value but not the thread.
_owner: int | None = None


def start() -> None:
    """Start the worker of this process, if the settings want one and it does not run yet."""
    global _owner  # noqa: PLW0603 -- one worker for each process
    if not conf.configuration().embedded_worker:
        return
    with _lock:
        if _owner != os.getpid():
            _owner = os.getpid()
            threading.Thread(target=_run, name="inbox", daemon=True).start()
            patrol.start()
            threading.Thread(
                target=recover_until, args=(threading.Event(),), name="recovery", daemon=True
            ).start()


def nudge() -> None:
    """Say that something has arrived; where no embedded worker is wanted, nothing happens."""
    start()
    _wake.set()


def work_once(
    *, include_waiting: bool = False, processed: processing.Summary | None = None
) -> dict[str, Any]:
    """Drain the inbox, act on lifecycle notices, fetch what is wanted, and return the counts of all three.

    `processed` has the inbox's counts also when the database goes away on the way.
    """
    processed = processing.process(clock=timezone.now, include_waiting=include_waiting, summary=processed)
    handled = handling.handle(clock=timezone.now)
    fetched = fetching.fetch_wanted(clock=timezone.now)
    return {
        **asdict(processed),
        "handled": handled.handled,
        "fetched": fetched.fetched,
        "not_fetched": fetched.not_fetched,
        "postponed": fetched.postponed,
        "errors": [*processed.errors, *handled.errors, *fetched.errors],
    }


def recover_until(stop: threading.Event, *, every_seconds: float = LOOK_EVERY_SECONDS) -> None:
    """Recover what is due, again and again until `stop` is set: beside the inbox, which must not wait for it."""
    while not stop.wait(every_seconds):
        close_old_connections()
        try:
            recovering.recover_due(clock=timezone.now, actor="worker", go_on=lambda: not stop.is_set())
        except Exception:
            # Whatever was reached is kept; the next look goes on from there.
            logger.exception("recovery broke off")
        finally:
            connection.close()


def _run() -> None:
    while True:
        _wake.wait(LOOK_EVERY_SECONDS)
        _wake.clear()
        close_old_connections()
        try:
            work_once()
        except Exception:
            # The inbox keeps everything; the next look tries again.
            logger.exception("embedded worker broke off")
        finally:
            connection.close()
