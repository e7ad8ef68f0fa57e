"""Fetch: read at Graph what a notification told of without its content, as the resource is by then.

Wishes to fetch are rows of their own, so that they outlive a process and each is in one worker's hands at a time.
"""

import logging
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from notifications.models import ChangeNotification, ContentFetch
from notifications.services.fetching import outcomes
from notifications.services.fetching.item_paths import NotFetchableError, item_path
from subscriptions.graph.errors import GraphError, ThrottledError
from subscriptions.graph.reading import Reading
from subscriptions.models import Operation, Subscription
from subscriptions.services.access.clients import client_of, version_of
from subscriptions.services.errors import BusyError
from subscriptions.services.operations import CallLog
from subscriptions.services.outcomes import told

logger = logging.getLogger(__name__)

State = ContentFetch.State
# As many as Graph takes in one $batch. Source: json-batching.md (2021).
BATCH_SIZE = 20
# The inbox comes first: a worker looks at it again after so many.
MOST_IN_A_RUN = 200
MOST_AT_ONCE = 10_000
CHUNK_SIZE = 500
# Longer than ten batches that run into their time-outs.
CLAIM_LASTS = timedelta(minutes=10)


@dataclass(kw_only=True)
class Summary:
    """What a run did; `errors` holds one text for each owner whose calls failed."""

    fetched: int = 0
    not_fetched: int = 0
    postponed: int = 0
    errors: list[str] = field(default_factory=list)


def fetchable(rows: QuerySet[ChangeNotification]) -> QuerySet[ChangeNotification]:
    """Keep the genuine changes that came without content and whose item may still be there."""
    return (
        rows.filter(state=ChangeNotification.State.ACCEPTED, subscription__isnull=False, lifecycle_event="")
        .exclude(change_type="deleted")
        .filter(content__isnull=True, erasure__isnull=True)
        .exclude(fetch__state=State.WANTED)
    )


def path_of(notification: ChangeNotification) -> str:
    """Return at which path of Graph the item of a notification is read.

    Raises:
        NotFetchableError: there is nothing to be read; the text says why.

    """
    if notification.subscription is None:
        raise NotFetchableError("Its subscription is no longer kept here.")
    if notification.change_type == "deleted":
        raise NotFetchableError("The item was deleted: there is nothing left to read.")
    return item_path(notification, notification.subscription)


def want(rows: QuerySet[ChangeNotification], *, now: datetime, actor: str) -> int:
    """Have the workers fetch what can be fetched of some notifications, and return how many; at most 10,000."""
    keys = list(fetchable(rows).order_by("-pk").values_list("pk", flat=True)[:MOST_AT_ONCE])
    for start in range(0, len(keys), CHUNK_SIZE):
        want_these(keys[start : start + CHUNK_SIZE], now=now, actor=actor)
    return len(keys)


def want_these(keys: Sequence[int], *, now: datetime, actor: str) -> None:
    """Have the workers fetch for these notifications; what is wanted already stays as it is."""
    wish = {"requested_at": now, "requested_by": actor, "next_attempt_at": now}
    with transaction.atomic():
        again = ContentFetch.objects.filter(pk__in=keys).exclude(state=State.WANTED)
        again.update(state=State.WANTED, attempts=0, finished_at=None, outcome="", request_id="", **wish)
        ContentFetch.objects.bulk_create(
            [ContentFetch(notification_id=key, **wish) for key in keys], ignore_conflicts=True
        )


def fetch_now(notification: ChangeNotification, *, clock: Callable[[], datetime], actor: str) -> ContentFetch:
    """Fetch for one notification and return what became of it.

    Raises:
        BusyError: a worker has it in hand.

    """
    now = clock()
    want_these([notification.pk], now=now, actor=actor)
    ContentFetch.objects.filter(pk=notification.pk, state=State.WANTED).update(next_attempt_at=now)
    claimed = _claim(Q(pk=notification.pk), now=now, limit=1)
    if not claimed:
        raise BusyError
    _fetch_group(claimed, clock=clock, summary=Summary())
    return ContentFetch.objects.get(pk=notification.pk)


