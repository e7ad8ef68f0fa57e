"""Measure renewal runs against a cloud in its own process, where each HTTP call takes 50 ms:

    python -m tests.benchmarks.renewal [--database sqlite postgresql] [--part batches limits finding] [--server URL]

- batches: 5,000 due over 20 tenants, beside one PATCH after the other. That floor is measured on a sample in the same
  run, with its token and its connection ready, and multiplied.
- limits: 2,000 due in one tenant whose writes Graph limits to 500 in 20 seconds; four windows, of which the last takes
  no time, are 60 seconds.
- finding: 5,000 due among 100,000 rows, beside 5,000 among 5,000.

Exit 1 when a promise is not kept.
"""

import json
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from subscriptions.graph.pace import WINDOW_SECONDS, WRITES_OF_APP_IN_TENANT
from tests.benchmarks import workplace

DELAY_SECONDS = 0.05
SAMPLE = 60
DUE, TENANTS = 5000, 20
DUE_IN_ONE = 2000
ROWS = 100_000
FASTER, SLOWER = 40, 1.3
# Above the batches themselves: the last, smaller batch of each tenant.
MORE_CALLS = TENANTS
MEMORY_GROWN_MB = 40


def main() -> int:
    """Print the figures of each part; return 1 when one is not what it should be."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--database", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--part", nargs="+", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--server", default="postgres://postgres@127.0.0.1:5432/postgres")
    options = parser.parse_args()
    kept = [PARTS[part](kind, options.server) for kind in options.database for part in options.part]
    return 0 if all(kept) else 1


def _batches(kind: str, server: str) -> bool:
    found = _renewed(kind, server, tenants=TENANTS, each=DUE // TENANTS, sample=SAMPLE)
    floor = found["one_by_one_ms"] * DUE / 1000
    faster = floor / found["seconds"]
    _print(
        f"{kind:10} batches: {found['renewed']} of {found['due']} renewed in {found['seconds']:.1f} s "
        f"({found['processor_seconds']:.1f} s of work) by {found['calls']} calls; one by one "
        f"{found['one_by_one_ms']:.1f} ms each, so {floor:.0f} s from {SAMPLE} of them: {faster:.0f} times faster; "
        f"memory {found['memory_mb']:.0f} MB, grown by {found['memory_grown_mb']:.0f} MB"
    )
    return bool(
        found["renewed"] == DUE
        and found["calls"] <= DUE / 20 + MORE_CALLS
        and faster >= FASTER
        and found["memory_grown_mb"] <= MEMORY_GROWN_MB
    )


def _limits(kind: str, server: str) -> bool:
    found = _renewed(kind, server, tenants=1, each=DUE_IN_ONE, sample=0, limits=True)
    windows = -(-DUE_IN_ONE // WRITES_OF_APP_IN_TENANT)
    allowed = (windows - 1) * WINDOW_SECONDS
    ratio = found["seconds"] / allowed
    _print(
        f"{kind:10} limits: {found['renewed']} of {found['due']} renewed in {found['seconds']:.1f} s, "
        f"{found['throttled']} writes refused for their number; the limit allows {allowed:.0f} s: {ratio:.2f} of it"
    )
    return bool(found["renewed"] == DUE_IN_ONE and ratio <= SLOWER)


def _finding(kind: str, server: str) -> bool:
    few, many = (_found(kind, server, rows) for rows in (DUE, ROWS))
    ratio = many["seconds"] / few["seconds"]
    _print(
        f"{kind:10} finding: {many['found']} of {ROWS} rows by {many['queries']} query in "
        f"{many['seconds'] * 1000:.0f} ms, {ratio:.2f} of what it takes with {DUE} rows"
    )
    _print("".join(f"    {line}\n" for line in many["plan"].splitlines()).rstrip())
    return bool(many["found"] == DUE and many["queries"] == 1 and "subscription_due" in many["plan"])


PARTS = {"batches": _batches, "limits": _limits, "finding": _finding}


def _renewed(
    kind: str, server: str, *, tenants: int, each: int, sample: int, limits: bool = False
) -> dict[str, Any]:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = stack.enter_context(workplace.database(kind, directory, server))
        facts = directory / "facts.json"
        size = ("--tenants", str(tenants), "--each", str(each), "--delay", str(DELAY_SECONDS))
        more = ("--limits",) if limits else ()
        arguments = ("-m", "tests.benchmarks.cloud", *size, "--facts", str(facts), *more)
        stack.enter_context(workplace.running(environment, *arguments))
        while not facts.exists():
            time.sleep(0.1)
        cloud = json.loads(facts.read_text())
        environment |= {
            "CUSTOM_GRAPH_URL": cloud["url"],
            "CUSTOM_LOGIN_URL": cloud["url"],
            "CUSTOM_CA_BUNDLE": cloud["ca_bundle"],
        }
        _child(environment, "fill", str(facts))
        return _child(environment, "run", str(facts), str(sample))


def _found(kind: str, server: str, rows: int) -> dict[str, Any]:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = stack.enter_context(workplace.database(kind, directory, server))
        return _child(environment, "find", str(rows), str(DUE))


def _child(environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.renewing", *arguments]
    done = subprocess.run(command, cwd=workplace.ROOT, env=environment, check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _print(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
