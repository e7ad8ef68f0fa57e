"""Process: claim deliveries by lease, judge each item, write the rows, and say what happened.

Reading, opening and writing overlap: while one group of deliveries is written, the contents of the next are opened by
threads of their own, since the arithmetic of RSA takes more time than all the rest. Only the calling thread speaks to
the database.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from notifications.models import ChangeNotification, Delivery
from notifications.services.processing import storing
from notifications.services.processing.claiming import Taken, claim
from notifications.services.processing.leases import InHand, LeaseLostError, kept_alive, still_held
from notifications.services.processing.reading import GIVE_UP_AFTER, Reading
from notifications.services.processing.storing import JudgedDelivery

logger = logging.getLogger(__name__)

# While one waits for the interpreter, the other computes.
OPENERS = 2
FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(minutes=15)


@dataclass(kw_only=True)
class Summary:
    """What a run did, counted in new items; `errors` holds one text for each delivery that broke off."""

    deliveries: int = 0
    accepted: int = 0
    rejected: int = 0
    waiting: int = 0
    dead: int = 0
    duplicates: int = 0
    errors: list[str] = field(default_factory=list)

    def add(self, counts: Mapping[str, int]) -> None:
        """Add what one delivery brought."""
        for name, count in counts.items():
            setattr(self, name, getattr(self, name) + count)


def process(
    *,
    clock: Callable[[], datetime],
    include_waiting: bool = False,
    summary: Summary | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> Summary:
    """Work through the inbox until nothing is due; `go_on` is asked before each batch.

    `include_waiting` tries once what waits for a key or for the network although its time has not come: for an
    operator who has just mended the cause.
    """
    summary = summary or Summary()
    with ThreadPoolExecutor(OPENERS, "opener") as openers, kept_alive(clock=clock) as in_hand:
        worker = _Worker(
            clock=clock,
            openers=openers,
            in_hand=in_hand,
            summary=summary,
            tried=0 if include_waiting else None,
            go_on=go_on,
        )
        begun = worker.begin()
        while begun:
            ahead = worker.begin()
            worker.finish(begun)
            begun = ahead or worker.begin()
    return summary


@dataclass(kw_only=True)
class _Worker:
    """One run; `tried` is the last delivery that was taken, where each is tried once."""

    clock: Callable[[], datetime]
    openers: Executor
    in_hand: InHand
    summary: Summary
    tried: int | None
    go_on: Callable[[], bool]

    def begin(self) -> "_Group | None":
        """Take a group in hand and have its contents opened; None if nothing is due or no more is wanted."""
        now = self.clock()
        deliveries = claim(now=now, after=self.tried) if self.go_on() else ()
        if not deliveries:
            return None
        if self.tried is not None:
            self.tried = deliveries[-1].pk
        self.in_hand.take(deliveries)
        try:
            return _Group(deliveries, Reading(deliveries, openers=self.openers, now=now))
        except Exception as error:  # noqa: BLE001 -- each is tried again by itself, which says what was wrong
            _log_broken(error)
            return _Group(deliveries, None)

    def finish(self, group: "_Group") -> None:
        """Write a group in one transaction; when anything breaks off, one by one, so that none stops another."""
        try:
            if not (group.reading and self._is_written(group.reading)):
                for delivery in group.deliveries:
                    process_safely(delivery, openers=self.openers, now=self.clock(), summary=self.summary)
        finally:
            self.in_hand.drop(group.deliveries)

    def _is_written(self, reading: Reading) -> bool:
        try:
            counts = _write(reading, now=self.clock())
        except Exception as error:  # noqa: BLE001 -- as above
            _log_broken(error)
            return False
        self.summary.add({**counts, "deliveries": len(reading.deliveries)})
        return True


@dataclass(frozen=True)
class _Group:
    """Deliveries that are read and written together; without a reading, if that broke off."""

    deliveries: Sequence[Taken]
    reading: Reading | None


def process_safely(delivery: Taken, *, openers: Executor, now: datetime, summary: Summary) -> None:
    """Process one delivery; when it breaks off, put it back with a later time instead of stopping the rest."""
    summary.deliveries += 1
    try:
        summary.add(_write(Reading([delivery], openers=openers, now=now), now=now))
    except LeaseLostError:
        logger.info("delivery was taken over, or left the quarantine before its turn id=%s", delivery.pk)
    except Exception as error:
        logger.exception("delivery broke off id=%s", delivery.pk)
        summary.errors.append(f"Delivery {delivery.pk} broke off: {type(error).__name__}.")
        gave_up = now - delivery.received_at > GIVE_UP_AFTER
        _put_back(
            [delivery],
            state=Delivery.State.DEAD if gave_up else delivery.state,
            error=f"{type(error).__name__}: see the worker's log.",
            next_attempt_at=now + wait_after(delivery.attempts),
        )


def _log_broken(error: Exception) -> None:
    logger.info("group broke off, going on one by one error=%s", type(error).__name__)


def _write(reading: Reading, *, now: datetime) -> Mapping[str, int]:
    """Write what was read in one transaction with the end of the leases, and return the counts of `storing.store`.

    Raises:
        LeaseLostError: another worker has one of the deliveries by now; what that one writes counts.

    """
    judged = reading.judged(now=now)
    with transaction.atomic():
        # Locks the rows: from here on nobody takes them over.
        _end_leases(judged, malformed=reading.malformed, now=now)
        return storing.store(judged, now=now)


def _end_leases(
    judged: Sequence[JudgedDelivery], *, malformed: Sequence[tuple[Taken, str]], now: datetime
) -> None:
    """Write what became of the deliveries; those that come out alike by one statement.

    Raises:
        LeaseLostError: one of them is another worker's.

    """
    alike: dict[tuple[Any, ...], list[Taken]] = {}
    for one in judged:
        states = {verdict.state for _, verdict in one.items}
        is_ours = any(verdict.identity for _, verdict in one.items)
        state = Delivery.State.WAITING if ChangeNotification.State.WAITING in states else Delivery.State.DONE
        outcome = (state, one.delivery.attempts, one.delivery.is_quarantined and not is_ours, "")
        alike.setdefault(outcome, []).append(one.delivery)
    for delivery, text in malformed:
        outcome = (Delivery.State.DONE, delivery.attempts, delivery.is_quarantined, text)
        alike.setdefault(outcome, []).append(delivery)
    for (state, attempts, is_quarantined, error), deliveries in alike.items():
        written = _put_back(
            deliveries,
            state=state,
            next_attempt_at=now + wait_after(attempts),
            processed_at=now,
            error=error,
            is_quarantined=is_quarantined,
        )
        if written < len(deliveries):
            raise LeaseLostError


def _put_back(deliveries: Sequence[Taken], **facts: object) -> int:
    """Write the outcome and end the leases, if they are still ours; return how many were."""
    return still_held(deliveries).update(lease="", leased_until=None, **facts)


def wait_after(attempts: int) -> timedelta:
    """Return how long to wait before the next try: doubling from 15 seconds up to 15 minutes."""
    doublings = min(max(attempts - 1, 0), 10)
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << doublings))