def fetch_wanted(*, clock: Callable[[], datetime], limit: int = MOST_IN_A_RUN) -> Summary:
    """Fetch what is wanted and due, and return what was done; one owner's trouble never stops the others."""
    summary = Summary()
    groups: dict[tuple[object, ...], list[ContentFetch]] = defaultdict(list)
    for wish in _claim(Q(), now=clock(), limit=limit):
        groups[_owner(wish.notification.subscription)].append(wish)
    for group in groups.values():
        try:
            _fetch_group(group, clock=clock, summary=summary)
        except Exception as error:
            logger.exception("fetching broke off")
            summary.errors.append(f"Fetching broke off: {type(error).__name__}. See the log.")
            outcomes.broke_off(group, error, now=clock())
    return summary


def _claim(which: Q, *, now: datetime, limit: int) -> list[ContentFetch]:
    """Take what is due for this worker; no other worker gets the same while the claim lasts."""
    token = secrets.token_hex(16)
    due = ContentFetch.objects.due(now).filter(which).order_by("next_attempt_at", "pk")
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True)
        keys = list(due.values_list("pk", flat=True)[:limit])
        ContentFetch.objects.due(now).filter(pk__in=keys).update(
            claim=token, claimed_until=now + CLAIM_LASTS, attempts=F("attempts") + 1
        )
    mine = ContentFetch.objects.filter(pk__in=keys, claim=token).select_related(
        "notification__subscription__app_registration",
        "notification__subscription__delegated_account__app_registration",
    )
    return list(mine.order_by("pk"))


def _owner(subscription: Subscription | None) -> tuple[object, ...]:
    """Return what the items of one $batch have in common: who asks, which version, and how ids are to be spelled."""
    if subscription is None:
        return ()
    who = subscription.app_registration_id, subscription.delegated_account_id
    return *who, subscription.api_version, subscription.use_immutable_ids


def _fetch_group(wishes: Iterable[ContentFetch], *, clock: Callable[[], datetime], summary: Summary) -> None:
    """Fetch what one owner asks for; an item that several notifications name is read once."""
    by_path: dict[str, list[ContentFetch]] = defaultdict(list)
    for wish in wishes:
        try:
            by_path[path_of(wish.notification)].append(wish)
        except NotFetchableError as error:
            outcomes.impossible(wish, str(error), now=clock())
            summary.not_fetched += 1
    paths = list(by_path)
    while paths:
        chunk, paths = paths[:BATCH_SIZE], paths[BATCH_SIZE:]
        readings = _read([by_path[path][0] for path in chunk], chunk)
        for reading in readings:
            for wish in by_path[reading.path]:
                _count(outcomes.conclude(wish, reading, now=clock()), summary)
        if trouble := _general_trouble(readings):
            summary.errors.append(f"Content not fetched: {told(trouble)}")
            # The rest would be refused in the same way.
            for wish in (wish for path in paths for wish in by_path[path]):
                _count(outcomes.postpone(wish, trouble, now=clock()), summary)
            return


def _read(wishes: Sequence[ContentFetch], paths: Sequence[str]) -> list[Reading]:
    subscription = wishes[0].notification.subscription
    if subscription is None:
        return []
    log = CallLog(
        Operation.Action.FETCH,
        actor=wishes[0].requested_by,
        app_registration=subscription.app_registration,
        subscription=subscription if len(wishes) == 1 else None,
    )
    prefer = ('IdType="ImmutableId"',) if subscription.use_immutable_ids else ()
    try:
        client = client_of(subscription, on_call=log)
        return client.read_items(paths, version=version_of(subscription), prefer=prefer)
    except GraphError as error:
        return [Reading(path=path, error=error) for path in paths]


def _general_trouble(readings: Sequence[Reading]) -> GraphError | None:
    """Return what stands in the way of every call: throttling, or an error that all of them met."""
    errors = [reading.error for reading in readings if reading.error]
    if throttled := [error for error in errors if isinstance(error, ThrottledError)]:
        return max(throttled, key=lambda error: error.retry_after or timedelta())
    is_envelope = len(errors) == len(readings) > 1 and all(error is errors[0] for error in errors)
    return errors[0] if is_envelope else None


def _count(state: State, summary: Summary) -> None:
    if state == State.DONE:
        summary.fetched += 1
    elif state == State.WANTED:
        summary.postponed += 1
    else:
        summary.not_fetched += 1
