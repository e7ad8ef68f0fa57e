"""Write judged items as rows: each change once, with the number of times that it came."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q

from notifications import conf
from notifications.envelope import UnverifiedItem, content_digest, fingerprint
from notifications.models import ChangeNotification, Delivery, NotificationContent
from notifications.services.judgement import Verdict

State = ChangeNotification.State
# Lifecycle events that ask for something to be done. Source: change-notifications-lifecycle-events.md (2026-03-24).
LIFECYCLE_EVENTS = frozenset({"reauthorizationRequired", "subscriptionRemoved", "missed"})
JudgedItem = tuple[UnverifiedItem, Verdict]


def waiting_rows(delivery: Delivery) -> Iterable[ChangeNotification]:
    """Return the rows of a delivery that could not be proven or opened at an earlier try."""
    if delivery.state != Delivery.State.WAITING:
        return ()
    return delivery.notifications.filter(state=State.WAITING)


@dataclass(kw_only=True)
class _Entry:
    """One change of a delivery: its row to be, and how many times it came."""

    row: ChangeNotification
    verdict: Verdict


def store(
    delivery: Delivery,
    judged: Sequence[JudgedItem],
    *,
    waiting: dict[int, ChangeNotification],
    now: datetime,
) -> Counter[str]:
    """Write the items of one delivery inside the caller's transaction.

    Return how many new rows there are in each state, and under `duplicates` how many items had come before. Of two
    workers that write the same change at once, the second waits for the first and then counts a repetition.
    """
    entries: dict[str, _Entry] = {}
    for item, verdict in judged:
        key = _duplicate_key(item, verdict)
        came = waiting[item.index].times_delivered if item.index in waiting else 1
        if key in entries:
            entries[key].row.times_delivered += came
        else:
            row = _row(item, verdict, delivery=delivery, key=key, came=came, now=now)
            entries[key] = _Entry(row=row, verdict=verdict)
    _open_new_window(entries, received_at=delivery.received_at)
    _drop(waiting.values())
    new = _insert(entries, delivery=delivery)
    NotificationContent.objects.bulk_create(
        _content(pk, entries[key].verdict, now=now)
        for key, pk in new.items()
        if entries[key].verdict.content is not None
    )
    for key in entries.keys() - new.keys():
        ChangeNotification.objects.filter(duplicate_key=key).update(
            times_delivered=F("times_delivered") + entries[key].row.times_delivered,
            last_received_at=delivery.received_at,
        )
    counts = Counter(str(entries[key].verdict.state) for key in new)
    counts["duplicates"] = len(judged) - len(new)
    return counts


def _insert(entries: dict[str, _Entry], *, delivery: Delivery) -> dict[str, int]:
    """Insert what is not there yet and return the new rows' numbers by duplicate key."""
    rows = ChangeNotification.objects.filter(duplicate_key__in=list(entries))
    known = set(rows.values_list("duplicate_key", flat=True))
    # In one order everywhere, so that two workers never wait for each other.
    ChangeNotification.objects.bulk_create(
        [entries[key].row for key in sorted(entries.keys() - known)], ignore_conflicts=True
    )
    ours = rows.filter(delivery=delivery).exclude(duplicate_key__in=known)
    return {key: pk for key, pk in ours.values_list("duplicate_key", "pk") if key}


def _open_new_window(keys: Iterable[str], *, received_at: datetime) -> None:
    """Let what comes again after Graph's last retry count as a new change."""
    earlier = ChangeNotification.objects.filter(duplicate_key__in=list(keys))
    is_notice = ~Q(lifecycle_event="")
    earlier.filter(
        Q(received_at__lt=received_at - conf.DUPLICATE_WINDOW)
        | is_notice & Q(received_at__lt=received_at - conf.NOTICE_DUPLICATE_WINDOW)
    ).update(duplicate_key=None)


def _drop(rows: Iterable[ChangeNotification]) -> None:
    """Remove the rows of an earlier try: they are written anew, with what is known now."""
    ChangeNotification.objects.filter(pk__in=[row.pk for row in rows]).delete()


def _row(
    item: UnverifiedItem, verdict: Verdict, *, delivery: Delivery, key: str, came: int, now: datetime
) -> ChangeNotification:
    is_to_handle = verdict.state == State.ACCEPTED and item.lifecycle_event in LIFECYCLE_EVENTS
    return ChangeNotification(
        subscription_id=verdict.identity.subscription if verdict.identity else None,
        subscription_graph_id=item.subscription_id,
        notification_id=item.notification_id,
        change_type=item.change_type,
        lifecycle_event=item.lifecycle_event,
        resource=item.resource,
        resource_type=item.resource_type,
        resource_id=item.resource_id,
        resource_data=item.resource_data,
        tenant_id=item.tenant_id,
        state=verdict.state,
        reason=verdict.reason,
        proof=list(verdict.proof),
        times_delivered=came,
        duplicate_key=key,
        received_at=delivery.received_at,
        last_received_at=delivery.received_at,
        processed_at=now,
        handle_after=now if is_to_handle else None,
        delivery=delivery,
        item_index=item.index,
    )


def _content(notification_pk: int, verdict: Verdict, *, now: datetime) -> NotificationContent:
    return NotificationContent(
        notification_id=notification_pk,
        data=verdict.content,
        encryption_certificate_id=verdict.encryption_certificate_id,
        opened_at=now,
    )


def _duplicate_key(item: UnverifiedItem, verdict: Verdict) -> str:
    """Return the key under which a repetition is known.

    Only genuine items are compared by what Graph calls them. Anything else is compared by every byte of it and apart
    from the genuine ones, so that no forgery that comes first can stand in the way of the real notification.
    """
    if verdict.state == State.ACCEPTED and verdict.identity:
        return fingerprint(item, subscription_key=str(verdict.identity.subscription))
    subscription = verdict.identity.subscription if verdict.identity else ""
    parts = (verdict.state, verdict.reason, str(subscription), content_digest(item))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
