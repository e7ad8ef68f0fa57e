"""Hold the highest rate that this machine holds: `python -m tests.benchmarks.sustained [--seconds 600]`.

Two web processes, two workers and a PostgreSQL of its own, with nobody else on the machine but the sender. The rate is
searched by runs of a few seconds: it holds when every notification is acknowledged in time, the sender comes to it, and
the inbox stays young. Then a share of it is held for long, and printed is what one notification cost. One of four
notifications has content.

Exits 1 when a notification was lost, doubled or not acknowledged, or the inbox grew old.
"""

import itertools
import json
import sys
import threading
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

from tests.benchmarks import workplace
from tests.benchmarks.cluster import Cluster, running_cluster
from tests.benchmarks.filling import CONTENT
from tests.benchmarks.product import CERTIFICATE, WEBHOOK, Product, Speller, installed, speller
from tests.benchmarks.reckoning import wait_until_drained
from tests.benchmarks.scale import SETTINGS, TABLES

SENDERS = 16
KINDS = ("basic", "basic", "basic", "rich")
WORKERS = ("worker-1", "worker-2")
TRY_SECONDS = 10.0
FIRST_RATE = 50.0
# Graph wants an answer within three seconds.
LONGEST_P99_SECONDS = 1.0
OLDEST_INBOX_SECONDS = 10.0
# What is held for long leaves room for checkpoints and cleaning, which a run of seconds does not see.
HELD_SHARE = 0.8


@dataclass(kw_only=True)
class Run:
    """A time at one rate, and what came of it; times are in seconds."""

    rate: float
    took: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    acknowledged: list[str] = field(default_factory=list)
    seconds: float = 0.0
    oldest: float = 0.0

    @property
    def reached(self) -> float:
        """Return the notifications a second that were acknowledged."""
        return len(self.acknowledged) / self.seconds

    def quantile(self, share: float) -> float:
        """Return within how many seconds such a share was answered."""
        return sorted(self.took)[min(int(len(self.took) * share), len(self.took) - 1)]

    @property
    def holds(self) -> bool:
        """Say whether everything keeps up."""
        is_answered = set(self.statuses) == {202} and self.quantile(0.99) < LONGEST_P99_SECONDS
        return is_answered and self.oldest < OLDEST_INBOX_SECONDS and self.reached > 0.97 * self.rate

    def in_words(self) -> str:
        """Return the figures on a line."""
        return (
            f"{self.rate:6.0f}/s asked, {self.reached:6.1f}/s taken   p50 {self.quantile(0.5) * 1000:5.0f} ms   "
            f"p99 {self.quantile(0.99) * 1000:5.0f} ms   oldest in the inbox {self.oldest:4.1f} s   "
            f"answers {dict(self.statuses)}{'' if self.holds else '   does not hold'}"
        )


