"""Keeps each web process of gunicorn to one processor.

The threads of a process take turns at its interpreter. While they are spread over several processors, a thread that
lets go of it for a moment, for a system call, wakes another one for nothing: under load a process then answers half as
much as one that keeps to one processor (tests/benchmarks/intake.py).
"""

import os
from collections import Counter
from typing import Any

IS_POSSIBLE = hasattr(os, "sched_setaffinity")


def choose(server: Any, worker: Any) -> None:
    """Choose for a process that is about to be forked what the fewest others of its server have been given."""
    if not IS_POSSIBLE:
        return
    processors = sorted(os.sched_getaffinity(0))
    given = Counter(other.processor for other in server.WORKERS.values())
    # Several servers on one machine do not all begin with the same.
    begin = server.pid % len(processors)
    worker.processor = min(processors[begin:] + processors[:begin], key=lambda number: given[number])


def keep(worker: Any) -> None:
    """Keep the process to it: its main thread, and the threads for requests, which that one starts from now on.

    Threads that were started before, such as an embedded worker's, use all processors: theirs is work for several.
    """
    if IS_POSSIBLE:
        os.sched_setaffinity(0, {worker.processor})
