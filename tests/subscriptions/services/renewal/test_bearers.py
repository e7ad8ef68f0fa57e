"""A token that Graph refuses is replaced once, for all threads."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from subscriptions.services.renewal.bearers import Bearer


class Issuer:
    """Issues numbered tokens; the last one lasts until another is asked for by force."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.token = f"t{next(self._numbers)}"
        self.forced = 0

    def __call__(self, force: bool) -> str:
        if force:
            self.forced += 1
            self.token = f"t{next(self._numbers)}"
        return self.token


@pytest.mark.parametrize("threads", [1, 4])
def test_threads_that_are_refused_at_once_share_one_fresh_token(threads: int) -> None:
    issuer, barrier = Issuer(), threading.Barrier(threads)
    bearer = Bearer(issuer)

    def call(_: int) -> tuple[str, str]:
        first = bearer(False)
        barrier.wait()
        return first, bearer(True)

    with ThreadPoolExecutor(threads) as pool:
        given = set(pool.map(call, range(threads)))

    assert given == {("t1", "t2")}
    assert issuer.forced == 1


def test_a_token_that_is_refused_although_it_is_fresh_stays_refused() -> None:
    issuer = Issuer()
    bearer = Bearer(issuer)

    given = [bearer(force) for force in (False, True, False, True)]

    assert given == ["t1", "t2", "t2", "t2"]
    assert issuer.forced == 1
