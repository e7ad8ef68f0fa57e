"""Graph's limit on writes, kept on purpose: waiting a little costs less than being refused.

Source: Microsoft Learn, throttling-limits.md (2026-02-06).
"""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

WINDOW_SECONDS = 20.0
# Creating, updating and deleting count alike, and so does every request inside a batch.
WRITES_OF_APP_IN_TENANT = 500
WRITES_OF_APP = 2000


class Stopwatch:
    """Seconds since it was built. What was slept counts in full, also where a test puts another `sleep` in place."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self._began = time.monotonic()
        self._skipped = 0.0

    def now(self) -> float:
        """Return the seconds that have passed."""
        return time.monotonic() - self._began + self._skipped

    def sleep(self, seconds: float) -> None:
        """Wait."""
        end = self.now() + seconds
        self._sleep(seconds)
        self._skipped += max(0.0, end - self.now())


@dataclass(kw_only=True)
class Window:
    """The writes that Graph may still be counting.

    A write counts from when it is sent until 20 seconds after its answer: somewhere in between Graph has counted it.
    """

    allowed: int
    _under_way: int = field(default=0, init=False)
    _answered: deque[tuple[float, int]] = field(default_factory=deque, init=False)

    def free_at(self, writes: int, now: float) -> float:
        """Return the second at which so many more may be sent; infinity while that depends on answers."""
        while self._answered and self._answered[0][0] <= now:
            self._answered.popleft()
        room = self.allowed - self._under_way - sum(count for _, count in self._answered)
        at = now
        for leaves_at, count in self._answered:
            if room >= writes:
                break
            room, at = room + count, leaves_at
        return at if room >= writes else math.inf

    def send(self, writes: int) -> None:
        """Count writes that leave now."""
        self._under_way += writes

    def answer(self, writes: int, now: float) -> None:
        """Let writes leave the window 20 seconds from `now`."""
        self._under_way -= writes
        self._answered.append((now + WINDOW_SECONDS, writes))


class Pace:
    """How fast one app registration may write: its own limit, and that of the app in all its tenants.

    Used by one thread; `of_app` is shared by the app's registrations in other tenants.
    """

    def __init__(self, of_app: Window) -> None:
        self._windows = (Window(allowed=WRITES_OF_APP_IN_TENANT), of_app)

    def free_at(self, writes: int, now: float) -> float:
        """Return the second at which so many more may be sent; infinity while that depends on answers."""
        return max(window.free_at(writes, now) for window in self._windows)

    def send(self, writes: int) -> None:
        """Count writes that leave now."""
        for window in self._windows:
            window.send(writes)

    def answer(self, writes: int, now: float) -> None:
        """Note that writes were answered."""
        for window in self._windows:
            window.answer(writes, now)


class Paces:
    """The pace of every app in every tenant, for one run."""

    def __init__(self) -> None:
        self._apps: dict[str, Window] = {}
        self._paces: dict[tuple[str, str], Pace] = {}

    def of(self, app: str, tenant: str) -> Pace:
        """Return the pace of an app in a tenant."""
        window = self._apps.setdefault(app, Window(allowed=WRITES_OF_APP))
        return self._paces.setdefault((app, tenant), Pace(window))
