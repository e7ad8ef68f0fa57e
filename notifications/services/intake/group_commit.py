"""Group commit: what arrives while the storage is busy is stored together when it is free, in one statement."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Generic, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError

Row = TypeVar("Row")

# The storage is away or takes nothing: the fault of no row.
_OUTAGES = (InterfaceError, OperationalError)


class NotStoredError(DatabaseError):
    """A row is not stored, as far as anybody can tell."""


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Row]):
    """A row whose thread waits for its turn: until the row is settled, or until it is to lead a group."""

    row: Row
    size: int
    # Held until it is this thread's turn.
    turn: threading.Lock = field(default_factory=threading.Lock)
    # What its thread is to store; of a row that another thread stores, nothing.
    group: list["_Waiting[Row]"] = field(default_factory=list)
    is_stored: bool = False
    error: Exception | None = None


class GroupCommit(Generic[Row]):
    """Stores the rows of several threads together while the storage is busy; who finds it idle is stored at once.

    `insert` stores several rows in one statement and commits it, all of them or none. One thread calls it at a time:
    with several, groups are smaller and there are more of them, and each costs this process and the storage the same.
    A group is bounded by `most_rows`, and by `most_bytes` unless one row alone is larger.
    """

    def __init__(self, insert: Callable[[Sequence[Row]], None], *, most_rows: int, most_bytes: int) -> None:
        self._insert = insert
        self._most_rows = most_rows
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        # Nobody waits while the storage is idle.
        self._line: list[_Waiting[Row]] = []
        self._is_busy = False

    def store(self, row: Row, *, size: int) -> None:
        """Return when the row is committed; `size` is in bytes.

        Raises:
            NotStoredError: it is not; its cause is what the storage said.

        """
        own = _Waiting(row, size)
        with self._lock:
            if self._is_busy:
                own.turn.acquire()
                self._line.append(own)
            else:
                self._is_busy = True
                own.group = [own]
        if not own.group:
            own.turn.acquire()
        if own.group:
            self._lead(own.group)
        if not own.is_stored:
            raise NotStoredError("The row is not stored.") from own.error

    def _lead(self, group: list[_Waiting[Row]]) -> None:
        try:
            self._insert([waiting.row for waiting in group])
            for waiting in group:
                waiting.is_stored = True
        except _OUTAGES as error:
            # All who wait would be told the same, one group after the other and ever later.
            with self._lock:
                group += self._line
                self._line.clear()
            for waiting in group:
                waiting.error = error
        except Exception as error:  # noqa: BLE001 -- each row gets the error that is its own
            self._store_one_by_one(group, error)
        finally:
            self._hand_over()
            for waiting in group[1:]:
                waiting.turn.release()
            # A row that is in its own group would lie in memory until the next round of the garbage collector.
            group.clear()

    def _hand_over(self) -> None:
        """Let the first in line lead, before those of this group are told what became of them."""
        with self._lock:
            if not self._line:
                self._is_busy = False
                return
            following = self._first_in_line()
            del self._line[: len(following)]
        following[0].group = following
        following[0].turn.release()

    def _first_in_line(self) -> list[_Waiting[Row]]:
        candidates = self._line[: self._most_rows]
        sizes = accumulate(waiting.size for waiting in candidates)
        return candidates[: max(1, sum(size <= self._most_bytes for size in sizes))]

    def _store_one_by_one(self, group: list[_Waiting[Row]], error: Exception) -> None:
        """Find out which rows the storage does not take, so that they keep none of the others out."""
        if len(group) == 1:
            group[0].error = error
            return
        for waiting in group:
            try:
                self._insert([waiting.row])
                waiting.is_stored = True
            except Exception as own_error:  # noqa: BLE001 -- raised in the thread of the row
                waiting.error = own_error
