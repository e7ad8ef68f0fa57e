"""Process: claim deliveries by lease, judge each item, write the rows, and say what happened."""

import logging
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from notifications import conf
from notifications.envelope import Envelope, UnverifiedItem
from notifications.errors import NotificationRejectedError, Reason
from notifications.models import ChangeNotification, Delivery
from notifications.services import intake, storing
from notifications.services.judgement import Lookups, Verdict, judge
from notifications.services.leases import LEASE_LASTS, kept_alive
from notifications.services.storing import JudgedDelivery
from subscriptions.services import identities
from subscriptions.services.identities import Identity

logger = logging.getLogger(__name__)

BATCH_SIZE = 250
# Bodies that are in memory at once, unless a single one is larger.
GROUP_BYTES = 4 * 1024 * 1024
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
    tried = 0
    while go_on() and (deliveries := _claim(now=clock(), after=tried if include_waiting else None)):
        tried = deliveries[-1].pk
        with kept_alive(deliveries, clock=clock):
            for group in _groups(deliveries):
                _process_group(group, clock=clock, summary=summary)
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


def _groups(deliveries: list[Delivery]) -> Iterator[list[Delivery]]:
    """Part a batch into what is read and written together: small enough for the memory, close enough in time.

    Within a group the same words are one change, so it must not span more than the shortest window of repetition.
    """
    group: list[Delivery] = []
    size = 0
    for delivery in deliveries:
        # A packed body may become as large as any.
        needed = GROUP_BYTES if delivery.content_encoding else delivery.size
        is_near = (
            not group or abs(delivery.received_at - group[0].received_at) <= conf.NOTICE_DUPLICATE_WINDOW
        )
        if group and (size + needed > GROUP_BYTES or not is_near):
            yield group
            group, size = [], 0
        group.append(delivery)
        size += needed
    if group:
        yield group


def _process_group(deliveries: list[Delivery], *, clock: Callable[[], datetime], summary: Summary) -> None:
    """Process in one transaction; when anything breaks off, one by one, so that one delivery never stops another."""
    if len(deliveries) > 1:
        try:
            counts = _process(deliveries, now=clock())
        except Exception as error:  # noqa: BLE001 -- each is tried again by itself, which says what was wrong
            logger.info("group broke off, going on one by one error=%s", type(error).__name__)
        else:
            summary.add({**counts, "deliveries": len(deliveries)})
            return
    for delivery in deliveries:
        _process_safely(delivery, now=clock(), summary=summary)


def _process_safely(delivery: Delivery, *, now: datetime, summary: Summary) -> None:
    """Process one delivery; when it breaks off, put it back with a later time instead of stopping the rest."""
    summary.deliveries += 1
    try:
        summary.add(_process([delivery], now=now))
    except Delivery.DoesNotExist:
        logger.info("delivery left the quarantine before its turn id=%s", delivery.pk)
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


def _process(deliveries: list[Delivery], *, now: datetime) -> Mapping[str, int]:
    """Read, judge and write deliveries together, and return the counts of `storing.store`.

    Raises:
        Delivery.DoesNotExist: one of them left the quarantine meanwhile.

    """
    judged, malformed = _judge(deliveries, now=now)
    with transaction.atomic():
        # What another worker has by now is left to it: what that one writes counts.
        held = _still_held(deliveries)
        for delivery, text in malformed:
            _put_back([delivery], state=Delivery.State.DONE, error=text, processed_at=now)
        ours = [one for one in judged if one.delivery.pk in held]
        _finish(ours, now=now)
        return storing.store(ours, now=now)


