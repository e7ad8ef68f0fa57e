"""Storage run: PostgreSQL is stopped and started under load; no 2xx while it is down, nothing lost after.

    python -m tests.benchmarks.storage [--stops 4]

The cluster is one of its own, in a directory that is thrown away. Exit 1 when a delivery was acknowledged while the
database was down, or when anything was lost or doubled.
"""

import sys
import time
from argparse import ArgumentParser
from collections import Counter

from tests.benchmarks.cluster import Cluster, running_cluster
from tests.benchmarks.product import installed, speller
from tests.benchmarks.reckoning import reckon, wait_until_drained
from tests.benchmarks.sender import Attempt, Sender

UP_SECONDS = 4.0
DOWN_SECONDS = 5.0
LONGEST_DRAIN_SECONDS = 400.0
Span = tuple[float, float]


def main() -> int:
    """Run and print the figures."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--stops", type=int, default=4)
    options = parser.parse_args()
    with running_cluster() as cluster, installed(database_url=cluster.url) as product:
        sender = Sender(product=product, speller=speller(product.sandbox))
        product.start_web()
        product.start_worker("worker-1")
        sender.start()
        spans = [_stop_and_start(cluster) for _ in range(options.stops)]
        time.sleep(UP_SECONDS)
        sender.end()
        seconds = wait_until_drained(seconds=LONGEST_DRAIN_SECONDS)
        result = reckon(sender)
    down = [attempt for attempt in sender.attempts if _is_within(attempt, spans)]
    statuses = Counter(attempt.status for attempt in down)
    false = sum(count for status, count in statuses.items() if 200 <= status < 300)
    slowest = max((attempt.ended - attempt.began for attempt in down), default=0.0)
    print(f"stopped {options.stops} times for {DOWN_SECONDS:.0f} s; drained {seconds:.0f} s after the end")
    print(f"requests: {len(sender.attempts)}; while down {len(down)}, of these 2xx {false}")
    print(f"answers while down: {dict(sorted(statuses.items()))}, the slowest after {slowest:.1f} s")
    print(result.in_words())
    return 0 if result.is_good and down and not false else 1


def _stop_and_start(cluster: Cluster) -> Span:
    """Return from when to when the database was down for certain."""
    time.sleep(UP_SECONDS)
    cluster.stop()
    down_at = time.monotonic()
    time.sleep(DOWN_SECONDS)
    up_at = time.monotonic()
    cluster.start()
    return down_at, up_at


def _is_within(attempt: Attempt, spans: list[Span]) -> bool:
    return any(began <= attempt.began and attempt.ended <= ended for began, ended in spans)


if __name__ == "__main__":
    sys.exit(main())
