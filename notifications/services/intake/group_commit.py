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
# So many rows are worth a commit beside another one. With fewer, groups would be small and many, and each costs this
# process and the storage the same; without a second one, all would wait for a storage that is slow.
_CROWD = 4


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

    `insert` stores several rows in one statement and commits it, all of them or none. It is called by `most_at_once`
    threads at a time, by a second one only where a crowd waits. A group is bounded by `most_rows`, and by `most_bytes`
    unless one row alone is larger.
    """

    def __init__(
        self, insert: Callable[[Sequence[Row]], None], *, most_at_once: int, most_rows: int, most_bytes: int
    ) -> None:
        self._insert = insert
        self._most_at_once = most_at_once
        self._most_rows = most_rows
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        # Nobody waits while nobody leads.
        self._line: list[_Waiting[Row]] = []
        self._leading = 0

    def store(self, row: Row, *, size: int) -> None:
        """Return when the row is committed; `size` is in bytes.

        Raises:
            NotStoredError: it is not; its cause is what the storage said.

        """
        own = _Waiting(row, size)
        with self._lock:
            if self._is_to_lead():
                self._leading += 1
                # Who leads a group is the first of it.
                self._line.insert(0, own)
                own.group = self._taken_from_the_line()
            else:
                own.turn.acquire()
                self._line.append(own)
        if not own.group:
            own.turn.acquire()
        if own.group:
            self._lead(own.group)
        if not own.is_stored:
            raise NotStoredError("The row is not stored.") from own.error

    def _is_to_lead(self) -> bool:
        """Say whether one more row begins a group of its own or waits."""
        makes_a_crowd = len(self._line) + 1 >= _CROWD
        return not self._leading or (makes_a_crowd and self._leading < self._most_at_once)

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
                self._leading -= 1
                return
            following = self._taken_from_the_line()
        following[0].group = following
        following[0].turn.release()

    def _taken_from_the_line(self) -> list[_Waiting[Row]]:
        candidates = self._line[: self._most_rows]
        sizes = accumulate(waiting.size for waiting in candidates)
        group = candidates[: max(1, sum(size <= self._most_bytes for size in sizes))]
        del self._line[: len(group)]
        return group

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