def main() -> int:
    """Search, hold, and print the figures."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    options = parser.parse_args()
    with running_cluster(**SETTINGS) as cluster, installed(database_url=cluster.url) as product:
        spelling = speller(product.sandbox)
        product.start_web(workers=2)
        for name in WORKERS:
            product.start_worker(name)
        rate = HELD_SHARE * _highest(product, spelling)
        sizes, used = _sizes(), _used(product, cluster)
        held = _run(product, spelling, rate=rate, seconds=options.seconds)
        drained = wait_until_drained(seconds=60 + options.seconds)
        used = {name: seconds - used[name] for name, seconds in _used(product, cluster).items()}
        sizes = {name: size - sizes[name] for name, size in _sizes().items()}
        lost, doubled = _reckon(held)
    count = len(held.acknowledged)
    print(f"held for {held.seconds:.0f} s: {held.in_words()}; drained {drained:.1f} s after the end")
    print(f"notifications acknowledged {count:,}, lost {lost}, doubled {doubled}")
    costs = ", ".join(f"{name} {seconds / count * 1e6:.0f} us" for name, seconds in used.items())
    share = sum(used.values()) / (held.seconds + drained)
    print(f"processor time of one: {costs}; {share:.2f} cores in all")
    print(f"bytes of one: {', '.join(f'{name} {size / count:.0f}' for name, size in sizes.items())}")
    return 0 if held.holds and not lost and not doubled else 1


def _highest(product: Product, spelling: Speller) -> float:
    """Return the highest rate that holds for some seconds: doubled until it does not, then halved between."""
    good, bad = 0.0, 0.0
    rate = FIRST_RATE
    while not bad or bad / good > 1.1:
        found = _run(product, spelling, rate=rate, seconds=TRY_SECONDS)
        wait_until_drained(seconds=300)
        print(f"tried {found.in_words()}", flush=True)
        good, bad = (rate, bad) if found.holds else (good, rate)
        if not good and rate < 2:
            raise SystemExit("No rate holds.")
        rate = (good + bad) / 2 if bad else rate * 2
    return good


def _run(product: Product, spelling: Speller, *, rate: float, seconds: float) -> Run:
    """Send so many notifications a second, each in a delivery of its own, and look at the inbox meanwhile."""
    run, ended = Run(rate=rate), threading.Event()
    began = time.monotonic()
    turns = itertools.takewhile(lambda turn: turn / rate < seconds, itertools.count())
    lock = threading.Lock()
    senders = [
        threading.Thread(target=_send, args=(run, turns, lock, began, product, spelling))
        for _ in range(SENDERS)
    ]
    watch = threading.Thread(target=_watch, args=(run, ended))
    for thread in (*senders, watch):
        thread.start()
    for thread in senders:
        thread.join()
    run.seconds = time.monotonic() - began
    ended.set()
    watch.join()
    return run


def _send(
    run: Run, turns: Iterator[int], lock: threading.Lock, began: float, product: Product, spelling: Speller
) -> None:
    connection = HTTPConnection("127.0.0.1", product.port, timeout=60)
    while True:
        with lock:
            turn = next(turns, None)
        if turn is None:
            break
        key, body = _spelled(spelling, KINDS[turn % len(KINDS)])
        time.sleep(max(0.0, began + turn / run.rate - time.monotonic()))
        sent = time.monotonic()
        connection.request("POST", WEBHOOK, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        with lock:
            run.took.append(time.monotonic() - sent)
            run.statuses[answer.status] += 1
            if answer.status == 202:
                run.acknowledged.append(key)
    connection.close()


def _spelled(spelling: Speller, kind: str) -> tuple[str, bytes]:
    item = spelling.item(kind)
    if kind == "rich":
        content = {"id": item["id"], **CONTENT}
        item["encryptedContent"] = spelling.sandbox.encrypt(content, spelling.certificate, CERTIFICATE)
    return item["id"], json.dumps(spelling.body(item)).encode()


def _watch(run: Run, ended: threading.Event) -> None:
    """Note how old the inbox gets."""
    from django.db import connection
    from django.utils import timezone

    from notifications.services.intake import inbox

    while not ended.wait(0.5):
        run.oldest = max(run.oldest, inbox.lag(now=timezone.now()).total_seconds())
    connection.close()


def _used(product: Product, cluster: Cluster) -> dict[str, float]:
    """Return the processor seconds so far: of the web server, the workers and all of PostgreSQL."""
    pid = int((cluster.directory / "data" / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return {
        "web": workplace.processor_seconds(product.pids("web")),
        "worker": sum(workplace.processor_seconds(product.pids(name)) for name in WORKERS),
        "database": workplace.processor_seconds([pid, *map(int, children)]),
    }


def _sizes() -> dict[str, float]:
    """Return the bytes of each table, and of its indexes."""
    from django.db import connection

    found = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT pg_table_size('{table}'), pg_indexes_size('{table}')")
            name = table.removeprefix("notifications_")
            found[name], found[f"indexes of {name}"] = cursor.fetchone()
    return found


def _reckon(run: Run) -> tuple[int, int]:
    """Return how many acknowledged notifications are not stored, and how many more than once."""
    from notifications.models import ChangeNotification

    stored = Counter(ChangeNotification.objects.values_list("notification_id", flat=True).iterator())
    lost = sum(key not in stored for key in run.acknowledged)
    return lost, sum(stored[key] - 1 for key in run.acknowledged if key in stored)


if __name__ == "__main__":
    sys.exit(main())
