"""Insert many rows at once. On PostgreSQL all of them are one JSON document, which is one value of one statement.

Django's own bulk insert adapts and escapes each value of each row by itself, at several times the cost of the insert.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import orjson
from django.db import connection
from django.db.models import Model

from notifications.models import ChangeNotification
from notifications.services.rows import binding
from notifications.services.rows.new_rows import MODELS, NewNotification, NewRow


def insert(rows: Sequence[NewRow]) -> None:
    """Insert rows of one kind."""
    if not rows:
        return
    with binding.cursor(connection) as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_of_document(*_place(rows[0])), [_document(rows)])
        else:
            cursor.executemany(_of_values(*_place(rows[0])), [_values(row) for row in rows])


def insert_new(rows: Sequence[NewNotification]) -> dict[str, int]:
    """Insert what nobody has inserted yet, inside the caller's transaction, and return its numbers by duplicate key.

    Whoever inserts the same at this moment is waited for.
    """
    if not rows:
        return {}
    if connection.vendor == "postgresql":
        unless_known = "ON CONFLICT (duplicate_key) DO NOTHING RETURNING duplicate_key, id"
        with binding.cursor(connection) as cursor:
            cursor.execute(f"{_of_document(*_place(rows[0]))} {unless_known}", [_document(rows)])
            return dict(cursor.fetchall())
    # Here one transaction writes at a time, so nothing comes in between.
    keys = [row.duplicate_key for row in rows]
    of_keys = ChangeNotification.objects.filter(duplicate_key__in=keys).values_list("duplicate_key", "pk")
    known = dict(of_keys)
    insert([row for row in rows if row.duplicate_key not in known])
    return {key: pk for key, pk in of_keys.all() if key and key not in known}


def _place(row: NewRow) -> tuple[type[Model], tuple[str, ...]]:
    """Return the model and the columns."""
    return MODELS[type(row)], tuple(vars(row))


def _document(rows: Sequence[NewRow]) -> str:
    return orjson.dumps(rows).decode()


def _values(row: NewRow) -> list[Any]:
    return [_adapted(value) for value in vars(row).values()]


def _adapted(value: Any) -> Any:
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return json.dumps(value) if isinstance(value, (dict, tuple)) else value


@cache
def _of_document(model: type[Model], names: tuple[str, ...]) -> str:
    meta = model._meta  # noqa: SLF001 -- Django's documented name
    columns = _quoted(*names)
    typed = ", ".join(f"{_quoted(name)} {meta.get_field(name).db_type(connection)}" for name in names)
    return (
        f"INSERT INTO {_quoted(meta.db_table)} ({columns}) "  # noqa: S608 -- our own names
        f"SELECT {columns} FROM json_to_recordset(%s::json) AS given ({typed})"
    )


@cache
def _of_values(model: type[Model], names: tuple[str, ...]) -> str:
    table = _quoted(model._meta.db_table)  # noqa: SLF001 -- as above
    return f"INSERT INTO {table} ({_quoted(*names)}) VALUES ({', '.join(['%s'] * len(names))})"  # noqa: S608 -- as above


def _quoted(*names: str) -> str:
    return ", ".join(map(connection.ops.quote_name, names))
