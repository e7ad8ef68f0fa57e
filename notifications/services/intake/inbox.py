"""The inbox: put a row into it with as little as can be between the request and the disk, and say how late it is."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, Error, connection, connections, transaction
from django.db.backends.utils import CursorWrapper
from psycopg.types.numeric import Int4

from notifications.models import Delivery
from notifications.services.intake.group_commit import GroupCommit
from notifications.services.rows import binding

_OPTIONS = Delivery._meta  # noqa: SLF001 -- Django's documented way to the columns
# What a new delivery is given; all else of it begins as the model says.
_GIVEN = ("received_at", "next_attempt_at", "endpoint", "body", "size", "content_type", "content_encoding")
_FIELDS = {field.name: field for field in _OPTIONS.concrete_fields if not field.primary_key}
_BEGINNING = tuple(field for name, field in _FIELDS.items() if name not in _GIVEN)
# While PostgreSQL commits one group of a process, it takes another one; SQLite commits one at a time.
_MOST_AT_ONCE = 2
# A group is bounded by the threads of a process too, but these may be many, and bodies large.
_MOST_ROWS = 32
_MOST_BYTES = 8 * 1024 * 1024
_CONNECT_SECONDS = 2

_Row = tuple[Any, ...]


def put(body: bytes, *, endpoint: str, content_type: str, content_encoding: str, now: datetime) -> None:
    """Insert a new delivery and commit it, if the database is busy together with what other threads put meanwhile.

    Within a transaction of the caller it becomes a part of that. Saving a model composes its SQL anew each time and,
    on PostgreSQL, writes the body into the statement as hexadecimal text. Both cost more than the insert itself.

    Raises:
        Error: it could not be stored.

    """
    # Looked up once: Django's name for it looks it up each time.
    own = connections[DEFAULT_DB_ALIAS]
    moment = own.ops.adapt_datetimefield_value(now)
    sealed = _FIELDS["body"].get_db_prep_save(body, own)
    # The server prepares a statement for each mix of types: one for all sizes.
    row = (moment, moment, endpoint, sealed, Int4(len(body)), content_type, content_encoding)
    if own.in_atomic_block:
        with transaction.mark_for_rollback_on_error(DEFAULT_DB_ALIAS), binding.cursor(own) as cursor:
            _insert(cursor, [row])
    else:
        _group().store(row, size=len(body))


def lag(*, now: datetime) -> timedelta:
    """Return for how long the oldest work in the inbox has been due: next to nothing while a worker works."""
    first = (
        Delivery.objects.open().order_by("next_attempt_at").values_list("next_attempt_at", flat=True).first()
    )
    return max(now - first, timedelta(0)) if first else timedelta(0)


@contextmanager
def writer() -> Iterator[CursorWrapper]:
    """Lend the cursor through which groups are stored, on a connection of its own, to one thread at a time.

    A connection of each thread would be taken from the pool and given back for each request, and prepare nothing; to
    make a cursor for each group costs as much as half a group.
    """
    try:
        lent = _idle.pop()
    except IndexError:
        lent = _new_writer()
    try:
        yield lent
    except Error:
        # Whatever is wrong with the connection, the next group finds another one.
        lent.db.close()
        raise
    _idle.append(lent)


def close() -> None:
    """Close the connections through which groups are stored; the next groups open others."""
    while _idle:
        _idle.pop().db.close()


# The last one used is the first one used again, so that no more are open than were needed at once.
_idle: list[CursorWrapper] = []


def _store(rows: Sequence[_Row]) -> None:
    with writer() as cursor:
        _insert(cursor, rows)


@cache
def _group() -> GroupCommit[_Row]:
    most_at_once = _MOST_AT_ONCE if connection.vendor == "postgresql" else 1
    return GroupCommit(_store, most_at_once=most_at_once, most_rows=_MOST_ROWS, most_bytes=_MOST_BYTES)


def _new_writer() -> CursorWrapper:
    new = connection.copy()
    new.inc_thread_sharing()
    if new.vendor == "postgresql":
        options = new.settings_dict["OPTIONS"]
        options.pop("pool", None)
        new.settings_dict["OPTIONS"] = {
            "prepare_threshold": 0,
            "connect_timeout": _CONNECT_SECONDS,
            **options,
        }
    return binding.cursor(new)


def _insert(cursor: CursorWrapper, rows: Sequence[_Row]) -> None:
    cursor.execute(_statement(len(rows)), [value for row in rows for value in row])


@cache
def _statement(rows: int) -> str:
    quote = connection.ops.quote_name
    names = [*_GIVEN, *(field.name for field in _BEGINNING)]
    columns = ", ".join(quote(str(_FIELDS[name].column)) for name in names)
    row = ", ".join([*["%s"] * len(_GIVEN), *(_literal(field.get_default()) for field in _BEGINNING)])
    values = ", ".join([f"({row})"] * rows)
    return f"INSERT INTO {quote(_OPTIONS.db_table)} ({columns}) VALUES {values}"  # noqa: S608 -- our own names


def _literal(beginning: object) -> str:
    """Spell how a column begins: the model knows nothing, no, numbers, and words without quotes in them."""
    if beginning is None:
        return "NULL"
    return str(beginning).upper() if isinstance(beginning, bool | int) else f"'{beginning}'"
