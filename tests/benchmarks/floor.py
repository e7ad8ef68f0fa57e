"""The floor of intake: a bare WSGI view that makes the product's one insert with the raw driver, and nothing else.

Same table with its indexes, same columns, one connection for each thread, one commit for each request. What it
writes as the body is the product's own ciphertext of such a body, made beforehand. It parses, proves and encrypts
nothing.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import psycopg

URL = os.environ["DATABASE_URL"]
SEALED = Path(os.environ["SEALED_BODY"]).read_bytes()
COLUMNS = (
    "received_at, endpoint, body, size, content_type, content_encoding, is_quarantined, state, lease, "
    "leased_until, attempts, next_attempt_at, error, processed_at"
)
_thread = threading.local()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Read the body, insert one row, answer 202."""
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    _insert(len(body), environ.get("CONTENT_TYPE", ""), datetime.now(UTC))
    start_response("202 Accepted", [("Content-Length", "0"), ("Content-Type", "text/html; charset=utf-8")])
    return ()


def _insert(size: int, content_type: str, now: datetime) -> None:
    row = ("notifications", SEALED, size, content_type, "", False, "queued", "", None, 0)
    if URL.startswith("sqlite"):
        moment: Any = now.isoformat(" ")
        sql = f"INSERT INTO notifications_delivery ({COLUMNS}) VALUES ({', '.join('?' * 14)})"
        _sqlite().execute(sql, (moment, *row, moment, "", None))
    else:
        sql = f"INSERT INTO notifications_delivery ({COLUMNS}) VALUES ({', '.join(['%s'] * 14)})"
        _postgresql().execute(sql, (now, *row, now, "", None))


def _postgresql() -> psycopg.Connection[Any]:
    if not hasattr(_thread, "connection"):
        _thread.connection = psycopg.connect(URL, autocommit=True)
    return _thread.connection  # type: ignore[no-any-return]


def _sqlite() -> sqlite3.Connection:
    if not hasattr(_thread, "connection"):
        path = unquote(URL.removeprefix("sqlite:///"))
        _thread.connection = sqlite3.connect(path, timeout=20, isolation_level=None)
        _thread.connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
    return _thread.connection  # type: ignore[no-any-return]
