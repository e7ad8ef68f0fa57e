"""Keeps each web process of gunicorn to one processor.

The threads of a process take turns at its interpreter. While they are spread over several processors, a thread that
lets go of it for a moment, for a system call, wakes another one for nothing: under load a process then answers half as
much as one that keeps to one processor (tests/benchmarks/intake.py).
"""

import os
import random
from collections import Counter
from contextlib import suppress
from typing import Any

IS_POSSIBLE = hasattr(os, "sched_setaffinity")


def choose(server: Any, worker: Any) -> None:
    """Choose for a process that is about to be forked what the fewest others of its server have been given."""
    if not IS_POSSIBLE:
        return
    given = Counter(other.processor for other in server.WORKERS.values())
    # Among equals at random: several servers on one machine shall not all begin with the same.
    worker.processor = min(os.sched_getaffinity(0), key=lambda number: (given[number], random.random()))  # noqa: S311


def keep(worker: Any) -> None:
    """Keep the process to it: its main thread, and the threads for requests, which that one starts from now on.

    Threads that were started before, such as an embedded worker's, use all processors: theirs is work for several.
    """
    if IS_POSSIBLE:
        # Whoever forbids it, such as a sandbox of system calls, loses speed and nothing else.
        with suppress(OSError):
            os.sched_setaffinity(0, {worker.processor})
