"""What a delta query told becomes rows beside those of the webhook: each change once, as far as it can be told apart.

A delta query tells the last change of an item, with its present state. It is the same change as one that the webhook
delivered

- where both tell a version (the etag), if the versions are equal;
- where only the item tells when it was modified, if a notification of the item came at that time or later. A late
  notification of an earlier change cannot be told from one of this change;
- where nothing tells versions apart (users and groups), if a notification of the item came since the changes counted
  as missed. Two changes of one item cannot be told apart there;
- for deletions, and for those who came to or left a group, if the same was notified in the same period.

The other way round, what the webhook brings within hours after the delta query is counted on its row only where the
versions are equal, or both say that the item was deleted: elsewhere it may be a new change.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from notifications.envelope import digest, storable
from notifications.models import ChangeNotification, ContentFetch, NotificationContent
from notifications.services.rows import announcing, counting
from notifications.services.rows.new_rows import NewNotification
from subscriptions.catalogue import deltas, workload_of
from subscriptions.catalogue.deltas import FoundChange
from subscriptions.models import Subscription
from subscriptions.services.catching_up import Period

PROOF = "delta"
# What is told openly of an item, as in a notification without content.
_OPEN = ("id", "@odata.etag", "etag", "eTag", "lastModifiedDateTime", "@removed", "deleted", "members@delta")
_KEPT_OF_ERASED = ("@odata.type", "@odata.id", *_OPEN)
Origin = ChangeNotification.Origin
State = ChangeNotification.State


def store(
    subscription: Subscription, changes: Sequence[FoundChange], *, period: Period, now: datetime
) -> Counter[str]:
    """Write what the webhook did not tell, inside the caller's transaction; count `changes` and `duplicates`."""
    found = {_key(subscription, change, period=period): change for change in changes}
    known = set(
        ChangeNotification.objects.filter(duplicate_key__in=list(found)).values_list(
            "duplicate_key", flat=True
        )
    )
    told = _told(subscription, found.values(), period=period)
    new = {}
    for key, change in found.items():
        of_item = told[change.item_id]
        if key not in known and not any(_is_same(row, change, period=period) for row in of_item):
            new[key] = _with_history(change, of_item, wanted=subscription.change_type)
    rows = [_row(subscription, change, key=key, now=now) for key, change in new.items()]
    stored = ChangeNotification.objects.bulk_create(rows)
    alive = [
        (row, change) for row, change in zip(stored, new.values(), strict=True) if not change.is_deletion
    ]
    if subscription.include_resource_data:
        NotificationContent.objects.bulk_create(
            NotificationContent(
                notification=row,
                data=storable(dict(change.document)),
                source=NotificationContent.Source.DELTA,
                opened_at=now,
            )
            for row, change in alive
        )
    elif subscription.fetch_content:
        ContentFetch.objects.bulk_create(
            ContentFetch(
                notification=row, requested_at=now, requested_by="the subscription", next_attempt_at=now
            )
            for row, _ in alive
        )
    counting.note(came=stored)
    announcing.announce(row.pk for row in stored)
    return Counter(changes=len(new), duplicates=len(changes) - len(new))


def open_part(*documents: Mapping[str, Any]) -> dict[str, Any]:
    """Return what may stay of an item whose content is erased: enough to know the change again."""
    return {
        name: document[name]
        for document in reversed(documents)
        for name in _KEPT_OF_ERASED
        if name in document
    }


def keys_of_known(
    items: Mapping[str, tuple[NewNotification, Mapping[str, Any]]], *, since: datetime
) -> dict[str, str]:
    """Return, for what the webhook brings now and a delta query has told since then, the key of that row.

    `items` are rows to be, each with its opened content, by their own keys; so is the result.
    """
    marks = {key: _mark(row.change_type, row.resource_data, content) for key, (row, content) in items.items()}
    asked = {key: items[key][0] for key, mark in marks.items() if mark}
    if not asked:
        return {}
    # By the index on these rows alone; how old they are is looked at here, or the database takes the way over time.
    rows = ChangeNotification.objects.filter(
        origin=Origin.DELTA,
        subscription__in={row.subscription_id for row in asked.values()},
        resource_id__in={row.resource_id for row in asked.values()},
    ).order_by()
    told = {
        (row.subscription_id, row.resource_id, _mark(row.change_type, row.resource_data)): row.duplicate_key
        for row in rows
        if row.duplicate_key and row.received_at >= since
    }
    places = {key: (row.subscription_id, row.resource_id, marks[key]) for key, row in asked.items()}
    return {key: told[place] for key, place in places.items() if place in told}


