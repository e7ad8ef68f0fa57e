"""Parquet, for data lakes: typed columns, compressed, written in pieces."""

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any, BinaryIO

from notifications.services.export.rows import COLUMNS

# One piece is held in memory; larger pieces compress and read better.
ROWS_IN_A_PIECE = 5_000
NUMBERS = ("id", "times_delivered")


class MissingLibraryError(Exception):
    """The library that writes the format is an extra that is not installed."""


def write(file: BinaryIO, found: Iterator[dict[str, Any]]) -> int:
    """Write rows and return their number; content is JSON in a text column, times are UTC to the microsecond.

    Raises:
        MissingLibraryError: pyarrow is not installed.

    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingLibraryError("Parquet needs the extra parquet: pip install -e '.[parquet]'.") from error
    kinds = {name: pa.int64() for name in NUMBERS} | {"received_at": pa.timestamp("us", tz="UTC")}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    count = 0
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        while piece := [_typed(row) for row in islice(found, ROWS_IN_A_PIECE)]:
            writer.write_table(pa.Table.from_pylist(piece, schema=schema))
            count += len(piece)
    return count


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    content = row["content"]
    return {
        **row,
        "received_at": datetime.fromisoformat(row["received_at"]),
        "content": None if content is None else json.dumps(content, ensure_ascii=False),
    }
