"""What follows for one subscription from what Graph answered."""

from dataclasses import dataclass
from datetime import timedelta
from secrets import SystemRandom

from subscriptions.graph.errors import GraphError
from subscriptions.services.renewal.items import Item
from subscriptions.services.renewal.summary import Result

WAITS_IN_RUN = 3
FIRST_BACKOFF = timedelta(seconds=1)
_jitter = SystemRandom()


@dataclass(frozen=True, kw_only=True)
class Done:
    """The run is through with it."""

    result: Result
    error: Exception | None = None


@dataclass(frozen=True, kw_only=True)
class Again:
    """There is another call to make."""

    after: timedelta = timedelta(0)


Move = Done | Again


def waiting(item: Item, error: GraphError) -> Again | None:
    """Return the wait after which the same call may succeed; None when that is better left to a later run.

    The wait is what Graph asked for, else one second doubled each time, times a random factor between 0.5 and 1.5.
    """
    if not error.is_transient or item.waits >= WAITS_IN_RUN:
        return None
    wait = error.retry_after
    if wait is None:
        wait = FIRST_BACKOFF * 2**item.waits * _jitter.uniform(0.5, 1.5)
    if wait > item.patience:
        return None
    item.waits += 1
    return Again(after=wait)


def is_patient(item: Item) -> bool:
    """Count a try for which nothing is waited, and say whether there may be another."""
    item.waits += 1
    return item.waits <= WAITS_IN_RUN
