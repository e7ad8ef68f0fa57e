"""Crash run: web server and workers are killed at random under load, and nothing is lost or doubled.

    python -m tests.benchmarks.crash [--database-url postgres://...] [--kills 20]

The database that is named must be empty. What a killed worker had in hand is taken over when its lease has run out, so
the run ends some two minutes after the last kill. Exit 1 when anything was lost or doubled.
"""

import random
import sys
import time
from argparse import ArgumentParser

from tests.benchmarks.product import Product, installed, speller
from tests.benchmarks.reckoning import reckon, wait_until_drained
from tests.benchmarks.sender import Sender

WORKERS = ("worker-1", "worker-2")
LONGEST_DRAIN_SECONDS = 400.0


def main() -> int:
    """Run and print the figures."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument(
        "--database-url", default="", help="An empty database; SQLite of its own if not given."
    )
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    with installed(database_url=options.database_url) as product:
        sender = Sender(product=product, speller=speller(product.sandbox))
        product.start_web()
        for name in WORKERS:
            product.start_worker(name)
        sender.start()
        killed = _kill_at_random(product, kills=options.kills)
        sender.end()
        seconds = wait_until_drained(seconds=LONGEST_DRAIN_SECONDS)
        result = reckon(sender)
    failed = sum(not attempt.status for attempt in sender.attempts)
    print(f"killed: {', '.join(f'{name} {count} times' for name, count in sorted(killed.items()))}")
    print(
        f"requests: {len(sender.attempts)}, without an answer {failed}; drained {seconds:.0f} s after the end"
    )
    print(result.in_words())
    return 0 if result.is_good else 1


def _kill_at_random(product: Product, *, kills: int) -> dict[str, int]:
    chance = random.Random()  # noqa: S311 -- a moment, not a secret
    killed: dict[str, int] = {}
    for _ in range(kills):
        time.sleep(chance.uniform(0.3, 2.0))
        name = chance.choice(("web", *WORKERS))
        product.kill(name)
        killed[name] = killed.get(name, 0) + 1
        if name == "web":
            product.start_web()
        else:
            product.start_worker(name)
    time.sleep(1)
    return killed


if __name__ == "__main__":
    sys.exit(main())
