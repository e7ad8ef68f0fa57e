"""The product's side of `renewal`: fill a database, renew what is due, and print what it took as JSON.

python -m tests.benchmarks.renewing fill FACTS
python -m tests.benchmarks.renewing run FACTS SAMPLE
python -m tests.benchmarks.renewing find ROWS DUE
"""

import json
import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import django
from django.db import connection
from django.test.utils import CaptureQueriesContext

AT_ONCE = 2000


def fill(facts: dict[str, Any]) -> dict[str, Any]:
    """Register each tenant's app and save its subscriptions, all of them due."""
    from subscriptions.models import AppRegistration, Subscription
    from subscriptions.services.access import app_registrations

    now = datetime.now(UTC)
    for number, tenant in enumerate(facts["tenants"]):
        app = app_registrations.register(
            name=f"App {number}",
            cloud=AppRegistration.Cloud.CUSTOM,
            tenant_id=tenant["id"],
            client_id=tenant["client_id"],
            credential=app_registrations.NewCredential(client_secret=tenant["client_secret"]),
        )
        rows = [
            _row(app, one["resource"], graph_id=one["id"], renew_at=now) for one in tenant["subscriptions"]
        ]
        Subscription.objects.bulk_create(rows, batch_size=AT_ONCE)
    return {"rows": Subscription.objects.count()}


def run(facts: dict[str, Any], sample: int) -> dict[str, Any]:
    """Renew all that is due, then some of it again one after the other for comparison."""
    from subscriptions.services import renewal

    before, memory_before = _calls(facts), _memory_kb()
    began, worked = time.monotonic(), time.process_time()
    summary = renewal.renew_due(clock=lambda: datetime.now(UTC), actor="benchmark")
    seconds, worked = time.monotonic() - began, time.process_time() - worked
    memory, after = _memory_kb(), _calls(facts)
    return {
        "due": summary.due,
        "renewed": summary.renewed,
        "failed": summary.failed,
        "seconds": seconds,
        "processor_seconds": worked,
        "calls": after["calls"] - before["calls"],
        "throttled": after["throttled"] - before["throttled"],
        "memory_mb": memory / 1024,
        "memory_grown_mb": (memory - memory_before) / 1024,
        "one_by_one_ms": _one_by_one(sample) * 1000 if sample else None,
    }


def find(rows: int, due: int) -> dict[str, Any]:
    """Fill a table of which a part is due, and find that part."""
    from subscriptions.models import AppRegistration, Subscription
    from subscriptions.services.renewal import planning

    app = AppRegistration.objects.create(name="App", cloud="custom", tenant_id="t", client_id="c")
    now = datetime.now(UTC)
    wishes = _wishes(app, rows, due, now)
    while part := list(islice(wishes, AT_ONCE)):
        Subscription.objects.bulk_create(part)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(connection) as queries:
        found = len(list(planning.find(now=now)))
    began = time.monotonic()
    list(planning.find(now=now))
    return {
        "found": found,
        "queries": len([query for query in queries if "SELECT" in query["sql"] or "DECLARE" in query["sql"]]),
        "seconds": time.monotonic() - began,
        "plan": planning.rows_due(now=now).explain(),
    }


def _wishes(app: Any, rows: int, due: int, now: datetime) -> Iterator[Any]:
    every = rows // due
    for number in range(rows):
        at = now if number % every == 0 else now + timedelta(hours=1 + number % 500)
        yield _row(app, f"/users/{number}/messages", graph_id=f"g-{number}", renew_at=at)


def _row(app: Any, path: str, *, graph_id: str, renew_at: datetime) -> Any:
    from subscriptions.models import Subscription

    row = Subscription(
        app_registration=app,
        resource=path,
        change_type="updated",
        status=Subscription.Status.ACTIVE,
        graph_id=graph_id,
        granted_at=renew_at - timedelta(days=4),
        expires_at=renew_at + timedelta(hours=12),
        renew_at=renew_at,
    )
    row.wish_key = row.key_of_wish()
    return row


def _one_by_one(sample: int) -> float:
    """Return the seconds that one PATCH takes, its connection and token being there."""
    from subscriptions.graph.documents import Renewal
    from subscriptions.models import Subscription
    from subscriptions.services.access.clients import client_of

    [first, *rows] = Subscription.objects.select_related("app_registration").order_by("pk")[: sample + 1]
    client = client_of(first)
    expires_at = datetime.now(UTC) + timedelta(days=3)
    client.update_subscription(Renewal(id=first.graph_id or "", expires_at=expires_at))
    began = time.monotonic()
    for row in rows:
        client.update_subscription(Renewal(id=row.graph_id or "", expires_at=expires_at))
    return (time.monotonic() - began) / len(rows)


def _calls(facts: dict[str, Any]) -> dict[str, int]:
    import ssl

    context = ssl.create_default_context(cafile=facts["ca_bundle"])
    with urlopen(f"{facts['url']}/benchmark/calls", context=context) as answer:  # noqa: S310 -- our own process
        found: dict[str, int] = json.load(answer)
    return found


def _memory_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Do one of the three and print the result."""
    django.setup()
    verb, *arguments = sys.argv[1:]
    if verb == "find":
        result = find(*map(int, arguments))
    else:
        facts = json.loads(Path(arguments[0]).read_text())
        result = fill(facts) if verb == "fill" else run(facts, int(arguments[1]))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
