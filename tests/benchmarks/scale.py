"""Measure what one more notification costs where millions are stored: `python -m tests.benchmarks.scale`.

Databases with nothing, a million and 20 million notifications, each with its delivery, stand side by side on one
PostgreSQL. Rounds alternate between them and the median of each counts, so that what else the machine does weighs on
all alike. Before them the indexes that are written anywhere are read into memory, where they would be after some hours
of work. A round puts notifications into the inbox and processes them, by the product's own services. A notification
may cost 1.2 times as much processor time, of the product and of its server processes, as in the empty database.

Then retention takes away the oldest as fast as new ones come. That may not change the cost, must cost less than taking,
may hold no strong lock and no transaction for long, and, when all rows have been replaced several times, the tables may
not have grown by more than a fifth.

The PostgreSQL is one of its own under `SETTINGS` and is thrown away, unless there is `--server`. 20 million rows take
about 40 GB of disk and half an hour to make. Exits 1 when one of them does not keep to that.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psycopg

from tests.benchmarks import workplace
from tests.benchmarks.cluster import running_cluster

MOST_TIMES_AS_MUCH = 1.2
# Nobody may wait for a pruning transaction for as long as this; and pruning must be so many times as fast as taking.
LONGEST_TRANSACTION_SECONDS = 1.0
WEAK_LOCKS = {"AccessShareLock", "RowShareLock", "RowExclusiveLock"}
MEMORY_MB = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
# As docs/scale.md advises: a quarter of the memory, and a log that is packed and long between two checkpoints.
SETTINGS = {
    "shared_buffers": f"{MEMORY_MB // 4}MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "lz4",
    "maintenance_work_mem": "1GB",
    # What is filled into a new table needs no log.
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
TABLES = ("notifications_delivery", "notifications_changenotification", "notifications_notificationcontent")
WRITTEN_ANYWHERE = ("notification_by_item", "notification_one_of_a_change", "notification_by_path")
STEPS_OF_A_TURNOVER = 5
TURNOVERS = 3
# A run of pruning has to do with many more notifications than a round of taking.
PRUNED_AT_ONCE = 10
Figures = dict[str, float]


def main() -> None:
    """Print a line for each measurement."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--server", help="A superuser's address of a PostgreSQL on this machine.")
    arguments.add_argument("--rows", type=int, nargs="+", default=[0, 1_000_000, 20_000_000])
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--notifications", type=int, default=1_000, help="of each round")
    arguments.add_argument("--turnover", type=int, default=200_000, help="rows that are replaced by as many")
    options = arguments.parse_args()
    with ExitStack() as stack:
        server = options.server or stack.enter_context(running_cluster(**SETTINGS)).url
        stores = [stack.enter_context(_filled(server, rows)) for rows in options.rows]
        misses = compare(stores, rounds=options.rounds, number=options.notifications)
        misses += retain(stores[0], stores[-1], rounds=options.rounds, number=options.notifications)
        misses += _turn_over(server, options.turnover)
    sys.exit(1 if misses else 0)


