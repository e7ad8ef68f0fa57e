"""Measure intake beside its floor, in the same run: `python tests/benchmarks/intake.py`.

The floor is a bare WSGI view that makes the same one insert (floor.py), under the same gunicorn settings. The naive
view writes a row for each item (naive.py). Rounds alternate between the three and the median of each counts, so that
what else the machine does weighs on all alike. Read the ratios: the rates are the machine's. Beside them stands what
a request costs in processor time, of the web server and of the database's backends (workers included).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks import workplace

APPLICATIONS = {
    "product": "config.wsgi",
    "floor": "tests.benchmarks.floor:application",
    "naive": "tests.benchmarks.naive:application",
}
FIGURES = ("rate", "p50_ms", "p99_ms", "web_us", "database_us")
# The first requests load code and open connections.
WARM_UP_SECONDS = 1.5
SEAL = """
from pathlib import Path
from subscriptions.models.fields import cipher
Path("{body}").with_suffix(".sealed").write_bytes(cipher().seal(Path("{body}").read_bytes()))
"""
TENANTS = 10
CLIENT_STATE = "1.a-secret-of-the-benchmark"
MAKE_SUBSCRIPTION = """
from datetime import UTC, datetime, timedelta
from subscriptions.models import AppRegistration, Subscription
app = AppRegistration.objects.create(name="b", tenant_id="{tenant}", client_id="{tenant}", client_secret="s")
Subscription.objects.create(
    app_registration=app, resource="/users/u1/messages", change_type="created", status="active",
    graph_id="{graph_id}", expires_at=datetime.now(UTC) + timedelta(days=1), client_state="{client_state}",
)
"""


def main() -> None:
    """Print one table for each database and number of processes."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--database", nargs="+", default=["postgresql", "sqlite"])
    arguments.add_argument("--server", default="postgres://postgres@127.0.0.1:5432/postgres")
    arguments.add_argument("--processes", nargs="+", type=int, default=[1, 2])
    arguments.add_argument("--items", nargs="+", type=int, default=[1, 50])
    arguments.add_argument("--concurrency", nargs="+", type=int, default=[1, 16, 64])
    arguments.add_argument("--seconds", type=float, default=2.0, help="of each round")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--workers", type=int, default=0, help="that drain the inbox meanwhile")
    arguments.add_argument("--renewals", type=int, default=0, help="subscriptions that are renewed meanwhile")
    options = arguments.parse_args()
    for kind in options.database:
        for processes in options.processes:
            print(
                f"\n{kind}, gunicorn gthread, {processes} process(es) of 8 threads, {options.workers} workers, "
                f"{options.renewals} renewals"
            )
            for items in options.items:
                _table(kind, processes, items, options)


def _table(kind: str, processes: int, items: int, options: argparse.Namespace) -> None:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = stack.enter_context(workplace.database(kind, directory, options.server))
        body = directory / "body.json"
        body.write_bytes(_body(environment, items))
        environment["SEALED_BODY"] = str(directory / "body.sealed")
        workplace.manage(environment, "shell", "-v0", code=SEAL.format(body=body))
        for _ in range(options.workers):
            stack.enter_context(
                workplace.running(environment, "manage.py", "process_notifications", "--loop", "-v0")
            )
        servers = {
            name: stack.enter_context(workplace.serving(environment, application, processes=processes))
            for name, application in APPLICATIONS.items()
        }
        for server in servers.values():
            _load(server.port, body, processes, WARM_UP_SECONDS)
        if options.renewals:
            renewal = stack.enter_context(_renewing(environment, directory, options.renewals))
        for concurrency in options.concurrency:
            found: dict[str, list[dict[str, Any]]] = {name: [] for name in servers}
            for _ in range(options.rounds):
                for name, server in servers.items():
                    found[name].append(_round(kind, server, body, concurrency, options))
            _print(items, concurrency, {name: _medians(rounds) for name, rounds in found.items()})
        if options.renewals and renewal.poll() is not None:
            print("The renewal was over before: give it more to renew.")


