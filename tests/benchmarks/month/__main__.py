"""A simulated month: subscriptions of every lifetime, cron every ten minutes, and everything that goes wrong.

    python -m tests.benchmarks.month [--seeds 20] [--jobs 2] [--subscriptions 500] [--days 30] [--database-url URL]

Nothing waits: time is skipped from one run of cron to the next. Each seed plays another month, in a process and a
database of its own; a database that is named must be empty, is emptied after each seed, and takes one at a time.
Who lived when is read from the stand-in for Graph, never from the product. Exit 1 when a promise was broken:

- no subscription lapses while a working run could have renewed it;
- there are never two at Graph for one wish;
- each lapse that had to happen was told before it happened, unless our own machine was down;
- what ended is made again within a few working runs, and at the end all that was wished is alive.
"""

import json
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from typing import Any

MOST_NAMED = 20


def main() -> int:
    """Play and print the figures of each seed and of all."""
    options = _options()
    if options.seed is not None and options.json:
        print(json.dumps(_play(options)))
        return 0
    results = []
    for result in [_play(options)] if options.seed is not None else _play_all(options):
        results.append(result)
        _print(f"seed {result['seed']}", result["figures"], result["broken"])
    if options.seed is None:
        total: Counter[str] = Counter()
        for result in results:
            for name, number in result["figures"].items():
                total[name] = max(total[name], number) if "longest" in name else total[name] + number
        failing = sorted(result["seed"] for result in results if result["broken"])
        _print(f"all {len(results)} seeds", total, [f"in seed {seed}" for seed in failing])
    return 1 if any(result["broken"] for result in results) else 0


def _options() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="Play the seeds 1 to N.")
    parser.add_argument("--seed", type=int, help="Play this one only, in this process.")
    parser.add_argument("--subscriptions", type=int, default=500)
    parser.add_argument("--days", type=float, default=30)
    parser.add_argument(
        "--database-url", default="", help="An empty database; SQLite of its own if not given."
    )
    parser.add_argument("--jobs", type=int, default=1, help="Play so many seeds at a time.")
    parser.add_argument("--json", action="store_true", help="Print the result of --seed as JSON and exit 0.")
    options = parser.parse_args()
    if options.jobs > 1 and options.database_url:
        parser.error("A database takes one seed at a time.")
    return options


def _play(options: Namespace) -> dict[str, Any]:
    from tests.benchmarks.month import seed

    def tell(done: int, of: int) -> None:
        if sys.stderr.isatty() or done % max(of // 10, 1) == 0:
            print(f"\rseed {options.seed}: {done} of {of} runs", end="", file=sys.stderr, flush=True)

    result = seed.run(
        options.seed,
        subscriptions=options.subscriptions,
        days=options.days,
        database_url=options.database_url,
        progress=tell,
    )
    print(file=sys.stderr)
    return asdict(result)


def _play_all(options: Namespace) -> Iterator[dict[str, Any]]:
    """Yield the result of each seed as it ends."""
    with ThreadPoolExecutor(options.jobs) as pool:
        played = [pool.submit(_play_apart, number, options) for number in range(1, options.seeds + 1)]
        yield from (one.result() for one in as_completed(played))


def _play_apart(number: int, options: Namespace) -> dict[str, Any]:
    """Play a seed in a process of its own: a process cannot go back in time. One that breaks off stops no other."""
    arguments = ["--seed", str(number), "--json", "--database-url", options.database_url]
    arguments += ["--subscriptions", str(options.subscriptions), "--days", str(options.days)]
    played = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.month", *arguments],
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    if played.returncode:
        return {"seed": number, "figures": {}, "broken": [f"its process ended with {played.returncode}"]}
    result: dict[str, Any] = json.loads(played.stdout)
    return result


def _print(title: str, figures: dict[str, int], broken: list[str]) -> None:
    print(f"{title}: " + "; ".join(f"{name} {number:,}" for name, number in figures.items()), flush=True)
    for text in broken[:MOST_NAMED]:
        print(f"  BROKEN {text}", flush=True)
    if len(broken) > MOST_NAMED:
        print(f"  and {len(broken) - MOST_NAMED} more")


if __name__ == "__main__":
    sys.exit(main())
