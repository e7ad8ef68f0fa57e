"""A sender like Graph: it repeats until it gets a 2xx, and remembers what was acknowledged."""

import json
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from tests.benchmarks.product import Product, Speller

PAUSE_SECONDS = 0.02
RETRY_SECONDS = 0.2
SENT_AGAIN = 0.2
KINDS = ("basic", "basic", "rich", "lifecycle")


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One request: when it began and ended, on the monotonic clock in seconds, and its status."""

    began: float
    ended: float
    status: int


@dataclass(kw_only=True)
class Sender:
    """Sends deliveries of mixed items from several threads until it is told to end."""

    product: Product
    speller: Speller
    threads: int = 4
    sent: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    deliveries: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    _end: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _running: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin to send."""
        self._running = [threading.Thread(target=self._run, args=(seed,)) for seed in range(self.threads)]
        for thread in self._running:
            thread.start()

    def end(self) -> None:
        """Send no more new deliveries, and wait until each that was begun is acknowledged."""
        self._end.set()
        for thread in self._running:
            thread.join()

    def _run(self, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 -- a load, not a secret
        while not self._end.is_set():
            items = [self.speller.item(chance.choice(KINDS)) for _ in range(chance.randint(1, 5))]
            if chance.random() < SENT_AGAIN:
                items.append(items[0])
            body = json.dumps(self.speller.body(*items)).encode()
            self._deliver(items, body)
            if chance.random() < SENT_AGAIN:
                self._deliver(items, body)
            time.sleep(PAUSE_SECONDS)

    def _deliver(self, items: list[dict[str, Any]], body: bytes) -> None:
        keys = {item["id"] for item in items}
        with self._lock:
            self.sent |= keys
        while not 200 <= self._attempt(body) < 300:
            time.sleep(RETRY_SECONDS)
        with self._lock:
            self.acknowledged |= keys
            self.deliveries += 1

    def _attempt(self, body: bytes) -> int:
        began = time.monotonic()
        status = self.product.post(body)
        with self._lock:
            self.attempts.append(Attempt(began=began, ended=time.monotonic(), status=status))
        return status