@contextmanager
def _renewing(environment: dict[str, str], directory: Path, number: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a renewal of so many subscriptions beside the load."""
    facts = directory / "facts.json"
    size = ["--tenants", str(TENANTS), "--each", str(number // TENANTS), "--delay", "0.05"]
    with workplace.running(environment, "-m", "tests.benchmarks.cloud", *size, "--facts", str(facts)):
        while not facts.exists():
            time.sleep(0.1)
        cloud = json.loads(facts.read_text())
        at_cloud = environment | {
            "CUSTOM_GRAPH_URL": cloud["url"],
            "CUSTOM_LOGIN_URL": cloud["url"],
            "CUSTOM_CA_BUNDLE": cloud["ca_bundle"],
        }
        fill = [sys.executable, "-m", "tests.benchmarks.renewing", "fill", str(facts)]
        subprocess.run(fill, cwd=workplace.ROOT, env=at_cloud, check=True, stdout=subprocess.DEVNULL)
        run = ("-m", "tests.benchmarks.renewing", "run", str(facts), "0")
        with workplace.running(at_cloud, *run) as renewal:
            yield renewal


def _round(
    kind: str, server: workplace.Server, body: Path, concurrency: int, options: argparse.Namespace
) -> dict[str, Any]:
    """Load a server and count what a request costs it, in microseconds of a processor."""

    def used() -> tuple[float, float]:
        of_database = workplace.database_processor_seconds(options.server) if kind == "postgresql" else 0.0
        return server.processor_seconds(), of_database

    before = used()
    found = _load(server.port, body, concurrency, options.seconds)
    web, database = (after - first for after, first in zip(used(), before, strict=True))
    return found | {"web_us": web / found["count"] * 1e6, "database_us": database / found["count"] * 1e6}


def _medians(rounds: list[dict[str, Any]]) -> dict[str, float]:
    return {name: median(one[name] for one in rounds) for name in FIGURES}


def _body(environment: dict[str, str], items: int) -> bytes:
    graph_id, tenant = str(uuid4()), str(uuid4())
    code = MAKE_SUBSCRIPTION.format(graph_id=graph_id, tenant=tenant, client_state=CLIENT_STATE)
    workplace.manage(environment, "shell", "-v0", code=code)
    return json.dumps({"value": [_item(number, graph_id, tenant) for number in range(items)]}).encode()


def _item(number: int, graph_id: str, tenant: str) -> dict[str, Any]:
    message = f"AAMkAGInventedForTheBenchmark{number:06}"
    return {
        "id": f"lsgTZMr9KwAAA{number}",
        "subscriptionId": graph_id,
        "subscriptionExpirationDateTime": "2027-02-03T04:05:06.1234567Z",
        "clientState": CLIENT_STATE,
        "changeType": "created",
        "resource": f"Users/9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3/Messages/{message}",
        "tenantId": tenant,
        "resourceData": {
            "@odata.type": "#Microsoft.Graph.Message",
            "@odata.id": f"Users/9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3/Messages/{message}",
            "@odata.etag": 'W/"CQAAABYAAAInvented"',
            "id": message,
        },
    }


def _load(port: int, body: Path, concurrency: int, seconds: float) -> dict[str, Any]:
    command = [
        sys.executable,
        str(Path(__file__).with_name("load.py")),
        "--port",
        str(port),
        "--body",
        str(body),
    ]
    command += ["--concurrency", str(concurrency), "--seconds", str(seconds)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    if set(found["statuses"]) != {"202"}:
        raise SystemExit(f"Not all were taken: {found['statuses']}")
    return found


def _print(items: int, concurrency: int, of: dict[str, dict[str, float]]) -> None:
    product, floor, naive = (of[name] for name in ("product", "floor", "naive"))
    print(
        f"items {items:3}  concurrency {concurrency:3}   product {_in_words(product)}   floor {_in_words(floor)}   "
        f"of the floor {product['rate'] / floor['rate']:.2f}   "
        f"times the naive view {product['rate'] / naive['rate']:.1f}",
        flush=True,
    )


def _in_words(one: dict[str, float]) -> str:
    return (
        f"{one['rate']:6.0f}/s p50 {one['p50_ms']:5.1f} ms p99 {one['p99_ms']:5.1f} ms "
        f"processor {one['web_us']:4.0f} + {one['database_us']:3.0f} us"
    )


if __name__ == "__main__":
    main()
