"""What a worker does, whichever engine runs it."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.utils import timezone

from notifications.services import fetching, processing
from notifications.services.processing import handling
from notifications.services.rows import counting
from subscriptions.services.watching import turns

# After so long a round ends although there is more: whoever called is heard, and the next round goes on.
ROUND_SECONDS = 60.0
# How far a worker's process stands back, of the system's 19.
NICENESS = 10
# Until then what was counted is read as many rows, with the same sums.
SUM_UP_EVERY = timedelta(minutes=1)

# What wakes a process and its own look may come together: one of them works, the other finds it done.
_one_at_a_time = threading.Lock()


def give_way() -> None:
    """Let the processor go to the web server first: Graph waits seconds for its answer, the inbox can wait longer."""
    # Whoever forbids it, such as a sandbox of system calls, gets slower answers and nothing else.
    with suppress(OSError):
        os.nice(NICENESS)


def work_once(
    *,
    include_waiting: bool = False,
    processed: processing.Summary | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> dict[str, Any]:
    """Drain the inbox, act on lifecycle notices, fetch what is wanted, and return the counts of all three.

    Once a minute, whoever comes first also sums up what was counted for the charts.
    `processed` has the inbox's counts also when the database goes away on the way. `go_on` is asked before each batch
    of the inbox.
    """
    processed = processing.process(
        clock=timezone.now, include_waiting=include_waiting, summary=processed, go_on=go_on
    )
    handled = handling.handle(clock=timezone.now)
    fetched = fetching.fetch_wanted(clock=timezone.now)
    now = timezone.now()
    if turns.take("counts", now=now, every=SUM_UP_EVERY):
        counting.sum_up(now=now)
    return {
        **asdict(processed),
        "handled": handled.handled,
        "fetched": fetched.fetched,
        "not_fetched": fetched.not_fetched,
        "postponed": fetched.postponed,
        "errors": [*processed.errors, *handled.errors, *fetched.errors],
    }


def work_a_round(stop: threading.Event) -> None:
    """Work until there is nothing left, a minute is over or `stop` is set; one round at a time in each process."""
    with _one_at_a_time:
        end = time.monotonic() + ROUND_SECONDS
        work_once(go_on=lambda: time.monotonic() < end and not stop.is_set())
