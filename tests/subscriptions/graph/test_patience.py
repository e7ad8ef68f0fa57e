"""How often and how long a failed call is tried again."""

from datetime import timedelta

import pytest

from subscriptions.graph.errors import ServiceUnavailableError, ThrottledError
from subscriptions.graph.patience import Patience


def make_patience(naps: list[float], *, attempts: int = 3, max_wait_seconds: float = 60) -> Patience:
    return Patience(attempts=attempts, max_wait=timedelta(seconds=max_wait_seconds), sleep=naps.append)


def throttled(seconds: float) -> ThrottledError:
    return ThrottledError("Wait.", retry_after=timedelta(seconds=seconds), is_transient=True)


def test_the_wait_asked_for_is_kept() -> None:
    naps: list[float] = []

    assert make_patience(naps).allows_another(throttled(2.128))
    assert naps == [2.128]


def test_without_such_a_wish_the_wait_doubles_with_some_chance_in_it() -> None:
    naps: list[float] = []
    patience = make_patience(naps, attempts=4)
    error = ServiceUnavailableError("Down.", is_transient=True)

    assert all(patience.allows_another(error) for _ in range(3))
    assert [low <= nap <= 3 * low for nap, low in zip(naps, [0.5, 1, 2], strict=True)] == [True] * 3


def test_chance_differs() -> None:
    naps: list[float] = []
    for _ in range(5):
        make_patience(naps).allows_another(ServiceUnavailableError("Down.", is_transient=True))

    assert len(set(naps)) > 1


def test_attempts_end() -> None:
    patience = make_patience([], attempts=3)

    assert [patience.allows_another(throttled(0)) for _ in range(3)] == [True, True, False]


def test_a_wait_beyond_the_limit_is_not_begun() -> None:
    naps: list[float] = []

    assert not make_patience(naps).allows_another(throttled(61))
    assert naps == []


def test_the_limit_holds_for_all_waits_together() -> None:
    naps: list[float] = []
    patience = make_patience(naps, attempts=9)

    assert [patience.allows_another(throttled(25)) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(("seconds", "expected"), [(20, True), (40, False)])
def test_a_restart_grants_attempts_but_no_time(seconds: float, expected: bool) -> None:
    patience = make_patience([], attempts=2)
    patience.allows_another(throttled(30))

    patience.restart()

    assert patience.allows_another(throttled(seconds)) is expected