def _judge(
    deliveries: list[Delivery], *, now: datetime
) -> tuple[list[JudgedDelivery], list[tuple[Delivery, str]]]:
    """Return what is known of the items of each delivery, and why the bodies that cannot be read cannot."""
    read: list[tuple[Delivery, Envelope]] = []
    malformed = []
    for delivery in _with_bodies(deliveries):
        try:
            read.append((delivery, intake.read(delivery)))
        except NotificationRejectedError as error:
            malformed.append((delivery, str(error)))
    waiting = storing.waiting_rows([delivery for delivery, _ in read])
    items = {
        delivery.pk: [
            item
            for item in envelope.items
            if delivery.state == Delivery.State.QUEUED or item.index in waiting[delivery.pk]
        ]
        for delivery, envelope in read
    }
    claims = [
        (item.subscription_id, item.client_state) for delivery, _ in read for item in items[delivery.pk]
    ]
    found = iter(identities.find(claims, cached=False))
    lookups = Lookups()
    judged = []
    for delivery, envelope in read:
        pairs = [
            (
                item,
                _verdict(item, next(found), delivery=delivery, envelope=envelope, lookups=lookups, now=now),
            )
            for item in items[delivery.pk]
        ]
        if not any(verdict.identity for _, verdict in pairs):
            pairs = pairs[:MOST_ROWS_OF_A_STRANGER]
        judged.append(JudgedDelivery(delivery=delivery, items=pairs, waiting=waiting[delivery.pk]))
    return judged, malformed


def _with_bodies(deliveries: list[Delivery]) -> list[Delivery]:
    keys = [delivery.pk for delivery in deliveries]
    bodies = dict(Delivery.objects.filter(pk__in=keys).values_list("pk", "body"))
    for delivery in deliveries:
        if delivery.pk not in bodies:
            raise Delivery.DoesNotExist
        delivery.body = bodies[delivery.pk]
    return deliveries


def _verdict(
    item: UnverifiedItem,
    identity: Identity | None,
    *,
    delivery: Delivery,
    envelope: Envelope,
    lookups: Lookups,
    now: datetime,
) -> Verdict:
    verdict = judge(
        item,
        identity=identity,
        unverified_tokens=envelope.unverified_validation_tokens,
        received_at=delivery.received_at,
        lookups=lookups,
    )
    return _give_up_when_late(verdict, delivery=delivery, now=now)


def _give_up_when_late(verdict: Verdict, *, delivery: Delivery, now: datetime) -> Verdict:
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


def _still_held(deliveries: list[Delivery]) -> set[int]:
    """Lock the deliveries whose leases are still ours until the transaction ends, and return their numbers."""
    rows = Delivery.objects.select_for_update().filter(pk__in=[delivery.pk for delivery in deliveries])
    leases = dict(rows.order_by("pk").values_list("pk", "lease"))
    return {delivery.pk for delivery in deliveries if leases.get(delivery.pk) == delivery.lease}


def _finish(judged: list[JudgedDelivery], *, now: datetime) -> None:
    """End the leases; those that come out alike are written by one statement."""
    alike: dict[tuple[Any, ...], list[Delivery]] = {}
    for one in judged:
        states = {verdict.state for _, verdict in one.items}
        is_ours = any(verdict.identity for _, verdict in one.items)
        outcome = (
            Delivery.State.WAITING if ChangeNotification.State.WAITING in states else Delivery.State.DONE,
            one.delivery.attempts,
            one.delivery.is_quarantined and not is_ours,
        )
        alike.setdefault(outcome, []).append(one.delivery)
    for (state, attempts, is_quarantined), deliveries in alike.items():
        _put_back(
            deliveries,
            state=state,
            next_attempt_at=now + wait_after(attempts),
            processed_at=now,
            error="",
            is_quarantined=is_quarantined,
        )


def _put_back(deliveries: list[Delivery], **facts: object) -> None:
    """Write the outcome and end the leases, if they are still ours."""
    Delivery.objects.filter(
        pk__in=[delivery.pk for delivery in deliveries], lease__in={delivery.lease for delivery in deliveries}
    ).update(lease="", leased_until=None, **facts)


def wait_after(attempts: int) -> timedelta:
    """Return how long to wait before the next try: doubling from 15 seconds up to 15 minutes."""
    doublings = min(max(attempts - 1, 0), 10)
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << doublings))
