"""Write judged items as rows: each change once, with the number of times that it came."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import F

from notifications import conf
from notifications.envelope import UnverifiedItem, content_digest, digest, fingerprint
from notifications.models import ChangeNotification, Delivery
from notifications.services.holds import held
from notifications.services.processing import inserting
from notifications.services.processing.claiming import Taken
from notifications.services.processing.judgement import Verdict
from notifications.services.recovering import recovered
from notifications.services.rows import announcing, counting, duplicate_keys
from notifications.services.rows.new_rows import NewContent, NewFetch, NewNotification
from subscriptions.catalogue import workload_of
from subscriptions.models import Subscription
from subscriptions.services.gaps import recovery

State = ChangeNotification.State
# Lifecycle events that ask for something to be done. Source: change-notifications-lifecycle-events.md (2026-03-24).
LIFECYCLE_EVENTS = frozenset({"reauthorizationRequired", "subscriptionRemoved", "missed"})
JudgedItem = tuple[UnverifiedItem, Verdict]
WaitingRows = dict[int, ChangeNotification]


@dataclass(frozen=True, kw_only=True)
class JudgedDelivery:
    """A delivery with its judged items, and its rows of an earlier try by the index of their items."""

    delivery: Taken
    items: Sequence[JudgedItem]
    waiting: WaitingRows


def waiting_rows(deliveries: Sequence[Taken]) -> dict[int, WaitingRows]:
    """Return the rows of each delivery that could not be proven or opened at an earlier try."""
    found: dict[int, WaitingRows] = {delivery.pk: {} for delivery in deliveries}
    tried = [delivery.pk for delivery in deliveries if delivery.state == Delivery.State.WAITING]
    if tried:
        rows = ChangeNotification.objects.filter(delivery__in=tried, state=State.WAITING)
        for row in rows.order_by():
            found[row.delivery_id or 0][row.item_index] = row
    return found


@dataclass(kw_only=True)
class _Entry:
    """One change: its row to be, how many times it came, and the earlier rows that it stands for now."""

    row: NewNotification
    verdict: Verdict
    former: list[int] = field(default_factory=list)


def store(judged: Sequence[JudgedDelivery], *, now: datetime) -> Counter[str]:
    """Write the items of some deliveries inside the caller's transaction.

    The deliveries must have come within the shortest window of repetition. Return how many new rows there are in each
    state, and under `duplicates` how many items had come before. Of two workers that write the same change at once,
    the second waits for the first and then counts a repetition.
    """
    entries = _with_rows_of_delta(_entries(judged, now=now))
    dropped = [row for one in judged for row in one.waiting.values()]
    picks = _drop(dropped)
    new = _insert(entries)
    if anew := _let_go(entries, new):
        new |= _insert({key: entries[key] for key in anew})
    counting.note(came=(entries[key].row for key in new), gone=dropped)
    of_new = [(pk, entries[key]) for key, pk in new.items()]
    inserting.insert(
        [
            NewContent(
                notification_id=pk,
                data=entry.verdict.content,
                encryption_certificate_id=entry.verdict.encryption_certificate_id,
                opened_at=now,
            )
            for pk, entry in of_new
            if entry.verdict.content is not None
        ]
    )
    inserting.insert(
        [
            NewFetch(
                notification_id=pk, requested_at=now, requested_by="the subscription", next_attempt_at=now
            )
            for pk, entry in of_new
            if _is_to_be_fetched(entry)
        ]
    )
    # In one order everywhere, as in the insert.
    for key in sorted(entries.keys() - new.keys()):
        ChangeNotification.objects.filter(duplicate_key=key).update(
            times_delivered=F("times_delivered") + entries[key].row.times_delivered,
            last_received_at=entries[key].row.last_received_at,
        )
    _hold_on(picks, entries)
    # The same words again may be another change where no item is named.
    _have_items_looked_up([entry.row for entry in entries.values()], now=now)
    announcing.announce(new.values())
    counts = Counter(str(entries[key].verdict.state) for key in new)
    counts["duplicates"] = sum(len(one.items) for one in judged) - len(new)
    return counts


def _have_items_looked_up(rows: Iterable[NewNotification], *, now: datetime) -> None:
    """Have the delta query name the items where Graph tells only that something changed: in drives and lists."""
    unnamed = {
        row.subscription_id
        for row in rows
        if row.subscription_id
        and row.state == State.ACCEPTED
        and not row.resource_id
        and not row.lifecycle_event
    }
    if unnamed:
        recovery.want(Subscription.objects.filter(pk__in=unnamed), now=now)


def _entries(judged: Sequence[JudgedDelivery], *, now: datetime) -> dict[str, _Entry]:
    """Return what is to be written, by duplicate key."""
    entries: dict[str, _Entry] = {}
    for one in judged:
        for item, verdict in one.items:
            key = _duplicate_key(item, verdict)
            before = one.waiting.get(item.index)
            came = before.times_delivered if before else 1
            if key in entries:
                entries[key].row.times_delivered += came
                entries[key].row.last_received_at = one.delivery.received_at
            else:
                row = _row(item, verdict, delivery=one.delivery, key=key, came=came, now=now)
                entries[key] = _Entry(row=row, verdict=verdict)
            if before:
                entries[key].former.append(before.pk)
    return entries


def _with_rows_of_delta(entries: dict[str, _Entry]) -> dict[str, _Entry]:
    """Put what a delta query has told already under the key of that row, where it counts as a repetition."""
    changes = {
        key: (entry.row, entry.verdict.content or {})
        for key, entry in entries.items()
        if entry.row.state == State.ACCEPTED and entry.row.resource_id and not entry.row.lifecycle_event
    }
    if not changes:
        return entries
    since = min(row.received_at for row, _ in changes.values()) - conf.DUPLICATE_WINDOW
    for key, known in recovered.keys_of_known(changes, since=since).items():
        entry = entries.pop(key)
        if known in entries:
            entries[known].row.times_delivered += entry.row.times_delivered
            entries[known].former += entry.former
        else:
            entry.row.duplicate_key = known
            entries[known] = entry
    return entries


def _insert(entries: Mapping[str, _Entry]) -> dict[str, int]:
    """Insert what is not there, and return the new rows' numbers by duplicate key."""
    # In one order everywhere, so that two workers never wait for each other.
    return inserting.insert_new([entries[key].row for key in sorted(entries)])


