"""Completeness: a week of changes to ten kinds of resources, with everything that keeps Graph from telling us.

    python -m tests.benchmarks.completeness [--seeds 10 | --seed 7] [--changes 20000] [--days 7]

Nothing waits: time is skipped from one turn of cron to the next. Our webhook is away, slow and killed at random,
subscriptions are removed, lapse and are created again, places in delta queries are forgotten, Graph throttles. What was
changed, delivered and alive is read from the stand-in for Graph, never from the product. Exit 1 when a promise was
broken:

- what was answered with 2xx is stored;
- where Graph has a delta query, every other change is stored too, or a later state of the same item, unless the
  report names a forgotten token that took it along; nothing is stored twice as far as versions tell;
- where it has none, each lost change lies in a period that `report_gaps` names;
- the report names every time in which Graph had no subscription, and none in which nothing was wrong;
- what it names begins no earlier than the last time before at which we could look, and ends when it was over.
"""

import json
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from dataclasses import asdict
from typing import Any

MOST_NAMED = 20
WIDEST = "widest"


def main() -> int:
    """Play and print the figures of each seed and of all."""
    options = _options()
    if options.seed is not None:
        results = [_play(options)]
        if options.json:
            print(json.dumps(results[0]))
            return 0
    else:
        results = [_play_apart(seed, options) for seed in range(1, options.seeds + 1)]
    total: Counter[str] = Counter()
    for result in results:
        _add(total, result["figures"])
        if len(results) == 1:
            _print(f"seed {result['seed']}", result["figures"], result["broken"])
    if len(results) > 1:
        _print(f"all {len(results)} seeds", total, [])
    return 1 if any(result["broken"] for result in results) else 0


def _add(total: Counter[str], figures: dict[str, int]) -> None:
    """Add the figures of one seed; of what is widest, the widest of all counts."""
    for name, number in figures.items():
        total[name] = max(total[name], number) if name.startswith(WIDEST) else total[name] + number


def _options() -> Namespace:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="Play the seeds 1 to N.")
    parser.add_argument("--seed", type=int, help="Play this one only, in this process.")
    parser.add_argument("--changes", type=int, default=20_000)
    parser.add_argument("--days", type=float, default=7)
    parser.add_argument("--json", action="store_true", help="Print the result of --seed as JSON and exit 0.")
    return parser.parse_args()


def _play(options: Namespace) -> dict[str, Any]:
    from tests.benchmarks.completeness import seed

    def tell(done: int, of: int) -> None:
        if sys.stderr.isatty() or done % 100 == 0:
            print(f"\rseed {options.seed}: {done} of {of} turns", end="", file=sys.stderr, flush=True)

    result = seed.run(options.seed, changes=options.changes, days=options.days, progress=tell)
    print(file=sys.stderr)
    return asdict(result)


def _play_apart(number: int, options: Namespace) -> dict[str, Any]:
    """Play a seed in a process of its own: a process cannot go back in time."""
    arguments = [
        "--seed",
        str(number),
        "--json",
        "--changes",
        str(options.changes),
        "--days",
        str(options.days),
    ]
    played = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.completeness", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    result: dict[str, Any] = json.loads(played.stdout)
    _print(f"seed {number}", result["figures"], result["broken"])
    return result


def _print(title: str, figures: dict[str, int], broken: list[str]) -> None:
    print(f"{title}: " + "; ".join(f"{name} {number:,}" for name, number in figures.items()), flush=True)
    for text in broken[:MOST_NAMED]:
        print(f"  BROKEN {text}", flush=True)
    if len(broken) > MOST_NAMED:
        print(f"  and {len(broken) - MOST_NAMED} more", flush=True)


if __name__ == "__main__":
    sys.exit(main())
