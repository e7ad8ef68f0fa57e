"""Leases: what a worker has in hand stays its own for as long as it gives signs of life."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Protocol

from django.db import Error, connection

from notifications.models import Delivery
from notifications.models.delivery import DeliveryQuerySet

logger = logging.getLogger(__name__)

# A worker that has given no sign of life for so long is taken for dead, and others take its deliveries over.
LEASE_LASTS = timedelta(minutes=2)
# Four signs of life in that time: one that is late does no harm.
BEAT_EVERY = LEASE_LASTS / 4
# A worker that hangs is alive too. Longer than a batch in which every fetch of signing keys runs into its time-out.
LONGEST_IN_HAND = timedelta(hours=1)


class LeaseLostError(Exception):
    """Say that a delivery is not ours any more: another worker took it over, or it is gone."""


class Leased(Protocol):
    """A delivery with the lease under which it was taken."""

    @property
    def pk(self) -> int:
        """The number of the delivery."""

    @property
    def lease(self) -> str:
        """The token of the claim."""


def still_held(deliveries: Sequence[Leased]) -> DeliveryQuerySet:
    """Return those of the deliveries that are still ours."""
    ours = Delivery.objects.numbered(delivery.pk for delivery in deliveries)
    return ours.filter(lease__in={delivery.lease for delivery in deliveries})


class InHand:
    """The batches that a worker has in hand, each since when."""

    def __init__(self) -> None:
        self._batches: dict[int, tuple[float, Sequence[Leased]]] = {}

    def take(self, deliveries: Sequence[Leased]) -> None:
        """Have the leases of a batch prolonged until it is dropped."""
        self._batches[id(deliveries)] = (time.monotonic(), deliveries)

    def drop(self, deliveries: Sequence[Leased]) -> None:
        """Let a batch be."""
        self._batches.pop(id(deliveries), None)

    def prolong(self, *, now: datetime) -> None:
        """Give a sign of life for each batch; what is finished or taken over is left alone."""
        for since, deliveries in list(self._batches.values()):
            if time.monotonic() - since < LONGEST_IN_HAND.total_seconds():
                _prolong(deliveries, now=now)
            else:
                logger.error("a batch takes too long: its leases are prolonged no further")
                self.drop(deliveries)


@contextmanager
def kept_alive(*, clock: Callable[[], datetime]) -> Iterator[InHand]:
    """Prolong the leases of what is taken in hand, beside the work on it."""
    done, in_hand = threading.Event(), InHand()
    beat = threading.Thread(target=_beat, args=(in_hand, clock, done), name="leases", daemon=True)
    beat.start()
    try:
        yield in_hand
    finally:
        done.set()
        beat.join()


def _beat(in_hand: InHand, clock: Callable[[], datetime], done: threading.Event) -> None:
    while not done.wait(BEAT_EVERY.total_seconds()):
        try:
            in_hand.prolong(now=clock())
        except Error:
            # The next sign of life may come through in time.
            logger.exception("leases not prolonged")
        finally:
            connection.close()


def _prolong(deliveries: Sequence[Leased], *, now: datetime) -> None:
    prolonged = still_held(deliveries).update(leased_until=now + LEASE_LASTS)
    logger.info("slow batch: leases prolonged deliveries=%s", prolonged)
