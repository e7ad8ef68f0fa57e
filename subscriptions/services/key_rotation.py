"""Rotate encryption keys: put every encrypted column under the first of FIELD_ENCRYPTION_KEYS while everything runs."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction
from django.db.models import ExpressionWrapper, F

from subscriptions import conf
from subscriptions.keys.field_encryption import FieldDecryptionError
from subscriptions.models.fields import EncryptedColumn, cipher

# So many rows are locked at most while they are written, and so many bytes lie in memory: a body may be megabytes.
ROWS_AT_ONCE = 200
BYTES_AT_ONCE = 4 * 1024 * 1024
READ_AHEAD = 20
# A row that a worker has in hand is passed over and tried again; workers hold rows for moments only.
TRIES = 5
WAIT_SECONDS = 0.2
# More of one kind say nothing new; the counts go on.
MOST_ERRORS = 100


@dataclass(kw_only=True)
class Column:
    """What was found in one encrypted column. `due` are the values under an older key, by the position of that key."""

    table: str
    column: str
    values: int = 0
    due: dict[int, int] = field(default_factory=dict)
    rotated: int = 0
    busy: int = 0
    failed: int = 0


@dataclass(kw_only=True)
class Summary:
    """What a run found and did."""

    keys: int
    columns: list[Column] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def total(self, name: str) -> int:
        """Return the sum of one figure over all columns."""
        return sum(getattr(column, name) for column in self.columns)

    @property
    def due(self) -> int:
        """Return how many values were found under an older key."""
        return sum(sum(column.due.values()) for column in self.columns)

    @property
    def unneeded_keys(self) -> list[int]:
        """Return the positions of older keys that no stored value needs any more."""
        if self.due == self.total("rotated"):
            return list(range(2, self.keys + 1))
        # Nothing was written, or not everything: what was found under a key may still be under it.
        needed = {position for column in self.columns for position in column.due}
        return [position for position in range(2, self.keys + 1) if position not in needed]


def rotate(*, is_dry_run: bool = False, sleep: Callable[[float], None] = time.sleep) -> Summary:
    """Encrypt anew what lies under an older key; `sleep` takes seconds.

    Web processes and workers go on meanwhile: a row is locked for as long as its page is written, one that is in other
    hands is passed over and tried again, so nothing that they write is overwritten. A run that breaks off is simply
    run again: what is under the first key already is only read. A value that no key opens is named and left alone.
    """
    summary = Summary(keys=len(conf.configuration().field_encryption_keys))
    for model, column in encrypted_columns():
        found = Column(table=model._meta.label, column=column.name)  # noqa: SLF001 -- Django's documented way
        summary.columns.append(found)
        for stale in _stale(model, column, found, summary.errors):
            if not is_dry_run:
                _rewrite(model, column, stale, found, sleep=sleep)
    return summary


def encrypted_columns() -> Iterator[tuple[type[models.Model], Any]]:
    """Yield every encrypted column of every table, found by looking, so that none can be forgotten."""
    for model in apps.get_models():
        if not model._meta.proxy:  # noqa: SLF001 -- Django's documented way to the columns
            for column in model._meta.local_concrete_fields:  # noqa: SLF001
                if isinstance(column, EncryptedColumn):
                    yield model, column


def _stale(model: type[models.Model], column: Any, found: Column, errors: list[str]) -> Iterator[list[Any]]:
    """Look at every value, by the primary key, and yield the rows under an older key in portions."""
    rows, last = _stored(model, column).order_by("pk"), None
    while True:
        portion: list[Any] = []
        seen = size = 0
        after = rows if last is None else rows.filter(pk__gt=last)
        for last, stored in after[:ROWS_AT_ONCE].iterator(chunk_size=READ_AHEAD):
            seen += 1
            if not _is_stale(last, stored, found, errors):
                continue
            if portion and size + len(stored) > BYTES_AT_ONCE:
                yield portion
                portion, size = [], 0
            portion.append(last)
            size += len(stored)
        if portion:
            yield portion
        if seen < ROWS_AT_ONCE:
            return


def _stored(model: type[models.Model], column: Any) -> Any:
    """Return row numbers and what is stored, not opened."""
    as_it_is = ExpressionWrapper(F(column.name), output_field=column.stored_as())
    return model._base_manager.annotate(stored=as_it_is).values_list("pk", "stored")  # noqa: SLF001


def _is_stale(key: Any, stored: str | bytes, found: Column, errors: list[str]) -> bool:
    """Count a value, and say whether it is under an older key."""
    if not stored:
        return False
    found.values += 1
    try:
        position = cipher().position_of(_bytes(stored))
    except FieldDecryptionError:
        found.failed += 1
        if len(errors) < MOST_ERRORS:
            errors.append(f"{found.table} {key}, {found.column}: no key in FIELD_ENCRYPTION_KEYS opens it.")
        return False
    if position > 1:
        found.due[position] = found.due.get(position, 0) + 1
    return position > 1


def _rewrite(
    model: type[models.Model],
    column: Any,
    keys: list[Any],
    found: Column,
    *,
    sleep: Callable[[float], None],
) -> None:
    left = set(keys)
    for attempt in range(TRIES):
        if attempt:
            sleep(WAIT_SECONDS)
        left -= _rewrite_free(model, column, left)
        if not left:
            break
    # What was deleted meanwhile needs no key.
    busy = model._base_manager.filter(pk__in=left).count() if left else 0  # noqa: SLF001
    found.busy += busy
    found.rotated += len(keys) - busy


def _rewrite_free(model: type[models.Model], column: Any, keys: set[Any]) -> set[Any]:
    """Write those rows anew that nobody holds, and return all that need no further try.

    Taking only what is free means to wait for nobody while holding locks: two that wait for each other cannot come up.
    """
    with transaction.atomic():
        locked = list(_stored(model, column).select_for_update(skip_locked=True).filter(pk__in=keys))
        rotated = [(key, _rotated(stored)) for key, stored in locked]
        with connection.cursor() as cursor:
            cursor.executemany(
                _statement(model, column), [(anew, key) for key, anew in rotated if anew is not None]
            )
    return {key for key, _ in locked}


def _statement(model: type[models.Model], column: Any) -> str:
    quote = connection.ops.quote_name
    options: Any = model._meta  # noqa: SLF001 -- Django's documented way to the columns
    table, changed, key = (quote(name) for name in (options.db_table, column.column, options.pk.column))
    return f"UPDATE {table} SET {changed} = %s WHERE {key} = %s"  # noqa: S608 -- our own names


def _rotated(stored: str | bytes) -> str | bytes | None:
    """Return the value under the first key, or nothing where it was wiped or written anew meanwhile."""
    if not stored or cipher().position_of(_bytes(stored)) == 1:
        return None
    anew = cipher().rotate(_bytes(stored))
    return anew.decode("ascii") if isinstance(stored, str) else anew


def _bytes(stored: str | bytes) -> bytes:
    return stored.encode() if isinstance(stored, str) else bytes(stored)
