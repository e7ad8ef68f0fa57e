"""Deliver notifications to webhooks from background threads, with Graph's patience and retries.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (2026-04-22).
"""

import heapq
import itertools
import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import urllib3

from subscriptions.sandbox.behaviour import Behaviour

_CLOSING_SECONDS = 10
_THREADS = 4


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One POST to a webhook; `status` is None if no answer came, `seconds` is how long it took."""

    address: str
    body: Mapping[str, object] = field(repr=False)
    attempt: int
    status: int | None
    seconds: float

    @property
    def is_accepted(self) -> bool:
        """Tell whether the webhook answered 2xx in time."""
        return self.status is not None and self.status // 100 == 2  # noqa: PLR2004 - the class of status


@dataclass(frozen=True, kw_only=True)
class _Letter:
    address: str
    body: Mapping[str, object] = field(repr=False)
    attempt: int = 1


class Courier:
    """A few threads that post letters and try again later when they are not accepted."""

    def __init__(
        self, pool: urllib3.PoolManager, retry_delays: Sequence[timedelta], behaviour: Behaviour
    ) -> None:
        self.deliveries: list[Delivery] = []
        self._pool = pool
        self._behaviour = behaviour
        self._retry_delays = retry_delays
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, _Letter]] = []
        self._open = 0
        self._is_closed = False
        self._order = itertools.count()
        self._threads = [
            threading.Thread(target=self._work, name="sandbox-delivery", daemon=True) for _ in range(_THREADS)
        ]
        for thread in self._threads:
            thread.start()

    def post(self, address: str, body: Mapping[str, object]) -> None:
        """Deliver a body as soon as a thread is free."""
        with self._changed:
            self._open += 1
        self._put(_Letter(address=address, body=body), timedelta())

    def flush(self, timeout: timedelta) -> None:
        """Wait until everything was delivered or given up.

        Raises:
            TimeoutError: something is still under way after `timeout`.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._open == 0, timeout.total_seconds()):
                raise TimeoutError(f"{self._open} deliveries are still under way")

    def close(self) -> None:
        """Stop at once; what is not yet delivered is lost."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(_CLOSING_SECONDS)

    def _put(self, letter: _Letter, delay: timedelta) -> None:
        due = time.monotonic() + delay.total_seconds()
        with self._changed:
            heapq.heappush(self._waiting, (due, next(self._order), letter))
            self._changed.notify_all()

    def _take(self) -> _Letter | None:
        with self._changed:
            while not self._is_closed:
                wait = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._waiting)[2]
                self._changed.wait(wait)
        return None

    def _work(self) -> None:
        while (letter := self._take()) is not None:
            delivery = self._send(letter)
            retries_used = letter.attempt - 1
            self.deliveries.append(delivery)
            if delivery.is_accepted or retries_used >= len(self._retry_delays):
                with self._changed:
                    self._open -= 1
                    self._changed.notify_all()
            else:
                again = _Letter(address=letter.address, body=letter.body, attempt=letter.attempt + 1)
                self._put(again, self._retry_delays[retries_used])

    def _send(self, letter: _Letter) -> Delivery:
        # Three seconds decide about the first try; only a retry is waited for up to ten.
        is_first = letter.attempt == 1
        limits = self._behaviour.delivery_time_limit, self._behaviour.redelivery_time_limit
        patience = limits[0] if is_first else limits[1]
        started = time.monotonic()
        try:
            response = self._pool.request(
                "POST",
                letter.address,
                headers={"Content-Type": "application/json; charset=utf-8"},
                body=json.dumps(letter.body).encode(),
                timeout=urllib3.Timeout(total=patience.total_seconds()),
                retries=False,
                redirect=False,
            )
            status: int | None = response.status
        except urllib3.exceptions.HTTPError:
            status = None
        return Delivery(
            address=letter.address,
            body=letter.body,
            attempt=letter.attempt,
            status=status,
            seconds=time.monotonic() - started,
        )
