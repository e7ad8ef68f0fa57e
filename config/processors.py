"""Keeps each web process to one processor.

The threads of a process take turns at its interpreter. While they are spread over several processors, a thread that
lets go of it for a moment, for a system call, wakes another one for nothing: under load a process then answers half as
much as one that keeps to one processor (tests/benchmarks/intake.py).
"""

import os
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path

IS_POSSIBLE = hasattr(os, "sched_setaffinity")


def keep_to_one() -> None:
    """Keep the threads that answer requests to the processor that the fewest other processes of the server keep to.

    They are the calling one, the main thread, and those that the main thread starts. Threads beside them, such as an
    embedded worker's, are daemons and use all processors: theirs is work for several.
    """
    # Whoever forbids it, such as a sandbox of system calls, loses speed and nothing else.
    with suppress(OSError):
        if IS_POSSIBLE and len(allowed := sorted(os.sched_getaffinity(0))) > 1:
            processor = choose(allowed, _given(), pid=os.getpid())
            for thread in _that_answer():
                os.sched_setaffinity(thread, {processor})


def choose(allowed: list[int], given: Counter[int], *, pid: int) -> int:
    """Return which of the allowed processors the process `pid` keeps to, when others were given some already.

    Processes that are started at the same moment do not see each other's yet, but their numbers follow each other.
    """
    ranks = {number: (rank - pid) % len(allowed) for rank, number in enumerate(allowed)}
    return min(allowed, key=lambda number: (given[number], ranks[number]))


def _that_answer() -> set[int]:
    """Return the system's numbers of the threads that answer requests."""
    others = [
        thread.native_id
        for thread in threading.enumerate()
        if not thread.daemon and thread is not threading.main_thread() and thread.native_id
    ]
    # The main thread's is that of the process; of a forked one, Python names its parent's (seen up to 3.13.0).
    return {os.getpid(), threading.get_native_id(), *others}


def _given() -> Counter[int]:
    """Count to which processors the other processes of the same parent keep."""
    parent = os.getppid()
    siblings = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
    given: Counter[int] = Counter()
    for sibling in map(int, siblings):
        # It may have ended meanwhile.
        with suppress(ProcessLookupError):
            processors = os.sched_getaffinity(sibling)
            if len(processors) == 1:
                given.update(processors)
    return given
