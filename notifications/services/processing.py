"""Process: claim deliveries by lease, judge each item, write the rows, and say what happened."""

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F

from notifications.errors import NotificationRejectedError, Reason
from notifications.models import ChangeNotification, Delivery
from notifications.services import intake, storing
from notifications.services.judgement import Verdict, judge
from notifications.services.leases import LEASE_LASTS, kept_alive
from subscriptions.services import identities

logger = logging.getLogger(__name__)

BATCH_SIZE = 50
FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(minutes=15)
# An item that cannot be proven is kept trying this long. One whose key is missing waits for the key.
GIVE_UP_AFTER = timedelta(days=3)
# Strangers may put thousands of items in one body; these are enough to see what they tried.
MOST_ROWS_OF_A_STRANGER = 100
KEPT_FOR_A_KEY = (Reason.UNKNOWN_CERTIFICATE, Reason.PRIVATE_KEY_UNAVAILABLE)


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
    *, clock: Callable[[], datetime], include_waiting: bool = False, summary: Summary | None = None
) -> Summary:
    """Work through the inbox until nothing is due.

    `include_waiting` tries once what waits for a key or for the network although its time has not come: for an
    operator who has just mended the cause.
    """
    summary = summary or Summary()
    tried = 0
    while deliveries := _claim(now=clock(), after=tried if include_waiting else None):
        tried = deliveries[-1].pk
        with kept_alive(deliveries, clock=clock):
            for delivery in deliveries:
                _process_safely(delivery, now=clock(), summary=summary)
    return summary


def _claim(*, now: datetime, after: int | None) -> list[Delivery]:
    """Take a batch for this worker; no other worker gets the same while the lease lasts."""
    token = secrets.token_hex(16)
    # With `after`, each delivery is tried once, in the order of arrival, whether its time has come or not.
    due = (
        Delivery.objects.due(now).order_by("next_attempt_at", "pk")
        if after is None
        else Delivery.objects.open().unleased(now).filter(pk__gt=after).order_by("pk")
    )
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True)
        keys = list(due.values_list("pk", flat=True)[:BATCH_SIZE])
        if not keys:
            return []
        Delivery.objects.filter(pk__in=keys).update(
            lease=token, leased_until=now + LEASE_LASTS, attempts=F("attempts") + 1
        )
    # The body is read with each delivery by itself: one that cannot be opened must not stop the others.
    return list(Delivery.objects.filter(pk__in=keys, lease=token).defer("body").order_by("pk"))


def _process_safely(delivery: Delivery, *, now: datetime, summary: Summary) -> None:
    """Process one delivery; when it breaks off, put it back with a later time instead of stopping the rest."""
    summary.deliveries += 1
    try:
        _process(delivery, now=now, summary=summary)
    except Delivery.DoesNotExist:
        logger.info("delivery left the quarantine before its turn id=%s", delivery.pk)
    except Exception as error:
        logger.exception("delivery broke off id=%s", delivery.pk)
        summary.errors.append(f"Delivery {delivery.pk} broke off: {type(error).__name__}.")
        gave_up = now - delivery.received_at > GIVE_UP_AFTER
        _put_back(
            delivery,
            state=Delivery.State.DEAD if gave_up else delivery.state,
            error=f"{type(error).__name__}: see the worker's log.",
            next_attempt_at=now + wait_after(delivery.attempts),
        )


def _process(delivery: Delivery, *, now: datetime, summary: Summary) -> None:
    try:
        envelope = intake.read(delivery)
    except NotificationRejectedError as error:
        _put_back(delivery, state=Delivery.State.DONE, error=str(error), processed_at=now)
        return
    waiting = {row.item_index: row for row in storing.waiting_rows(delivery)}
    items = [
        item for item in envelope.items if delivery.state == Delivery.State.QUEUED or item.index in waiting
    ]
    found = identities.find([(item.subscription_id, item.client_state) for item in items], cached=False)
    verdicts = [
        _give_up_when_late(
            judge(
                item,
                identity=identity,
                unverified_tokens=envelope.unverified_validation_tokens,
                received_at=delivery.received_at,
            ),
            delivery=delivery,
            now=now,
        )
        for item, identity in zip(items, found, strict=True)
    ]
    pairs = list(zip(items, verdicts, strict=True))
    if not any(verdict.identity for verdict in verdicts):
        pairs = pairs[:MOST_ROWS_OF_A_STRANGER]
    with transaction.atomic():
        if not _finish(delivery, verdicts, now=now):
            # The lease ran out and another worker has it: what it writes counts.
            return
        summary.add(storing.store(delivery, pairs, waiting=waiting, now=now))


def _give_up_when_late(verdict: Verdict, *, delivery: Delivery, now: datetime) -> Verdict:
    if verdict.state != ChangeNotification.State.WAITING or verdict.reason in KEPT_FOR_A_KEY:
        return verdict
    if now - delivery.received_at <= GIVE_UP_AFTER:
        return verdict
    return Verdict(
        state=ChangeNotification.State.DEAD,
        reason=verdict.reason,
        proof=verdict.proof,
        identity=verdict.identity,
        encryption_certificate_id=verdict.encryption_certificate_id,
    )


def _finish(delivery: Delivery, verdicts: list[Verdict], *, now: datetime) -> bool:
    states = {verdict.state for verdict in verdicts}
    is_waiting = ChangeNotification.State.WAITING in states
    is_ours = any(verdict.identity for verdict in verdicts)
    return _put_back(
        delivery,
        state=Delivery.State.WAITING if is_waiting else Delivery.State.DONE,
        next_attempt_at=now + wait_after(delivery.attempts),
        processed_at=now,
        error="",
        is_quarantined=delivery.is_quarantined and not is_ours,
    )


def _put_back(delivery: Delivery, **facts: object) -> bool:
    """Write the outcome and end the lease; say whether the lease was still ours."""
    return bool(
        Delivery.objects.filter(pk=delivery.pk, lease=delivery.lease).update(
            lease="", leased_until=None, **facts
        )
    )


def wait_after(attempts: int) -> timedelta:
    """Return how long to wait before the next try: doubling from 15 seconds up to 15 minutes."""
    doublings = min(max(attempts - 1, 0), 10)
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << doublings))
