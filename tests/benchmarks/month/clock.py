"""The time of a simulated world: it goes on by itself, jumps when told, and passes at once when somebody waits.

Import this before the product, whose waiting between two tries then takes no real time.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import SupportsIndex

import time_machine

_wait = time.sleep
_shift: Callable[[timedelta], None] | None = None


def start(at: datetime) -> None:
    """Let this process live at `at` from now on: the stand-in, MSAL and all that reads the clock at an edge."""
    global _shift  # noqa: PLW0603 -- a process has one clock
    _shift = time_machine.travel(at, tick=True).start().shift


def now() -> datetime:
    """Return the present of this process."""
    return datetime.now(UTC)


def move_to(at: datetime) -> None:
    """Go forward to `at`; a time that has passed already changes nothing."""
    _pass(max((at - now()).total_seconds(), 0.0))


def skip(step: timedelta) -> None:
    """Let time pass at once, in whatever thread."""
    if _shift is not None:
        _shift(step)


def _pass(seconds: float | SupportsIndex) -> None:
    # What waits in the background would otherwise drive the time of the whole world.
    if _shift is None or threading.current_thread().daemon:
        _wait(seconds)
    else:
        _shift(timedelta(seconds=float(seconds)))


time.sleep = _pass
