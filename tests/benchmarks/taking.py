"""Take and prune notifications as the product does, and tell the cost: `python -m tests.benchmarks.taking DIRECTORY`.

Each line of the standard input is `basic`, `rich` or `prune` and a number; the answer is a line of JSON: the seconds
that one of so many notifications took, by the clock (`wall`), of the processor in this process (`process`) and in its
server processes (`server`), and what the database wrote to its log (`wal`, in bytes) and read (`blocks`).
"""

import hashlib
import json
import os
import secrets
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from subscriptions.sandbox import Sandbox

# Requests that wait for a commit together, as the threads of a web process.
THREADS = 8


def main(directory: Path) -> None:
    """Answer each line until there are no more."""
    with Sandbox(directory=directory / "sandbox") as sandbox:
        os.environ.update(
            CUSTOM_GRAPH_URL=sandbox.graph_url,
            CUSTOM_LOGIN_URL=sandbox.login_url,
            CUSTOM_CA_BUNDLE=str(sandbox.ca_bundle),
        )
        import django

        django.setup()
        from tests.benchmarks.product import speller

        spelling = speller(sandbox)
        for line in sys.stdin:
            kind, number = line.split()
            used = _prune(int(number)) if kind == "prune" else _take(spelling, kind, int(number))
            print(json.dumps(used), flush=True)


def _take(spelling: Any, kind: str, number: int) -> dict[str, float]:
    """Return seconds by what was done and who did it, and what the database wrote and read, of one notification."""
    from django.db import close_old_connections
    from django.utils import timezone

    from notifications.services import intake, processing

    # Spelled beforehand: that is the work of the sender.
    bodies = [json.dumps(spelling.body(_item(spelling, kind))).encode() for _ in range(number)]

    def put(body: bytes) -> None:
        intake.accept(
            body,
            endpoint="notifications",
            content_type="application/json",
            content_encoding="",
            now=datetime.now(UTC),
        )
        # As at the end of each request.
        close_old_connections()

    used: dict[str, float] = {}
    with ThreadPoolExecutor(THREADS) as threads, _measured(used, "intake"):
        list(threads.map(put, bodies))
    with _measured(used, "processing"):
        summary = processing.process(clock=timezone.now)
    if summary.accepted != number or summary.errors:
        raise SystemExit(f"Not all were stored: {summary}")
    return {name: value / number for name, value in used.items()}


def _prune(number: int) -> dict[str, float]:
    """Have retention end just behind so many of the oldest, and return what it cost to delete one of them."""
    from notifications.models import ChangeNotification, RetentionRule
    from notifications.services.retention import pruning

    last = ChangeNotification.objects.order_by("received_at", "pk")[number - 1].received_at
    days = dict.fromkeys(("content_days", "accepted_days", "refused_days", "delivery_days"), 1)
    RetentionRule.objects.update_or_create(app_registration=None, defaults=days)
    used: dict[str, float] = {}
    with _measured(used, "pruning"):
        summary = pruning.prune(clock=lambda: last + timedelta(days=1))
    gone = summary.accepted + summary.refused
    if summary.errors or not gone:
        raise SystemExit(f"Nothing was deleted: {summary}")
    return {name: value / gone for name, value in used.items()}


def _item(spelling: Any, kind: str) -> dict[str, Any]:
    """Return an item whose names are as long and as far apart as those that are stored, from one of their mailboxes."""
    from tests.benchmarks.filling import CONTENT
    from tests.benchmarks.stored import MAILBOXES

    item: dict[str, Any] = spelling.item(kind)
    key = secrets.token_hex(16)
    owner = hashlib.md5(f"u{secrets.randbelow(MAILBOXES)}".encode(), usedforsecurity=False).hexdigest()
    item |= {
        "id": secrets.token_hex(16),
        "resource": f"Users/{owner}/Messages/{key}",
        "resourceData": {"@odata.type": "#Microsoft.Graph.Message", "id": key},
    }
    if kind == "rich":
        content = {"id": key, **CONTENT}
        item["encryptedContent"] = spelling.sandbox.encrypt(content, spelling.certificate, "benchmark")
    return item


@contextmanager
def _measured(used: dict[str, float], what: str) -> Iterator[None]:
    before = _counters()
    yield
    for name, value in _counters().items():
        used[f"{what}_{name}"] = value - before[name]


def _counters() -> dict[str, float]:
    """Return what this process, its server processes and the database have used so far."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
        )
        pids = [pid for (pid,) in cursor.fetchall()]
        cursor.execute("SELECT pg_current_wal_insert_lsn() - '0/0'")
        (wal_bytes,) = cursor.fetchone()
        cursor.execute("SELECT blks_read FROM pg_stat_database WHERE datname = current_database()")
        (blocks,) = cursor.fetchone()
    server = sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids) / 1e9
    return {
        "wall": time.perf_counter(),
        "process": time.process_time(),
        "server": server,
        "wal": float(wal_bytes),
        "blocks": float(blocks),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
