"""Measure intake beside its floor, in the same run: `python tests/benchmarks/intake.py`.

The floor is a bare WSGI view that makes the same one insert (floor.py), under the same gunicorn settings. The naive
view writes a row for each item (naive.py). Rounds alternate between the three and the best of each counts, so that
what else the machine does weighs on all alike. Read the ratios: the rates are the machine's.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks import workplace

APPLICATIONS = {
    "product": "config.wsgi",
    "floor": "tests.benchmarks.floor:application",
    "naive": "tests.benchmarks.naive:application",
}
# What sealing a body adds to it: version, salt, nonce and tag.
SEALING_BYTES = 45
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
    options = arguments.parse_args()
    for kind in options.database:
        for processes in options.processes:
            print(
                f"\n{kind}, gunicorn gthread, {processes} process(es) of 8 threads, {options.workers} workers"
            )
            for items in options.items:
                _table(kind, processes, items, options)


def _table(kind: str, processes: int, items: int, options: argparse.Namespace) -> None:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = stack.enter_context(workplace.database(kind, directory, options.server))
        body = directory / "body.json"
        body.write_bytes(_body(environment, items))
        environment["SEALED_BYTES"] = str(len(body.read_bytes()) + SEALING_BYTES)
        for _ in range(options.workers):
            stack.enter_context(
                workplace.running(environment, "manage.py", "process_notifications", "--loop", "-v0")
            )
        ports = {
            name: stack.enter_context(workplace.serving(environment, application, processes=processes))
            for name, application in APPLICATIONS.items()
        }
        for concurrency in options.concurrency:
            best: dict[str, dict[str, Any]] = {}
            for _ in range(options.rounds):
                for name, port in ports.items():
                    found = _load(port, body, concurrency, options.seconds)
                    if name not in best or found["rate"] > best[name]["rate"]:
                        best[name] = found
            _print(items, concurrency, best)


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


def _print(items: int, concurrency: int, best: dict[str, dict[str, Any]]) -> None:
    product, floor, naive = (best[name] for name in ("product", "floor", "naive"))
    print(
        f"items {items:3}  concurrency {concurrency:3}   "
        f"product {product['rate']:6.0f}/s p50 {product['p50_ms']:6.1f} ms p99 {product['p99_ms']:6.1f} ms   "
        f"floor {floor['rate']:6.0f}/s p50 {floor['p50_ms']:6.1f} ms p99 {floor['p99_ms']:6.1f} ms   "
        f"of the floor {product['rate'] / floor['rate']:.2f}   "
        f"times the naive view {product['rate'] / naive['rate']:.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
