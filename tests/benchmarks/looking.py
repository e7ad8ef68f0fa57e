"""Open pages as an analyst does and tell how long each took: `python -m tests.benchmarks.looking ROWS` or `export`."""

import json
import resource
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import django

from tests.benchmarks.history import SECONDS_APART, SUBSCRIPTIONS, TENANTS


def main(rows: int) -> None:
    """Print the names of the pages of a history; then for each number on a line, the seconds that opening it took."""
    client = _client()
    pages = list(_pages(rows))
    print(json.dumps([name for name, _ in pages]), flush=True)
    for line in sys.stdin:
        print(_opened(client, pages[int(line)][1]), flush=True)


def _client() -> Any:
    django.setup()
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client

    settings.ALLOWED_HOSTS.append("testserver")
    client = Client()
    client.force_login(User.objects.get(username="analyst"))
    return client


def _pages(rows: int) -> Iterator[tuple[str, str]]:
    from django.urls import reverse

    page = reverse("admin:notifications_changenotification_changelist")

    def listed(**query: Any) -> str:
        return f"{page}?{urlencode(query)}"

    def at(row: int) -> datetime:
        return datetime.now(UTC) - timedelta(seconds=(rows - row) * SECONDS_APART)

    deep = at(max(rows - 100_000, rows // 10))
    middle = at(rows // 2)
    yield "list", page
    filters: dict[str, dict[str, Any]] = {
        "all states": {"state": "all"},
        "rejected": {"state": "rejected"},
        "waiting": {"state": "waiting"},
        "last 24 hours": {"received": "day"},
        "last 30 days": {"received": "month"},
        "created": {"event": "created"},
        "deleted": {"event": "deleted"},
        "missed": {"event": "missed"},
        "type": {"type": "#Microsoft.Graph.Event"},
        "subscription": {"subscription": 7},
        "rare subscription": {"subscription": SUBSCRIPTIONS + 1},
        "app registration": {"app": 2},
        "rare app registration": {"app": 5},
        "tenant": {"tenant": TENANTS[1]},
        "rare tenant": {"tenant": TENANTS[4]},
        "delta": {"origin__exact": "delta"},
        "with content": {"has_content": "yes"},
        "without content": {"has_content": "no"},
        "reason": {"reason": "client_state_mismatch", "state": "all"},
        # Enough for a whole page in the short history too: what is shown must be alike.
        "three filters": {"event": "created", "subscription": 1, "has_content": "no"},
    }
    for name, query in filters.items():
        yield f"filter: {name}", listed(**query)
    for name, span in {"a day": 24, "an hour": 1}.items():
        since, until = middle - timedelta(hours=span / 2), middle + timedelta(hours=span / 2)
        yield f"time: {name}", listed(since=since.isoformat(), until=until.isoformat())
    yield "page 1,000, by time", listed(at=deep.isoformat())
    yield "page 1,000, by link", listed(older=f"{int(deep.timestamp() * 1e6)}-{rows}")
    number = rows // 3 // 4
    yield "search: ID", listed(q=f"aamkagi2tg93aaa{number}=")
    yield "search: start of an ID", listed(q=f"AAMkAGI2TG93AAA{number}")
    yield "search: start of a path", listed(q=f"users/u77/messages/aamkagi2tg93aaa{number // 10}")
    yield "search: subscription", listed(q="00000000-AAAA-4000-8000-000000000007")
    yield "search: name", listed(q="Person 77")
    yield "search: name that is nowhere", listed(q="Nobody at all")
    for text in (
        'from.user.displayName = "Zo\u00eb"',
        "importance in high, low",
        'subject contains "of day"',
        'subject contains "nothing of the kind"',
        "size > 8990 and importance = high",
    ):
        yield f"content: {text}", listed(content=text)
    yield "what is new", f"{reverse('admin:notifications_changenotification_newer')}?seen={rows - 20}"
    rich = number * 4 // 2 * 2
    yield "detail", reverse("admin:notifications_changenotification_change", args=(rich,))
    yield "history of an item", reverse("admin:notifications_changenotification_history", args=(rich,))
    yield "overview", reverse("admin:index")
    yield "API: feed", f"/api/v1/notifications/?cursor={rows // 2}"


def _opened(client: Any, url: str) -> float:
    began = time.perf_counter()
    answer = client.get(url)
    took = time.perf_counter() - began
    if answer.status_code != 200:
        raise SystemExit(f"{url}: {answer.status_code}")
    changelist = (answer.context or {}).get("cl")
    if problem := getattr(changelist, "problem", ""):
        raise SystemExit(f"{url}: {problem}")
    return took


def export() -> None:
    """Take all rows as a file by the admin's page, throw it away, and print the figures."""
    client = _client()
    from django.urls import reverse

    began, size, rows = time.perf_counter(), 0, 0
    url = f"{reverse('admin:notifications_changenotification_export')}?state=all"
    for piece in client.post(url, {"file_format": "ndjson", "with_content": "on"}).streaming_content:
        size += len(piece)
        rows += piece.count(b"\n")
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = time.perf_counter() - began
    print(json.dumps({"rows": rows, "seconds": seconds, "bytes": size, "memory_mb": highest / 1024}))


if __name__ == "__main__":
    if sys.argv[1] == "export":
        export()
    else:
        main(int(sys.argv[1]))
