"""Insert many rows at once. On PostgreSQL all of them are one JSON document, which is one value of one statement.

Django's own bulk insert adapts and escapes each value of each row by itself, at several times the cost of the insert.
"""

from collections.abc import Sequence
from functools import cache

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
    if connection.vendor == "postgresql":
        with binding.cursor(connection) as cursor:
            cursor.execute(_statement_for(rows[0]), [_document(rows)])
    else:
        _insert_by_models(rows)


def insert_new(rows: Sequence[NewNotification]) -> dict[str, int]:
    """Insert what nobody has inserted yet, inside the caller's transaction, and return its numbers by duplicate key.

    Whoever inserts the same at this moment is waited for.
    """
    if not rows:
        return {}
    if connection.vendor == "postgresql":
        unless_known = "ON CONFLICT (duplicate_key) DO NOTHING RETURNING duplicate_key, id"
        with binding.cursor(connection) as cursor:
            cursor.execute(f"{_statement_for(rows[0])} {unless_known}", [_document(rows)])
            return dict(cursor.fetchall())
    # Here one transaction writes at a time, so nothing comes in between.
    keys = [row.duplicate_key for row in rows]
    of_keys = ChangeNotification.objects.filter(duplicate_key__in=keys).values_list("duplicate_key", "pk")
    known = dict(of_keys)
    _insert_by_models([row for row in rows if row.duplicate_key not in known])
    return {key: pk for key, pk in of_keys.all() if key and key not in known}


def _insert_by_models(rows: Sequence[NewRow]) -> None:
    if rows:
        model = MODELS[type(rows[0])]
        model._default_manager.bulk_create([model(**vars(row)) for row in rows])  # noqa: SLF001 -- Django's documented name


def _document(rows: Sequence[NewRow]) -> str:
    return orjson.dumps(rows).decode()


def _statement_for(row: NewRow) -> str:
    return _statement(MODELS[type(row)], tuple(vars(row)))


@cache
def _statement(model: type[Model], names: tuple[str, ...]) -> str:
    quote, meta = connection.ops.quote_name, model._meta  # noqa: SLF001 -- Django's documented name
    columns = ", ".join(map(quote, names))
    typed = ", ".join(f"{quote(name)} {meta.get_field(name).db_type(connection)}" for name in names)
    return (
        f"INSERT INTO {quote(meta.db_table)} ({columns}) "  # noqa: S608 -- our own names
        f"SELECT {columns} FROM json_to_recordset(%s::json) AS given ({typed})"
    )
