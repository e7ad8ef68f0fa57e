"""Measure processing beside the RSA rate of the same core, in the same run: `python tests/benchmarks/processing.py`.

Rich notifications lie in the inbox; one worker proves, opens and commits them, and the time from its first claim to
its last commit counts. The limit is what the bare RSA-OAEP unwrap of their data keys alone takes on one core, measured
before and after; the better of the two counts. Memory is the worker's highest resident set.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks import workplace

UNWRAP = """
import sys, time
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
sha1 = hashes.SHA1()
oaep = padding.OAEP(mgf=padding.MGF1(algorithm=sha1), algorithm=sha1, label=None)
wrapped = key.public_key().encrypt(bytes(32), oaep)
began, count = time.perf_counter(), 0
while time.perf_counter() - began < float(sys.argv[1]):
    key.decrypt(wrapped, oaep)
    count += 1
print(count / (time.perf_counter() - began))
"""


def main() -> None:
    """Print one line for each database, number of items a delivery and number of workers."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--database", nargs="+", default=["postgresql", "sqlite"])
    arguments.add_argument("--server", default="postgres://postgres@127.0.0.1:5432/postgres")
    arguments.add_argument("--notifications", type=int, default=10_000)
    arguments.add_argument("--items", nargs="+", type=int, default=[1, 50], help="notifications a delivery")
    arguments.add_argument("--workers", nargs="+", type=int, default=[1, 2])
    options = arguments.parse_args()
    for kind in options.database:
        for items in options.items:
            for workers in options.workers:
                _measure(kind, items, workers, options)


def _measure(kind: str, items: int, workers: int, options: argparse.Namespace) -> None:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = stack.enter_context(workplace.database(kind, directory, options.server))
        deliveries = options.notifications // items
        filling = ["-m", "tests.benchmarks.filling", str(deliveries), str(items), str(directory)]
        stack.enter_context(workplace.running(environment, *filling))
        environment |= _cloud(directory / "filled")
        before = _unwrap_rate()
        found = _drain(environment, workers)
        limit = max(before, _unwrap_rate())
    accepted = sum(one["accepted"] for one in found)
    if accepted != deliveries * items:
        raise SystemExit(f"Not all were opened: {found}")
    took = max(one["ended_at"] for one in found) - min(one["began_at"] for one in found)
    rate = accepted / took
    print(
        f"{kind:10}  items {items:3}  workers {workers}   {rate:6.0f}/s   bare unwrap {limit:6.0f}/s a core   "
        f"of {workers} core(s) {rate / limit / workers:.2f}   "
        f"memory {max(one['memory_kb'] for one in found) / 1024:.0f} MB",
        flush=True,
    )


def _drain(environment: dict[str, str], workers: int) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.benchmarks.draining"]
    processes = [
        subprocess.Popen(command, cwd=workplace.ROOT, env=environment, stdout=subprocess.PIPE)
        for _ in range(workers)
    ]
    return [json.loads(process.communicate()[0]) for process in processes]


def _cloud(mark: Path) -> dict[str, str]:
    """Wait until the inbox is full, and return where the cloud is."""
    while not mark.exists():
        time.sleep(0.1)
    found: dict[str, str] = json.loads(mark.read_text())
    return found


def _unwrap_rate() -> float:
    command = [sys.executable, "-c", UNWRAP, "1.5"]
    return float(subprocess.run(command, check=True, env=os.environ, stdout=subprocess.PIPE).stdout)


if __name__ == "__main__":
    main()
