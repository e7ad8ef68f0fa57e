"""Parquet, for data lakes: typed columns, compressed, written in pieces."""

import io
import json
from collections.abc import Iterator
from datetime import datetime
from importlib.util import find_spec
from itertools import chain, islice
from typing import Any

from notifications.services.export.rows import COLUMNS

# One piece is held in memory; larger pieces compress and read better.
ROWS_IN_A_PIECE = 5_000
NUMBERS = ("id", "times_delivered")
TIMES = ("received_at", "content_fetched_at")


class MissingLibraryError(Exception):
    """The library that writes the format is an extra that is not installed."""


def can_write_parquet() -> bool:
    """Say whether the library that writes the format is installed."""
    return find_spec("pyarrow") is not None


def pieces(found: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """Yield the file; content is JSON in a text column, times are UTC to the microsecond.

    Raises:
        MissingLibraryError: pyarrow is not installed.

    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingLibraryError("Parquet needs the extra parquet: pip install -e '.[parquet]'.") from error
    first = next(found, None)
    found = chain([first] if first else [], found)
    kinds = {name: pa.int64() for name in NUMBERS} | dict.fromkeys(TIMES, pa.timestamp("us", tz="UTC"))
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in first or COLUMNS])
    sink = _Sink()
    with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        while piece := [_typed(row) for row in islice(found, ROWS_IN_A_PIECE)]:
            writer.write_table(pa.Table.from_pylist(piece, schema=schema))
            yield sink.taken()
    yield sink.taken()


class _Sink(io.RawIOBase):
    """Hands on what is written to it; a Parquet file is written from its beginning to its end."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._waiting.append(bytes(piece))
        return len(self._waiting[-1])

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        piece = b"".join(self._waiting)
        self._waiting.clear()
        return piece


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    typed = {**row, **{name: datetime.fromisoformat(row[name]) for name in TIMES if row.get(name)}}
    if typed.get("content") is not None:
        typed["content"] = json.dumps(typed["content"], ensure_ascii=False)
    return typed
