"""Hosts run: two web processes, two Celery workers and two renewals on one PostgreSQL and one RabbitMQ, under load.

    python -m tests.benchmarks.hosts [--seconds 6]

While deliveries come and subscriptions are renewed again and again, the broker is stopped and started, a worker is
killed, and PostgreSQL is restarted; `--seconds` is how long each stage lasts. Both servers are thrown away afterwards.
Exit 1 when a delivery was lost or doubled, a renewal was doubled or left out, or Graph was answered worse without the
broker.
"""

import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.benchmarks.broker import Broker, running_broker
from tests.benchmarks.cluster import Cluster, running_cluster
from tests.benchmarks.product import Product, installed, speller
from tests.benchmarks.reckoning import reckon, wait_until_drained
from tests.benchmarks.renewals import Renewals
from tests.benchmarks.sender import Attempt, Sender

WORKERS = ("celery-1", "celery-2")
LONGEST_DRAIN_SECONDS = 400.0
# Graph calls an answer slow after three seconds; without the broker each must be as quick as before.
SLOWEST_SECONDS = 3.0
DATABASE_DOWN_SECONDS = 4.0


@dataclass(kw_only=True)
class Stage:
    """A part of the run."""

    name: str
    began: float
    ended: float = field(default=0.0)

    def holds(self, attempt: Attempt) -> bool:
        """Say whether a request was sent in this part."""
        return self.began <= attempt.began < self.ended


def main() -> int:
    """Run and print the figures."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0)
    options = parser.parse_args()
    with (
        running_broker() as broker,
        running_cluster() as cluster,
        installed(database_url=cluster.url, CELERY_BROKER_URL=broker.url) as product,
    ):
        sender = Sender(product=product, speller=speller(product.sandbox))
        product.start_web(workers=2)
        for name in WORKERS:
            product.start_celery(name)
        renewals = Renewals(product=product)
        renewals.make()
        sender.start()
        renewals.start()
        stages = _stages(product, broker, cluster, seconds=options.seconds)
        renewals.end()
        sender.end()
        drained = wait_until_drained(seconds=LONGEST_DRAIN_SECONDS)
        result = reckon(sender)
        renewed = renewals.reckon()
    for stage in stages:
        _print(stage, sender)
    print(f"drained {drained:.0f} s after the end")
    print(result.in_words())
    print(renewed.in_words())
    without = next(stage for stage in stages if stage.name == "without the broker")
    answered = [attempt for attempt in sender.attempts if without.holds(attempt)]
    is_served = all(200 <= one.status < 300 and one.ended - one.began < SLOWEST_SECONDS for one in answered)
    return 0 if result.is_good and renewed.is_good and answered and is_served else 1


def _stages(product: Product, broker: Broker, cluster: Cluster, *, seconds: float) -> list[Stage]:
    def restart_database() -> None:
        cluster.stop()
        time.sleep(DATABASE_DOWN_SECONDS)
        cluster.start()

    def kill_a_worker() -> None:
        product.kill(WORKERS[0])
        time.sleep(seconds)
        product.start_celery(WORKERS[0])

    steps: list[tuple[str, Callable[[], object]]] = [
        ("all up", lambda: None),
        ("without the broker", broker.stop),
        ("broker back", broker.start),
        ("a worker killed", kill_a_worker),
        ("PostgreSQL restarted", restart_database),
    ]
    stages = []
    for name, begin in steps:
        stage = Stage(name=name, began=time.monotonic())
        begin()
        time.sleep(seconds)
        stage.ended = time.monotonic()
        stages.append(stage)
    return stages


def _print(stage: Stage, sender: Sender) -> None:
    attempts = [attempt for attempt in sender.attempts if stage.holds(attempt)]
    took = sorted(attempt.ended - attempt.began for attempt in attempts)
    statuses = dict(sorted(Counter(attempt.status for attempt in attempts).items()))
    middle, last = (took[len(took) // 2], took[-1]) if took else (0.0, 0.0)
    print(
        f"{stage.name:22} {stage.ended - stage.began:5.1f} s, {len(attempts):5} requests, answers {statuses}, "
        f"half within {middle * 1000:.0f} ms, the slowest {last * 1000:.0f} ms",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
