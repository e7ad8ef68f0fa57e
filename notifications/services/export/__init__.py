"""Export: notifications as rows for other tools, in the format that they read."""

from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from notifications.services.export import as_csv, as_ndjson, as_parquet
from notifications.services.export.as_parquet import MissingLibraryError
from notifications.services.export.rows import COLUMNS, Selection, rows

__all__ = ["COLUMNS", "FORMATS", "MissingLibraryError", "Selection", "rows", "write"]

FORMATS: dict[str, Callable[[BinaryIO, Iterator[dict[str, Any]]], int]] = {
    "csv": as_csv.write,
    "ndjson": as_ndjson.write,
    "parquet": as_parquet.write,
}


def write(file: BinaryIO, selection: Selection, *, file_format: str) -> int:
    """Write the selection to `file` in one of `FORMATS` and return the number of rows; memory stays bounded.

    Raises:
        MissingLibraryError: Parquet is asked for, and what writes it is not installed.

    """
    return FORMATS[file_format](file, rows(selection))
