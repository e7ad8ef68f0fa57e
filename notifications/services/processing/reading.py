"""Read what a worker has in hand: bodies become items, and each is judged."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from notifications.envelope import Envelope, UnverifiedItem
from notifications.errors import NotificationRejectedError, Reason
from notifications.models import ChangeNotification, Delivery
from notifications.services import intake
from notifications.services.processing import storing
from notifications.services.processing.claiming import Taken
from notifications.services.processing.judgement import Lookups, Sealed, Verdict, prove, unseal
from notifications.services.processing.storing import JudgedDelivery, WaitingRows
from subscriptions.services import identities

# An item that cannot be proven is kept trying this long. One whose key is missing waits for the key.
GIVE_UP_AFTER = timedelta(days=3)
KEPT_FOR_A_KEY = (Reason.UNKNOWN_CERTIFICATE, Reason.PRIVATE_KEY_UNAVAILABLE)
# Strangers may put thousands of items in one body; these are enough to see what they tried.
MOST_ROWS_OF_A_STRANGER = 100
# Few enough that all openers are busy to the end of a group.
OPENED_AT_ONCE = 16


@dataclass(frozen=True, kw_only=True)
class _Read:
    delivery: Taken
    items: Sequence[UnverifiedItem]
    unverified_tokens: Sequence[str] | None
    waiting: WaitingRows


class Reading:
    """Deliveries whose items are proven as far as can be without opening them; the openers are at the rest."""

    def __init__(self, deliveries: Sequence[Taken], *, openers: Executor, now: datetime) -> None:
        """Read and prove."""
        self.deliveries = deliveries
        self._read, self.malformed = _read(deliveries)
        self._proven = _proven(self._read, now=now)
        sealed = [one for one in self._proven if isinstance(one, Sealed)]
        self._opening = [
            openers.submit(_unsealed, sealed[start : start + OPENED_AT_ONCE])
            for start in range(0, len(sealed), OPENED_AT_ONCE)
        ]

    def judged(self, *, now: datetime) -> list[JudgedDelivery]:
        """Return what is known of each item, when all are opened."""
        verdicts = self._verdicts()
        return [
            JudgedDelivery(
                delivery=read.delivery,
                items=_worth_a_row(
                    [
                        (item, _give_up_when_late(next(verdicts), delivery=read.delivery, now=now))
                        for item in read.items
                    ]
                ),
                waiting=read.waiting,
            )
            for read in self._read
        ]

    def _verdicts(self) -> Iterator[Verdict]:
        opened = chain.from_iterable(part.result() for part in self._opening)
        for one in self._proven:
            yield next(opened) if isinstance(one, Sealed) else one


def _read(deliveries: Sequence[Taken]) -> tuple[list[_Read], list[tuple[Taken, str]]]:
    """Return the items of each delivery, and why the bodies that cannot be read cannot."""
    envelopes: list[tuple[Taken, Envelope]] = []
    malformed = []
    for delivery in deliveries:
        try:
            envelopes.append((delivery, intake.read(delivery)))
        except NotificationRejectedError as error:
            malformed.append((delivery, str(error)))
    waiting = storing.waiting_rows([delivery for delivery, _ in envelopes])
    read = [
        _Read(
            delivery=delivery,
            items=_left(envelope.items, delivery, waiting[delivery.pk]),
            unverified_tokens=envelope.unverified_validation_tokens,
            waiting=waiting[delivery.pk],
        )
        for delivery, envelope in envelopes
    ]
    return read, malformed


def _left(items: Sequence[UnverifiedItem], delivery: Taken, waiting: WaitingRows) -> Sequence[UnverifiedItem]:
    """Keep what is not settled since an earlier try."""
    is_new = delivery.state == Delivery.State.QUEUED
    return items if is_new else [item for item in items if item.index in waiting]


def _proven(read: Sequence[_Read], *, now: datetime) -> list[Verdict | Sealed]:
    claims = [(item.subscription_id, item.client_state) for one in read for item in one.items]
    found = iter(identities.find(claims, cached=False))
    lookups = Lookups()
    return [
        prove(
            item,
            identity=next(found),
            unverified_tokens=one.unverified_tokens,
            received_at=one.delivery.received_at,
            now=now,
            lookups=lookups,
        )
        for one in read
        for item in one.items
    ]


def _unsealed(some: Sequence[Sealed]) -> list[Verdict]:
    return [unseal(one) for one in some]


def _worth_a_row(pairs: list[storing.JudgedItem]) -> list[storing.JudgedItem]:
    if len(pairs) <= MOST_ROWS_OF_A_STRANGER or any(verdict.identity for _, verdict in pairs):
        return pairs
    return pairs[:MOST_ROWS_OF_A_STRANGER]


def _give_up_when_late(verdict: Verdict, *, delivery: Taken, now: datetime) -> Verdict:
    if verdict.state != ChangeNotification.State.WAITING or verdict.reason in KEPT_FOR_A_KEY:
        return verdict
    is_hopeless = verdict.reason == Reason.PRIVATE_KEY_DESTROYED
    if not is_hopeless and now - delivery.received_at <= GIVE_UP_AFTER:
        return verdict
    return Verdict(
        state=ChangeNotification.State.DEAD,
        reason=verdict.reason,
        proof=verdict.proof,
        identity=verdict.identity,
        encryption_certificate_id=verdict.encryption_certificate_id,
    )
