"""Rows of several threads are stored together, and each thread is told about its own row only."""

import gc
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count

import pytest
from django.db import IntegrityError, OperationalError

from notifications.services.intake.group_commit import GroupCommit, NotStoredError

THREADS = 8
SECONDS = 20.0


class Storage:
    """Keeps the groups that it is given; the first one takes as long as the test wants."""

    def __init__(self, *, refuses: Callable[[Sequence[str]], None] = lambda _: None) -> None:
        self.groups: list[list[str]] = []
        self.is_free = threading.Event()
        self.is_busy = threading.Event()
        self._refuses = refuses

    def insert(self, rows: Sequence[str]) -> None:
        if not self.is_busy.is_set():
            self.is_busy.set()
            assert self.is_free.wait(SECONDS)
        self._refuses(rows)
        self.groups.append([*rows])


def store_behind_a_busy_one(
    storage: Storage, names: str, *, most_rows: int = 32, most_bytes: int = 1000, size: int = 1
) -> dict[str, Future[None]]:
    """Let the row `first` keep the storage busy until all others wait, and return what came of each."""
    group = GroupCommit(storage.insert, most_at_once=1, most_rows=most_rows, most_bytes=most_bytes)
    with ThreadPoolExecutor(len(names) + 1) as threads:
        told = {"first": threads.submit(group.store, "first", size=1)}
        assert storage.is_busy.wait(SECONDS)
        for waiting, name in zip(count(1), names, strict=False):
            told[name] = threads.submit(group.store, name, size=size)
            wait_until(lambda waiting=waiting: len(group._line) == waiting)  # type: ignore[misc]
        storage.is_free.set()
    return told


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def refused(told: dict[str, Future[None]]) -> dict[str, type[BaseException | None]]:
    """Return who was told no, with the cause."""
    errors = {name: future.exception() for name, future in told.items()}
    return {name: type(error.__cause__) for name, error in errors.items() if error}


def test_who_comes_alone_is_stored_at_once_by_the_own_thread() -> None:
    seen: list[tuple[str, int]] = []
    group = GroupCommit[str](
        lambda rows: seen.extend((row, threading.get_ident()) for row in rows),
        most_at_once=1,
        most_rows=8,
        most_bytes=8,
    )

    group.store("a", size=1)
    group.store("b", size=1)

    assert seen == [("a", threading.get_ident()), ("b", threading.get_ident())]


def test_those_who_come_while_a_commit_is_under_way_are_stored_together_by_the_next() -> None:
    storage = Storage()

    told = store_behind_a_busy_one(storage, "abcde")

    assert storage.groups == [["first"], ["a", "b", "c", "d", "e"]]
    assert not refused(told)


@pytest.mark.parametrize(
    ("bounds", "groups"),
    [
        ({"most_rows": 2}, ["ab", "cd", "e"]),
        ({"most_bytes": 25, "size": 10}, ["ab", "cd", "e"]),
        ({"most_bytes": 5, "size": 10}, ["a", "b", "c", "d", "e"]),
    ],
    ids=["rows", "bytes", "each one too large"],
)
def test_a_group_is_bounded(bounds: dict[str, int], groups: list[str]) -> None:
    storage = Storage()

    told = store_behind_a_busy_one(storage, "abcde", **bounds)

    assert storage.groups == [["first"], *([*names] for names in groups)]
    assert not refused(told)


def test_a_row_that_cannot_be_stored_keeps_no_neighbour_out() -> None:
    def refuse(rows: Sequence[str]) -> None:
        if "c" in rows:
            raise IntegrityError

    storage = Storage(refuses=refuse)

    told = store_behind_a_busy_one(storage, "abcde")

    assert storage.groups == [["first"], ["a"], ["b"], ["d"], ["e"]]
    assert refused(told) == {"c": IntegrityError}


def test_when_the_storage_is_away_all_who_wait_are_told_so_after_one_try() -> None:
    tries = []

    def refuse(rows: Sequence[str]) -> None:
        tries.append(rows)
        raise OperationalError

    told = store_behind_a_busy_one(Storage(refuses=refuse), "abcde")

    assert len(tries) == 1
    assert refused(told) == dict.fromkeys(["first", *"abcde"], OperationalError)


def test_a_leader_that_dies_tells_nobody_that_his_row_is_stored_and_holds_up_nobody() -> None:
    def refuse(rows: Sequence[str]) -> None:
        if "a" in rows:
            raise SystemExit

    storage = Storage(refuses=refuse)

    told = store_behind_a_busy_one(storage, "abcde", most_rows=2)

    assert storage.groups == [["first"], ["c", "d"], ["e"]]
    assert isinstance(told["a"].exception(), SystemExit)
    assert isinstance(told["b"].exception(), NotStoredError)


def test_what_is_stored_leaves_memory_at_once() -> None:
    class Row:
        """Text cannot be referred to weakly."""

    row = Row()
    seen = weakref.ref(row)
    group = GroupCommit[Row](lambda _: None, most_at_once=1, most_rows=8, most_bytes=8)

    gc.disable()
    try:
        group.store(row, size=1)
        del row
        assert seen() is None
    finally:
        gc.enable()


def test_a_crowd_does_not_wait_for_the_group_that_is_under_way() -> None:
    storage = Storage()
    group = GroupCommit(storage.insert, most_at_once=2, most_rows=8, most_bytes=1000)
    with ThreadPoolExecutor(5) as threads:
        first = threads.submit(group.store, "first", size=1)
        assert storage.is_busy.wait(SECONDS)
        for waiting, name in enumerate("abc", start=1):
            threads.submit(group.store, name, size=1)
            wait_until(lambda waiting=waiting: len(group._line) == waiting)  # type: ignore[misc]
        assert storage.groups == []

        threads.submit(group.store, "d", size=1).result(SECONDS)
        still_waits = not first.done()
        storage.is_free.set()

    assert still_waits
    assert storage.groups == [["d", "a", "b", "c"], ["first"]]


@pytest.mark.parametrize("most_at_once", [1, 3, THREADS])
def test_under_a_crowd_each_row_is_stored_once(most_at_once: int) -> None:
    stored: list[str] = []
    busy: list[str] = []
    most_busy = []

    def insert(rows: Sequence[str]) -> None:
        busy.append(rows[0])
        most_busy.append(len(busy))
        time.sleep(0.0005)
        stored.extend(rows)
        busy.remove(rows[0])

    group = GroupCommit(insert, most_at_once=most_at_once, most_rows=5, most_bytes=1000)
    names = [f"row {number}" for number in range(400)]
    with ThreadPoolExecutor(THREADS) as threads:
        for future in [threads.submit(group.store, name, size=1) for name in names]:
            future.result()

    assert sorted(stored) == sorted(names)
    assert max(most_busy) <= most_at_once
