"""Export: notifications as rows for other tools, in the format that they read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from django.db.models import QuerySet

from notifications.models import ChangeNotification
from notifications.services.browsing import content_audit
from notifications.services.export import as_csv, as_ndjson, as_parquet
from notifications.services.export.as_parquet import MissingLibraryError, can_write_parquet
from notifications.services.export.rows import COLUMNS, Selection, rows, selected

__all__ = [
    "COLUMNS",
    "FORMATS",
    "MissingLibraryError",
    "Selection",
    "can_write_parquet",
    "pieces",
    "rows",
    "selected",
    "write",
]

FORMATS: dict[str, Callable[[Iterator[dict[str, Any]]], Iterator[bytes]]] = {
    "csv": as_csv.pieces,
    "ndjson": as_ndjson.pieces,
    "parquet": as_parquet.pieces,
}
# In rows.
TOLD_EVERY = 1_000


@dataclass(kw_only=True)
class _Tally:
    rows: int = 0
    with_content: int = 0
    progress: Callable[[int], None] = lambda _rows: None

    def counting(self, found: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for row in found:
            self.rows += 1
            self.with_content += row.get("content") is not None
            if self.rows % TOLD_EVERY == 0:
                self.progress(self.rows)
            yield row


def pieces(
    notifications: QuerySet[ChangeNotification],
    *,
    file_format: str,
    with_content: bool,
    described: str,
    actor: str,
    now: datetime,
    tally: _Tally | None = None,
) -> Iterator[bytes]:
    """Yield the bytes of a file in one of `FORMATS`, oldest row first; memory stays bounded.

    Without content there is no column for it. With it, the export stands on the audit log from its beginning, as
    `described`, and says at its end, however that came, how many rows with content were handed out.

    Raises:
        MissingLibraryError: Parquet is asked for, and what writes it is not installed.

    """
    tally = tally or _Tally()
    found = tally.counting(rows(notifications, with_content=with_content))
    if not with_content:
        yield from FORMATS[file_format](found)
        return
    begun = content_audit.begin_export(f"{file_format}: {described}", actor=actor, now=now)
    try:
        yield from FORMATS[file_format](found)
    finally:
        content_audit.finish_export(begun, count=tally.with_content)


def write(
    file: BinaryIO,
    selection: Selection,
    *,
    file_format: str,
    actor: str,
    now: datetime,
    progress: Callable[[int], None] = lambda _rows: None,
) -> int:
    """Write the selection with its content to `file` and return the number of rows; `progress` hears how far it is.

    Raises:
        MissingLibraryError: as `pieces`.

    """
    tally = _Tally(progress=progress)
    file.writelines(
        pieces(
            selected(selection),
            file_format=file_format,
            with_content=True,
            described=str(selection),
            actor=actor,
            now=now,
            tally=tally,
        )
    )
    return tally.rows
