"""Insert many rows at once. On PostgreSQL all of them are one JSON document, which is one value of one statement.

Django's own bulk insert adapts and escapes each value of each row by itself, at several times the cost of the insert.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import orjson
from django.db import connection
from django.db.models import Field, Model

from notifications.models import ChangeNotification
from notifications.services.rows import binding


def insert(rows: Sequence[Model]) -> None:
    """Insert rows of one model. They do not learn their numbers."""
    if not rows:
        return
    if connection.vendor == "postgresql":
        with binding.cursor(connection) as cursor:
            cursor.execute(_statement(type(rows[0])), [_document(rows)])
    else:
        type(rows[0])._default_manager.bulk_create(rows)  # noqa: SLF001 -- Django's documented name


def insert_new(rows: Sequence[ChangeNotification]) -> dict[str, int]:
    """Insert what nobody has inserted yet, inside the caller's transaction, and return its numbers by duplicate key.

    Whoever inserts the same at this moment is waited for.
    """
    if not rows:
        return {}
    if connection.vendor == "postgresql":
        unless_known = "ON CONFLICT (duplicate_key) DO NOTHING RETURNING duplicate_key, id"
        with binding.cursor(connection) as cursor:
            cursor.execute(f"{_statement(ChangeNotification)} {unless_known}", [_document(rows)])
            return dict(cursor.fetchall())
    # Here one transaction writes at a time, so nothing comes in between.
    keys = [row.duplicate_key for row in rows]
    of_keys = ChangeNotification.objects.filter(duplicate_key__in=keys).values_list("duplicate_key", "pk")
    known = dict(of_keys)
    ChangeNotification.objects.bulk_create([row for row in rows if row.duplicate_key not in known])
    return {key: pk for key, pk in of_keys.all() if key and key not in known}


def _document(rows: Sequence[Model]) -> str:
    names = [field.attname for field in _fields(type(rows[0]))]
    return orjson.dumps([{name: getattr(row, name) for name in names} for row in rows]).decode()


@cache
def _statement(model: type[Model]) -> str:
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.attname) for field in _fields(model))
    typed = ", ".join(f"{quote(field.attname)} {field.db_type(connection)}" for field in _fields(model))
    return (
        f"INSERT INTO {quote(model._meta.db_table)} ({columns}) "  # noqa: S608, SLF001 -- our own names
        f"SELECT {columns} FROM json_to_recordset(%s::json) AS given ({typed})"
    )


@cache
def _fields(model: type[Model]) -> Sequence[Field[Any, Any]]:
    """Return the fields whose values are given: all but a number that the database gives."""
    return [field for field in model._meta.concrete_fields if field is not model._meta.auto_field]  # noqa: SLF001
