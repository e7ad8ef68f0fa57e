"""CSV, for spreadsheets."""

import csv
import io
import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

from notifications.services.export.rows import COLUMNS

# A spreadsheet takes a text that begins so for a formula; some take the wide forms of East Asian keyboards too.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def pieces(found: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """Yield the lines.

    Content is JSON in one cell, and what a spreadsheet would take for a formula is preceded by an apostrophe.
    """
    first = next(found, None)
    line = io.StringIO(newline="")
    writer = csv.DictWriter(line, list(first or COLUMNS))
    writer.writeheader()
    for row in chain([first] if first else [], found):
        writer.writerow({name: _cell(value) for name, value in row.items()})
        yield _taken(line)
    yield _taken(line)


def _taken(line: io.StringIO) -> bytes:
    text = line.getvalue()
    line.seek(0)
    line.truncate()
    return text.encode()


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value