def _mark(change_type: str, *documents: Mapping[str, Any]) -> str:
    """Return what is the same for one version wherever it is told: the etag, or where there is none, the time."""
    etag, modified_at = _version(*documents)
    return "deleted" if change_type == "deleted" else etag or (modified_at.isoformat() if modified_at else "")


def _version(*documents: Mapping[str, Any]) -> tuple[str, datetime | None]:
    """Return etag and time of the change, each from the first document that tells it."""
    moments = (deltas.moment(document.get("lastModifiedDateTime")) for document in documents)
    return next(filter(None, map(_etag, documents)), ""), next(filter(None, moments), None)


def _told(
    subscription: Subscription, changes: Iterable[FoundChange], *, period: Period
) -> Mapping[str, list[ChangeNotification]]:
    """Return what the webhook has told of these items in the period, by item."""
    rows = ChangeNotification.objects.filter(
        subscription=subscription,
        origin=Origin.WEBHOOK,
        state=State.ACCEPTED,
        resource_id__in={change.item_id for change in changes},
        received_at__gte=period.since - deltas.SKEW,
    )
    if subscription.include_resource_data:
        rows = rows.select_related("content")
    by_item: dict[str, list[ChangeNotification]] = defaultdict(list)
    for row in rows.order_by():
        by_item[row.resource_id].append(row)
    return by_item


def _is_same(row: ChangeNotification, change: FoundChange, *, period: Period) -> bool:
    """Say whether the webhook has told this change."""
    if change.is_deletion or row.change_type == "deleted":
        return change.is_deletion and row.change_type == "deleted"
    if change.member:
        return change.member in _members(row) and row.received_at >= period.known_from
    content = row.content.data if _came_with_content(row) else {}
    etag, modified_at = _version(row.resource_data, content)
    if etag and change.etag:
        return etag == change.etag
    if change.modified_at and modified_at:
        return modified_at >= change.modified_at
    if change.modified_at:
        return row.received_at >= change.modified_at - deltas.SKEW
    return row.received_at >= period.known_from


def _came_with_content(row: ChangeNotification) -> bool:
    return hasattr(row, "content") and row.content.source == NotificationContent.Source.NOTIFICATION


def _members(row: ChangeNotification) -> set[str]:
    members = row.resource_data.get("members@delta")
    return {
        deltas.member_mark(one)
        for one in (members if isinstance(members, list) else ())
        if isinstance(one, dict)
    }


def _with_history(change: FoundChange, told: Iterable[ChangeNotification], *, wanted: str) -> FoundChange:
    """Call an update what looks like a creation, where the creation was told already."""
    is_told = change.change_type == "created" and any(row.change_type == "created" for row in told)
    if is_told and "updated" in wanted.split(","):
        return change.as_update()
    return change


def _row(subscription: Subscription, change: FoundChange, *, key: str, now: datetime) -> ChangeNotification:
    document = {name: change.document[name] for name in _OPEN if name in change.document}
    return ChangeNotification(
        subscription=subscription,
        subscription_graph_id=subscription.graph_id or "",
        change_type=change.change_type,
        resource=change.resource,
        resource_type=change.resource_type,
        resource_id=change.item_id,
        workload=workload_of(change.resource_type, change.resource),
        resource_data=storable(document),
        tenant_id=subscription.app_registration.tenant_id,
        origin=Origin.DELTA,
        state=State.ACCEPTED,
        proof=[PROOF],
        times_delivered=0,
        duplicate_key=key,
        received_at=now,
        last_received_at=now,
        processed_at=now,
    )


def _key(subscription: Subscription, change: FoundChange, *, period: Period) -> str:
    """Return the key under which Graph's replaying an item is known.

    A version is one for ever. Without one, the same words in the same period are the same change.
    """
    version = change.etag or (change.modified_at.isoformat() if change.modified_at else "")
    if not version or change.is_deletion or change.member:
        words = json.dumps(change.document, sort_keys=True, default=str)
        version = f"{period.key}\n{words}"
    parts = ("delta", str(subscription.pk), change.item_id, str(change.is_deletion), version)
    return digest("\n".join(parts).encode("utf-8", "surrogatepass"))


def _etag(document: Mapping[str, Any]) -> str:
    """Return the version that an item tells, empty where it tells none."""
    etags = (document.get(name) for name in ("@odata.etag", "etag", "eTag"))
    return next((etag for etag in etags if isinstance(etag, str) and etag), "")
