"""Export: notifications as rows for other tools."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TextIO

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet

from notifications.models import ChangeNotification

CHUNK_SIZE = 1000
COLUMNS = (
    "id",
    "notification_id",
    "subscription",
    "resource",
    "resource_type",
    "resource_id",
    "change_type",
    "lifecycle_event",
    "tenant_id",
    "state",
    "reason",
    "origin",
    "times_delivered",
    "received_at",
    "content",
)
# A spreadsheet takes a text that begins so for a formula; some take the wide forms of East Asian keyboards too.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What to export; times are aware, `since` included and `until` not."""

    since: datetime | None = None
    until: datetime | None = None
    subscription: str = ""


def rows(selection: Selection) -> Iterator[dict[str, Any]]:
    """Yield one row for each notification, oldest first, reading the table in pieces."""
    for notification in _selected(selection).iterator(CHUNK_SIZE):
        yield _row(notification)


def write(file: TextIO, selection: Selection, *, file_format: str) -> int:
    """Write the selection to `file` as `csv` or `ndjson` and return the number of rows.

    In CSV the content is JSON in one cell, and what a spreadsheet would take for a formula is preceded by an
    apostrophe.
    """
    return WRITERS[file_format](file, rows(selection))


def _write_ndjson(file: TextIO, found: Iterator[dict[str, Any]]) -> int:
    count = 0
    for count, row in enumerate(found, start=1):  # noqa: B007 -- the number of rows is the answer
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return count


def _write_csv(file: TextIO, found: Iterator[dict[str, Any]]) -> int:
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    count = 0
    for count, row in enumerate(found, start=1):  # noqa: B007 -- the number of rows is the answer
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return count


WRITERS: dict[str, Callable[[TextIO, Iterator[dict[str, Any]]], int]] = {
    "csv": _write_csv,
    "ndjson": _write_ndjson,
}


def _selected(selection: Selection) -> QuerySet[ChangeNotification]:
    found = ChangeNotification.objects.select_related("content", "subscription").order_by("pk")
    if selection.since:
        found = found.filter(received_at__gte=selection.since)
    if selection.until:
        found = found.filter(received_at__lt=selection.until)
    if selection.subscription:
        found = found.filter(subscription_graph_id=selection.subscription.lower())
    return found


def _row(notification: ChangeNotification) -> dict[str, Any]:
    try:
        content = notification.content.data
    except ObjectDoesNotExist:
        content = None
    row = {name: getattr(notification, name) for name in COLUMNS if name not in {"subscription", "content"}}
    return {
        **row,
        "subscription": _graph_id(notification),
        "received_at": notification.received_at.isoformat(),
        "content": content,
    }


def _graph_id(notification: ChangeNotification) -> str:
    """Return Graph's id of the subscription as Graph spelled it when it was made, where that is known."""
    unverified = notification.subscription_graph_id
    made = notification.subscription.graph_id if notification.subscription else ""
    return made if made and made.lower() == unverified.lower() else unverified


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value
