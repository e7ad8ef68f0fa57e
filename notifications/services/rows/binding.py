"""Speak to PostgreSQL with statements and values apart from each other, and take its answers as bytes.

Django's own cursor writes the values into the statement and reads answers as text; where there is much of either, that
costs more than what the database does. SQLite has no such difference.
"""

from typing import Any

import psycopg
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet


def cursor(through: BaseDatabaseWrapper) -> CursorWrapper:
    """Return a cursor of a connection."""
    if through.vendor != "postgresql":
        return through.cursor()
    through.ensure_connection()
    wrap = through.make_debug_cursor if through.queries_logged else through.make_cursor
    raw: Any = psycopg.Cursor(through.connection)
    raw.format = psycopg.pq.Format.BINARY
    return wrap(raw)


def rows(values: QuerySet[Any, Any]) -> list[tuple[Any, ...]]:
    """Read a query of `values_list`."""
    if connection.vendor != "postgresql":
        return list(values)
    statement, parameters = values.query.sql_with_params()
    with cursor(connection) as reading:
        reading.execute(statement, parameters)
        return list(reading.fetchall())
