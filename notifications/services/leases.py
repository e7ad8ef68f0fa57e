"""Leases: what a worker has in hand stays its own for as long as it gives signs of life."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import Error, connection

from notifications.models import Delivery

logger = logging.getLogger(__name__)

# A worker that has given no sign of life for so long is taken for dead, and others take its deliveries over.
LEASE_LASTS = timedelta(minutes=2)
# Four signs of life in that time: one that is late does no harm.
BEAT_EVERY = LEASE_LASTS / 4
# A worker that hangs is alive too. Longer than a batch in which every fetch of signing keys runs into its time-out.
LONGEST_IN_HAND = timedelta(hours=1)


@contextmanager
def kept_alive(deliveries: Sequence[Delivery], *, clock: Callable[[], datetime]) -> Iterator[None]:
    """Prolong the leases of `deliveries` beside the work on them; what is finished or taken over is left alone."""
    done = threading.Event()
    beat = threading.Thread(target=_beat, args=(list(deliveries), clock, done), name="leases", daemon=True)
    beat.start()
    try:
        yield
    finally:
        done.set()
        beat.join()


def _beat(deliveries: list[Delivery], clock: Callable[[], datetime], done: threading.Event) -> None:
    for _ in range(LONGEST_IN_HAND // BEAT_EVERY):
        if done.wait(BEAT_EVERY.total_seconds()):
            return
        try:
            _prolong(deliveries, now=clock())
        except Error:
            # The next sign of life may come through in time.
            logger.exception("leases not prolonged")
        finally:
            connection.close()
    logger.error("a batch takes too long: its leases are prolonged no further")


def _prolong(deliveries: list[Delivery], *, now: datetime) -> None:
    held = Delivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries])
    prolonged = held.filter(lease__in={delivery.lease for delivery in deliveries}).update(
        leased_until=now + LEASE_LASTS
    )
    logger.info("slow batch: leases prolonged deliveries=%s", prolonged)
