"""Deliver notifications to webhooks from background threads, with Graph's patience and retries.

Times are those of the sandbox's clock, so that retries come and slow answers are felt when time is skipped too.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (2026-04-22).
"""

import heapq
import itertools
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import urllib3

from subscriptions.sandbox.behaviour import Behaviour
from subscriptions.sandbox.clock import Clock
from subscriptions.sandbox.slowness import Slowness

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
        self,
        pool: urllib3.PoolManager,
        behaviour: Behaviour,
        clock: Clock,
    ) -> None:
        self.deliveries: list[Delivery] = []
        self.discarded: list[Mapping[str, object]] = []
        self._clock = clock
        self._slowness = Slowness()
        self._pool = pool
        self._behaviour = behaviour
        self._changed = threading.Condition()
        self._waiting: list[tuple[datetime, int, _Letter]] = []
        self._in_hand = 0
        self._open = 0
        self._is_closed = False
        self._order = itertools.count()
        self._threads = [
            threading.Thread(target=self._work, name="sandbox-delivery", daemon=True) for _ in range(_THREADS)
        ]
        for thread in self._threads:
            thread.start()

    def post(self, address: str, body: Mapping[str, object]) -> None:
        """Deliver a body as soon as a thread is free, or discard it while the address answers too slowly."""
        if self._slowness.discards(address, now=self._clock.now()):
            self.discarded.append(body)
            return
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

    def flush_due(self, timeout: timedelta) -> None:
        """Wait until everything that is due by now was posted; what waits for a later try goes on waiting.

        Raises:
            TimeoutError: something is still under way after `timeout`.
        """
        with self._changed:
            self._changed.notify_all()
            if not self._changed.wait_for(self._is_quiet, timeout.total_seconds()):
                raise TimeoutError(f"{self._open} deliveries are still under way")

    def _is_quiet(self) -> bool:
        has_due = bool(self._waiting) and self._waiting[0][0] <= self._clock.now()
        return self._in_hand == 0 and not has_due

    def close(self) -> None:
        """Stop at once; what is not yet delivered is lost."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(_CLOSING_SECONDS)

    def _put(self, letter: _Letter, delay: timedelta) -> None:
        due = self._clock.now() + delay
        with self._changed:
            heapq.heappush(self._waiting, (due, next(self._order), letter))
            self._changed.notify_all()

    def _take(self) -> _Letter | None:
        with self._changed:
            while not self._is_closed:
                wait = (self._waiting[0][0] - self._clock.now()).total_seconds() if self._waiting else None
                if wait is not None and wait <= 0:
                    self._in_hand += 1
                    return heapq.heappop(self._waiting)[2]
                self._changed.wait(wait)
        return None

    def _work(self) -> None:
        while (letter := self._take()) is not None:
            delivery = self._send(letter)
            retries_used = letter.attempt - 1
            self.deliveries.append(delivery)
            delays = self._behaviour.retry_delays
            is_over = delivery.is_accepted or retries_used >= len(delays)
            if not is_over:
                again = _Letter(address=letter.address, body=letter.body, attempt=letter.attempt + 1)
                self._put(again, delays[retries_used])
            with self._changed:
                self._in_hand -= 1
                self._open -= is_over
                self._changed.notify_all()

    def _send(self, letter: _Letter) -> Delivery:
        # Three seconds decide about the first try; only a retry is waited for up to ten.
        is_first = letter.attempt == 1
        limits = self._behaviour.delivery_time_limit, self._behaviour.redelivery_time_limit
        patience = limits[0] if is_first else limits[1]
        started = self._clock.now()
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
        ended = self._clock.now()
        took = ended - started
        self._slowness.note(letter.address, took, at=ended)
        return Delivery(
            address=letter.address,
            body=letter.body,
            attempt=letter.attempt,
            status=status if took <= patience else None,
            seconds=took.total_seconds(),
        )
