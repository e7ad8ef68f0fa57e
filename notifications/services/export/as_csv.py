"""CSV, for spreadsheets."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from notifications.services.export.rows import COLUMNS

# A spreadsheet takes a text that begins so for a formula; some take the wide forms of East Asian keyboards too.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def write(file: BinaryIO, found: Iterator[dict[str, Any]]) -> int:
    """Write rows and return their number.

    Content is JSON in one cell, and what a spreadsheet would take for a formula is preceded by an apostrophe.
    """
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    count = 0
    for count, row in enumerate(found, start=1):  # noqa: B007 -- the number of rows is the answer
        writer.writerow({name: _cell(value) for name, value in row.items()})
    text.detach()
    return count


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value
