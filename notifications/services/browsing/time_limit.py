"""A limit on how long the database may search for a page: whoever asks for too much is told so, and holds nobody up."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import OperationalError, connection, transaction

# SQLite asks after so many steps of its machine whether to go on.
STEPS = 10_000


class TooSlowError(Exception):
    """The database did not find it in time."""


@contextmanager
def at_most(limit: timedelta) -> Iterator[None]:
    """Let the queries inside take no longer than `limit`: on PostgreSQL each, on SQLite together.

    Raises:
        TooSlowError: they took longer.

    """
    is_postgresql = connection.vendor == "postgresql"
    try:
        with _in_postgresql(limit) if is_postgresql else _in_sqlite(limit):
            yield
    except OperationalError as error:
        if is_postgresql and getattr(error.__cause__, "sqlstate", "") != "57014":
            raise
        if not is_postgresql and "interrupted" not in str(error):
            raise
        raise TooSlowError(f"It took longer than {limit.total_seconds():g} seconds.") from error


@contextmanager
def _in_postgresql(limit: timedelta) -> Iterator[None]:
    with transaction.atomic():
        _set_timeout(f"{limit // timedelta(milliseconds=1)}")
        yield
        # Inside of a transaction of the caller's, what follows is not bounded.
        _set_timeout("0")


def _set_timeout(milliseconds: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [milliseconds])


@contextmanager
def _in_sqlite(limit: timedelta) -> Iterator[None]:
    connection.ensure_connection()
    driver: Any = connection.connection
    until = time.monotonic() + limit.total_seconds()
    driver.set_progress_handler(lambda: time.monotonic() > until, STEPS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)
