"""The inbox: put a row into it with as little as can be between the request and the disk, and say how late it is."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

import psycopg
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from notifications.models import Delivery

_OPTIONS = Delivery._meta  # noqa: SLF001 -- Django's documented way to the columns
_FIELDS = tuple(field for field in _OPTIONS.concrete_fields if not field.primary_key)


def put(delivery: Delivery) -> None:
    """Insert a new delivery; the row number that it gets is not read back.

    Saving a model composes its SQL anew each time and, on PostgreSQL, writes the body into the statement as hexadecimal
    text. Both cost more than the insert itself.

    Raises:
        Error: it could not be stored.

    """
    values = [field.get_db_prep_save(getattr(delivery, field.attname), connection) for field in _FIELDS]
    with transaction.mark_for_rollback_on_error(connection.alias), _cursor() as cursor:
        cursor.execute(_statement(), values)


def _cursor() -> CursorWrapper:
    """Return a cursor that sends statement and values apart from each other. Django's own for PostgreSQL mixes them."""
    if connection.vendor != "postgresql":
        return connection.cursor()
    connection.ensure_connection()
    wrap = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    raw: Any = psycopg.Cursor(connection.connection)
    return wrap(raw)


@cache
def _statement() -> str:
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in _FIELDS)
    places = ", ".join(["%s"] * len(_FIELDS))
    return f"INSERT INTO {quote(_OPTIONS.db_table)} ({columns}) VALUES ({places})"  # noqa: S608 -- our own names


def lag(*, now: datetime) -> timedelta:
    """Return for how long the oldest work in the inbox has been due: next to nothing while a worker works."""
    first = (
        Delivery.objects.open().order_by("next_attempt_at").values_list("next_attempt_at", flat=True).first()
    )
    return max(now - first, timedelta(0)) if first else timedelta(0)
