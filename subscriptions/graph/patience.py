"""How often and how long a failed call is tried again."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from secrets import SystemRandom

from subscriptions.graph.errors import GraphError

FIRST_BACKOFF = timedelta(seconds=1)
_jitter = SystemRandom()


@dataclass(kw_only=True)
class Patience:
    """The tries and the total wait that one call may take.

    The wait is what the other side asked for, else one second doubled at each failure, times a random factor
    between 0.5 and 1.5.
    """

    attempts: int
    max_wait: timedelta
    sleep: Callable[[float], None]
    _failures: int = field(default=0, init=False)

    def restart(self) -> None:
        """Grant all attempts anew, but not the time that was waited."""
        self._failures = 0

    def can_bear(self, error: GraphError) -> bool:
        """Tell whether the failure may pass within the time that is left."""
        return error.is_transient and (error.retry_after or timedelta()) <= self.max_wait

    def allows_another(self, error: GraphError) -> bool:
        """Count a failure, wait as it asks, and return True; or return False at once if enough is enough."""
        self._failures += 1
        wait = self._wait_after(error)
        if self._failures >= self.attempts or wait > self.max_wait:
            return False
        self.max_wait -= wait
        self.sleep(wait.total_seconds())
        return True

    def _wait_after(self, error: GraphError) -> timedelta:
        if error.retry_after is not None:
            return error.retry_after
        doublings: int = 2 ** (self._failures - 1)
        return FIRST_BACKOFF * doublings * _jitter.uniform(0.5, 1.5)