def _let_go(entries: Mapping[str, _Entry], new: Mapping[str, int]) -> list[str]:
    """Return the keys of what comes again after Graph's last retry, and let them count as new changes."""
    repeated = entries.keys() - new.keys()
    if not repeated:
        return []
    columns = ("pk", "duplicate_key", "received_at", "lifecycle_event")
    over = {}
    for pk, key, received_at, lifecycle_event in ChangeNotification.objects.filter(
        duplicate_key__in=repeated
    ).values_list(*columns):
        window = conf.NOTICE_DUPLICATE_WINDOW if lifecycle_event else conf.DUPLICATE_WINDOW
        if key and received_at < entries[key].row.received_at - window:
            over[pk] = key
    # By their keys too: another worker may just have done the same.
    duplicate_keys.retire(ChangeNotification.objects.filter(pk__in=over, duplicate_key__in=over.values()))
    return list(over.values())


def _drop(rows: Iterable[ChangeNotification]) -> dict[int, set[int]]:
    """Remove the rows of an earlier try: they are written anew, with what is known now.

    Return the legal holds for which some of them were picked.
    """
    keys = [row.pk for row in rows]
    if not keys:
        return {}
    held.freeze()
    picks = held.picks_of(keys)
    ChangeNotification.objects.filter(pk__in=keys).delete()
    return picks


def _hold_on(picks: Mapping[int, set[int]], entries: Mapping[str, _Entry]) -> None:
    """Put what was picked for a legal hold under it again, by the row that stands for it now."""
    if not picks:
        return
    rows = ChangeNotification.objects.filter(duplicate_key__in=list(entries))
    for key, pk in rows.values_list("duplicate_key", "pk"):
        if holds := {hold for former in entries[key or ""].former for hold in picks.get(former, ())}:
            held.pick(pk, holds)


def _row(
    item: UnverifiedItem, verdict: Verdict, *, delivery: Taken, key: str, came: int, now: datetime
) -> NewNotification:
    is_to_handle = verdict.state == State.ACCEPTED and item.lifecycle_event in LIFECYCLE_EVENTS
    return NewNotification(
        subscription_id=verdict.identity.subscription if verdict.identity else None,
        subscription_graph_id=item.subscription_id,
        notification_id=item.notification_id,
        change_type=item.change_type,
        lifecycle_event=item.lifecycle_event,
        resource=item.resource,
        resource_type=item.resource_type,
        resource_id=item.resource_id,
        workload=workload_of(item.resource_type, item.resource),
        resource_data=item.resource_data,
        tenant_id=item.tenant_id,
        state=verdict.state,
        reason=verdict.reason,
        proof=verdict.proof,
        encryption_certificate_id=_lacking_key(verdict),
        times_delivered=came,
        duplicate_key=key,
        received_at=delivery.received_at,
        last_received_at=delivery.received_at,
        processed_at=now,
        handle_after=now if is_to_handle else None,
        delivery_id=delivery.pk,
        item_index=item.index,
    )


def _lacking_key(verdict: Verdict) -> str:
    """Return the certificate for whose private key an item waits, or was given up; no name of ours is longer."""
    is_closed = verdict.state in {State.WAITING, State.DEAD}
    return verdict.encryption_certificate_id[:128] if is_closed else ""


def _is_to_be_fetched(entry: _Entry) -> bool:
    """Say whether the worker is to read at Graph what came without its content."""
    row, verdict = entry.row, entry.verdict
    is_change = row.state == State.ACCEPTED and not row.lifecycle_event and row.change_type != "deleted"
    is_wanted = verdict.identity is not None and verdict.identity.fetch_content
    return is_change and is_wanted and verdict.content is None


def _duplicate_key(item: UnverifiedItem, verdict: Verdict) -> str:
    """Return the key under which a repetition is known.

    Only genuine items are compared by what Graph calls them. Anything else is compared by every byte of it and apart
    from the genuine ones, so that no forgery that comes first can stand in the way of the real notification.
    """
    subscription = str(verdict.identity.subscription) if verdict.identity else ""
    if verdict.state == State.ACCEPTED and subscription:
        words = fingerprint(item, subscription_key=subscription)
    else:
        parts = (verdict.state, verdict.reason, subscription, content_digest(item))
        words = digest("\n".join(parts).encode())
    return duplicate_keys.key(words, notification_id=item.notification_id)
