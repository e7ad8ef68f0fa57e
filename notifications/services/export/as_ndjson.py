"""NDJSON: one JSON object on each line."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO


def write(file: BinaryIO, found: Iterator[dict[str, Any]]) -> int:
    """Write rows and return their number."""
    count = 0
    for count, row in enumerate(found, start=1):  # noqa: B007 -- the number of rows is the answer
        file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    return count
