"""How a log line looks: readable, or one JSON object; both know which request it belongs to."""

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from config import request_ids

# What is logged is written as `what happened name=%s other=%s`: each name becomes a field of its own.
_PLACE = re.compile(r"(?:(\w+)=)?%[-#0 +]*\d*(?:\.\d+)?[a-zA-Z]")


class RequestFilter(logging.Filter):
    """Tells each record the request in which it was made."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record, with `request_id`, and `request_note` for the end of a line; both may be empty."""
        request_id = request_ids.current()
        record.request_id = request_id
        record.request_note = f" request_id={request_id}" if request_id else ""
        return True


def without_traceback(record: logging.LogRecord) -> bool:
    """Keep a record, but not where in Django it came from: it tells of a stranger's request, not of a fault."""
    record.exc_info = record.exc_text = None
    return True


class JsonFormatter(logging.Formatter):
    """One object a line: time, level, logger, message, request_id, the named values, and the traceback if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; what has no form in JSON is written as text."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := getattr(record, "request_id", ""):
            line["request_id"] = request_id
        for name, value in _named(record):
            line.setdefault(name, value if isinstance(value, bool | int | float | None) else str(value))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def _named(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    if not isinstance(record.msg, str) or not isinstance(record.args, tuple):
        return
    # A doubled sign is a sign, not a place.
    places = _PLACE.findall(record.msg.replace("%%", ""))
    if len(places) == len(record.args):
        yield from ((name, value) for name, value in zip(places, record.args, strict=True) if name)
