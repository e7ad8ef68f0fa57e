"""Measure the pages of an analyst over a short and a long history: `python -m tests.benchmarks.browsing`.

Each page is opened through the real stack by somebody of the group Analysts. A page of the long history may take 1.5
times as long as one of the short history, and 300 ms in 95 of 100 cases; an export of a million rows with their content
may take 150 MB. Exits 1 when one of them does not keep to that.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks import workplace

Process = subprocess.Popen[str]
WARM_UP = 3
MOST_TIMES_AS_LONG = 1.5
LONGEST_SECONDS = 0.3
# Below this, what the machine does besides is more than what the page does.
TOO_SHORT_SECONDS = 0.010
EXPORTED = 1_000_000
MOST_MEMORY_MB = 150


def main() -> None:
    """Print a line for each page."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    arguments.add_argument("--server", default="postgres://postgres@127.0.0.1:5432/postgres")
    arguments.add_argument("--small", type=int, default=100_000)
    arguments.add_argument("--large", type=int, help="Default: 5,000,000; 1,000,000 on SQLite.")
    arguments.add_argument("--times", type=int, default=20, help="How often each page is opened.")
    options = arguments.parse_args()
    large = options.large or (1_000_000 if options.database == "sqlite" else 5_000_000)
    with _database(options, "small") as short, _database(options, "large") as long:
        _run(short, "history", 1, options.small, options.small)
        began = time.monotonic()
        exported = min(EXPORTED, large)
        _run(long, "history", 1, exported, large)
        figures = json.loads(_run(long, "looking", "export"))
        if large > exported:
            _run(long, "history", exported + 1, large, large)
        _say(f"{large:,} rows filled, and {exported:,} exported, in {time.monotonic() - began:.0f} s")
        misses = compare(short, options.small, long, large, times=options.times)
    sys.exit(1 if misses + _judged_export(figures) else 0)


def compare(short: dict[str, str], small: int, long: dict[str, str], large: int, *, times: int) -> int:
    """Open each page of both histories by turns, so that what the machine does besides is in both, and judge."""
    with _looking(short, small) as before, _looking(long, large) as after:
        names = json.loads(_line(before))
        if names != json.loads(_line(after)):
            raise SystemExit("The histories have different pages.")
        _say(f"{'page':48} {'small':>8} {'large':>8} {'ratio':>6} {'p95':>8}")
        misses = 0
        for number, name in enumerate(names):
            for _ in range(WARM_UP):
                _took(before, number), _took(after, number)
            pairs = [(_took(before, number), _took(after, number)) for _ in range(times)]
            misses += _judged(name, *zip(*pairs, strict=True))
    return misses


@contextmanager
def _database(options: argparse.Namespace, name: str) -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory() as directory:
        place = workplace.database(
            options.database, Path(directory), options.server, name=f"gsm_browsing_{name}"
        )
        with place as environment:
            yield environment


@contextmanager
def _looking(environment: dict[str, str], rows: int) -> Iterator[Process]:
    command = [sys.executable, "-m", "tests.benchmarks.looking", str(rows)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=workplace.ROOT, env=environment, stdin=pipe, stdout=pipe, text=True
    ) as process:
        yield process
        process.communicate()


def _took(process: Process, number: int) -> float:
    process.stdin.write(f"{number}\n")  # type: ignore[union-attr] # it has a pipe
    process.stdin.flush()  # type: ignore[union-attr] # it has a pipe
    return float(_line(process))


def _line(process: Process) -> str:
    if line := process.stdout.readline():  # type: ignore[union-attr] # it has a pipe
        return line
    raise SystemExit("A page could not be opened.")


def _run(environment: dict[str, str], module: str, *arguments: int | str) -> str:
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=workplace.ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def _judged(name: str, short: tuple[float, ...], long: tuple[float, ...]) -> bool:
    before, after = statistics.median(short), statistics.median(long)
    slow = statistics.quantiles(long, n=20)[-1]
    is_longer = after / before > MOST_TIMES_AS_LONG and after - before > TOO_SHORT_SECONDS
    is_missed = is_longer or slow > LONGEST_SECONDS
    _say(
        f"{name:48} {before * 1000:5.0f} ms {after * 1000:5.0f} ms {after / before:6.2f} {slow * 1000:5.0f} ms"
        f"{'   missed' if is_missed else ''}"
    )
    return is_missed


def _judged_export(figures: dict[str, float]) -> int:
    is_missed = figures["memory_mb"] > MOST_MEMORY_MB
    _say(
        f"export of {figures['rows']:,} rows: {figures['seconds']:.0f} s, {figures['bytes'] / 1e6:,.0f} MB written, "
        f"highest memory {figures['memory_mb']:.0f} MB{'   missed' if is_missed else ''}"
    )
    return int(is_missed)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
