"""Measure processing beside the RSA rate of the same core, in the same run: `python tests/benchmarks/processing.py`.

Rich notifications lie in the inbox; workers prove, open and commit them, and the time from the first claim to the last
commit counts. The limit is what as many cores as there are workers do of the bare RSA-OAEP unwrap of their data keys
alone, all at once, measured before and after; the better of the two counts. Memory is a worker's highest resident
set, also beside ever more waiting deliveries (`--waiting`).

Where neighbours use the machine too, times say little. So the processor time of a notification is printed as well, of
the worker and of its PostgreSQL server process, and how much of both is the bare unwrap: that is the share of all
cores' limit that is reached when they do nothing else.
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
began, used, count = time.perf_counter(), time.process_time(), 0
while time.perf_counter() - began < float(sys.argv[1]):
    key.decrypt(wrapped, oaep)
    count += 1
print(count / (time.perf_counter() - began), (time.process_time() - used) / count)
"""


def main() -> None:
    """Print one line for each database, number of items a delivery and number of workers."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--database", nargs="+", default=["postgresql", "sqlite"])
    arguments.add_argument("--server", default="postgres://postgres@127.0.0.1:5432/postgres")
    arguments.add_argument("--notifications", type=int, default=30_000)
    arguments.add_argument("--items", nargs="+", type=int, default=[1, 50], help="notifications a delivery")
    arguments.add_argument("--workers", nargs="+", type=int, default=[1, 2])
    arguments.add_argument("--waiting", nargs="*", type=int, default=[10_000, 200_000], help="for the memory")
    options = arguments.parse_args()
    for kind in options.database:
        for items in options.items:
            for workers in options.workers:
                _measure(kind, items, workers, options.notifications, options.server)
        for waiting in options.waiting:
            print(f"{waiting} waiting deliveries:", flush=True)
            _measure(kind, 1, 1, waiting, options.server)


def _measure(kind: str, items: int, workers: int, notifications: int, server: str) -> None:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = stack.enter_context(workplace.database(kind, directory, server))
        deliveries = notifications // items
        filling = ["-m", "tests.benchmarks.filling", str(deliveries), str(items), str(directory)]
        stack.enter_context(workplace.running(environment, *filling))
        environment |= _cloud(directory / "filled")
        before = _unwrap(workers)
        found = _drain(environment, workers)
        after = _unwrap(workers)
    accepted = sum(one["accepted"] for one in found)
    if accepted != deliveries * items:
        raise SystemExit(f"Not all were opened: {found}")
    took = max(one["ended_at"] for one in found) - min(one["began_at"] for one in found)
    rate = accepted / took
    limit, unwrap = max(before[0], after[0]), min(before[1], after[1])
    used = {name: sum(one[name] for one in found) / accepted for name in ("worker_seconds", "server_seconds")}
    print(
        f"{kind:10}  items {items:3}  workers {workers}   {rate:6.0f}/s   "
        f"bare unwrap of {workers} core(s) {limit:6.0f}/s   ratio {rate / limit:.2f}   processor time of one: "
        f"worker {used['worker_seconds'] * 1e6:.0f} µs, server {used['server_seconds'] * 1e6:.0f} µs, "
        f"bare unwrap {unwrap * 1e6:.0f} µs, share {unwrap / sum(used.values()):.2f}   "
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


def _unwrap(cores: int) -> tuple[float, float]:
    """Return how many unwraps some cores do in a second, and the least processor time of one, in seconds."""
    command = [sys.executable, "-c", UNWRAP, "1.5"]
    processes = [subprocess.Popen(command, env=os.environ, stdout=subprocess.PIPE) for _ in range(cores)]
    printed = [process.communicate()[0].split() for process in processes]
    return sum(float(rate) for rate, _ in printed), min(float(seconds) for _, seconds in printed)


if __name__ == "__main__":
    main()
