"""NDJSON: one JSON object on each line."""

import json
from collections.abc import Iterator
from typing import Any


def pieces(found: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """Yield the lines."""
    for row in found:
        yield json.dumps(row, ensure_ascii=False).encode() + b"\n"