@dataclass(frozen=True, kw_only=True)
class Store:
    """A database with so many rows, and a process that takes and prunes notifications there."""

    rows: int
    environment: dict[str, str]
    process: subprocess.Popen[str]

    def ask(self, what: str, number: int) -> Figures:
        """Have it done to so many notifications, and return what one cost."""
        self.process.stdin.write(f"{what} {number}\n")  # type: ignore[union-attr] # it has pipes
        self.process.stdin.flush()  # type: ignore[union-attr] # it has pipes
        line = self.process.stdout.readline()  # type: ignore[union-attr] # it has pipes
        if not line:
            raise SystemExit(f"{what} broke off at {self.rows:,} rows.")
        found: Figures = json.loads(line)
        return found

    def query(self, statement: str) -> list[tuple[float, ...]]:
        """Ask its database."""
        with psycopg.connect(self.environment["DATABASE_URL"], autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def warm(self) -> None:
        """Read into memory the indexes whose entries come in no order: where the product works, it keeps them there."""
        self.query("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        for index in WRITTEN_ANYWHERE:
            self.query(f"SELECT pg_prewarm('{index}')")

    def size(self) -> float:
        """Return the bytes of its tables with their indexes."""
        of_each = " + ".join(f"pg_total_relation_size('{table}')" for table in TABLES)
        return self.query(f"SELECT {of_each}")[0][0]


def compare(stores: Sequence[Store], *, rounds: int, number: int) -> int:
    """Take notifications of each kind into all by turns, and return how many cost too much."""
    misses = 0
    for kind in ("basic", "rich"):
        found = _by_turns(stores, kind, rounds=rounds, number=number)
        base = _medians(found[0])
        for store, figures in zip(stores, found, strict=True):
            one = _medians(figures)
            ratio = _cost(one) / _cost(base)
            misses += ratio > MOST_TIMES_AS_MUCH
            _say(f"{kind:6} {store.rows:12,} stored   {_in_words(one)}   ratio {ratio:.2f}{_missed(ratio)}")
    return misses


def retain(empty: Store, full: Store, *, rounds: int, number: int) -> int:
    """Prune as many of the oldest as new ones are taken, and return how many promises are broken."""
    taken, base = [], []
    with _watched(full) as seen:
        pruned = [full.ask("prune", number * PRUNED_AT_ONCE) for _ in range(rounds)]
    for _ in range(rounds):
        full.ask("prune", number)
        taken.append(full.ask("basic", number))
        base.append(empty.ask("basic", number))
    cost = _medians(pruned)
    ratio = _cost(_medians(taken)) / _cost(_medians(base))
    _say(f"prune  {full.rows:12,} stored   {_in_words(cost)}")
    _say(f"basic  {full.rows:12,} stored, as many pruned as taken   ratio {ratio:.2f}{_missed(ratio)}")
    times = _cost(_medians(taken)) / _cost(cost)
    _say(f"pruning is {times:.1f} times as cheap as taking; {seen.in_words()}")
    return (ratio > MOST_TIMES_AS_MUCH) + (not seen.is_good) + (times < 1)


def _turn_over(server: str, rows: int) -> int:
    """Replace all rows by new ones again and again, step by step, and say whether the tables' size stays.

    The first turnover does not count: indexes that were just made are fuller than those that grow stay.
    """
    with _filled(server, rows) as store:
        step = rows // STEPS_OF_A_TURNOVER
        sizes = []
        for number in range(STEPS_OF_A_TURNOVER * TURNOVERS):
            store.ask("prune", step)
            first = rows + 1 + number * step
            _fill(store.environment, first, first + step - 1, rows)
            # As autovacuum does when it finds time.
            for table in TABLES:
                store.query(f"VACUUM {table}")
            sizes.append(store.size())
    growth = sizes[-1] / sizes[STEPS_OF_A_TURNOVER - 1]
    in_words = ", ".join(f"{size / 2**20:.0f}" for size in sizes)
    _say(f"{TURNOVERS} turnovers of {rows:,} rows: {in_words} MB   ratio {growth:.2f}{_missed(growth)}")
    return growth > MOST_TIMES_AS_MUCH


@contextmanager
def _filled(server: str, rows: int) -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as directory:
        place = workplace.database("postgresql", Path(directory), server, name=f"{workplace.DATABASE}_{rows}")
        with place as environment:
            began = time.monotonic()
            _fill(environment, 1, rows, rows)
            seconds = time.monotonic() - began
            with opened(environment, Path(directory), rows) as store:
                _say(f"{rows:,} rows filled in {seconds:.0f} s, {store.size() / 2**20:,.0f} MB")
                yield store


@contextmanager
def opened(environment: dict[str, str], directory: Path, rows: int) -> Iterator[Store]:
    """Start the process that works on a database; the first of each it does warms it up."""
    command = [sys.executable, "-m", "tests.benchmarks.taking", str(directory)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=workplace.ROOT, env=environment, stdin=pipe, stdout=pipe, text=True
    ) as process:
        yield Store(rows=rows, environment=environment, process=process)
        process.communicate()


def _fill(environment: dict[str, str], first: int, last: int, total: int) -> None:
    command = [sys.executable, "-m", "tests.benchmarks.stored", *map(str, (first, last, total))]
    subprocess.run(command, cwd=workplace.ROOT, env=environment, check=True)


def _by_turns(stores: Sequence[Store], kind: str, *, rounds: int, number: int) -> list[list[Figures]]:
    """Take notifications into each store in each round, after one that only warms up."""
    for store in stores:
        store.warm()
        store.ask(kind, number)
    found: list[list[Figures]] = [[] for _ in stores]
    for _ in range(rounds):
        for store, figures in zip(stores, found, strict=True):
            figures.append(store.ask(kind, number))
    return found


def _medians(rounds: list[Figures]) -> Figures:
    return {name: median(one[name] for one in rounds) for name in rounds[0]}


def _cost(one: Figures) -> float:
    """Return the processor time of a notification in seconds, of the product and of its server processes."""
    return sum(value for name, value in one.items() if name.endswith(("_process", "_server")))


def _in_words(one: Figures) -> str:
    def total(of: str) -> float:
        return sum(value for name, value in one.items() if name.endswith(f"_{of}"))

    return (
        f"processor {_cost(one) * 1e6:5.0f} us (server {total('server') * 1e6:4.0f})   "
        f"wall {total('wall') * 1e6:5.0f} us   "
        f"log {total('wal') / 1000:5.1f} kB   blocks read {total('blocks'):4.1f}"
    )


@dataclass(kw_only=True)
class _Seen:
    """What others had to wait for."""

    longest_seconds: float = 0.0
    locks: set[str] = field(default_factory=set)

    @property
    def is_good(self) -> bool:
        return self.longest_seconds < LONGEST_TRANSACTION_SECONDS and self.locks <= WEAK_LOCKS

    def in_words(self) -> str:
        locks = ", ".join(sorted(self.locks))
        return f"its longest transaction {self.longest_seconds:.2f} s, its locks on tables {locks}"


@contextmanager
def _watched(store: Store) -> Iterator[_Seen]:
    """Look all the time how long the transactions of the product last and which locks they take."""
    seen, ended = _Seen(), threading.Event()

    def look() -> None:
        with psycopg.connect(store.environment["DATABASE_URL"], autocommit=True) as connection:
            while not ended.wait(0.01):
                found = connection.execute(
                    "SELECT extract(epoch FROM max(clock_timestamp() - a.xact_start)), array_agg(DISTINCT l.mode) "
                    "FROM pg_stat_activity a JOIN pg_locks l USING (pid) WHERE l.locktype = 'relation' "
                    "AND a.datname = current_database() AND a.backend_type = 'client backend' "
                    "AND pid <> pg_backend_pid()"
                ).fetchone()
                if found and found[0] is not None:
                    seen.longest_seconds = max(seen.longest_seconds, float(found[0]))
                    seen.locks |= set(found[1])

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield seen
    finally:
        ended.set()
        watching.join()


def _missed(ratio: float) -> str:
    return "   missed" if ratio > MOST_TIMES_AS_MUCH else ""


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
