"""No more writes in twenty seconds than Graph counts."""

import math

from hypothesis import given
from hypothesis import strategies as st

from subscriptions.graph.pace import WINDOW_SECONDS, Paces, Stopwatch, Window


def test_what_fits_goes_at_once() -> None:
    window = Window(allowed=40)
    window.send(20)

    assert window.free_at(20, now=1.0) == 1.0


def test_what_does_not_fit_waits_for_answers_first() -> None:
    window = Window(allowed=40)
    window.send(40)

    assert window.free_at(1, now=1.0) == math.inf


def test_a_write_counts_until_twenty_seconds_after_its_answer() -> None:
    window = Window(allowed=40)
    for at in (2.0, 5.0):
        window.send(20)
        window.answer(20, now=at)

    assert [window.free_at(count, now=6.0) for count in (20, 21, 40, 41)] == [22.0, 25.0, 25.0, math.inf]
    assert window.free_at(20, now=22.0) == 22.0


def test_an_app_has_one_limit_in_each_tenant_and_one_in_all_of_them() -> None:
    paces = Paces()
    for tenant in "abcd":
        paces.of("app", tenant).send(500)

    assert paces.of("app", "a").free_at(1, now=0.0) == math.inf
    assert paces.of("app", "e").free_at(1, now=0.0) == math.inf
    assert paces.of("another", "a").free_at(500, now=0.0) == 0.0


@given(st.lists(st.tuples(st.integers(1, 20), st.floats(0, 3)), max_size=60))
def test_no_twenty_seconds_hold_more_than_is_allowed(batches: list[tuple[int, float]]) -> None:
    window, now, counted = Window(allowed=50), 0.0, list[tuple[float, int]]()
    for writes, takes in batches:
        now = window.free_at(writes, now)
        window.send(writes)
        # Graph counts somewhere between our sending and its answer: here as late as it may.
        now += takes
        window.answer(writes, now)
        counted.append((now, writes))

    for at, _ in counted:
        assert sum(writes for when, writes in counted if at <= when < at + WINDOW_SECONDS) <= 50


def test_a_sleep_that_a_test_skips_counts_in_full() -> None:
    naps: list[float] = []
    stopwatch = Stopwatch(naps.append)
    before = stopwatch.now()

    stopwatch.sleep(600)

    assert naps == [600]
    assert 600 <= stopwatch.now() - before < 610
