"""What came of a fetch: the content is kept, or the reason why there is none, and when to try again."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from notifications.envelope import storable
from notifications.errors import NotificationRejectedError
from notifications.models import ContentFetch, NotificationContent
from notifications.services.holds import held
from notifications.services.rows import feed
from subscriptions.graph.errors import AccessDeniedError, GraphError, ResourceNotFoundError
from subscriptions.graph.reading import Reading
from subscriptions.services.outcomes import told

State = ContentFetch.State
Source = NotificationContent.Source
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=1)
GONE = "Graph no longer has it: it was deleted or moved after the change."
ITS_OWN = "It has content already, from the time of the change: that is never written over."
HELD = "What was fetched before is under a legal hold: it is not written over."
TOO_DEEP = "What Graph answered is nested too deeply to be kept."
FINAL: Mapping[type[GraphError], State] = {
    ResourceNotFoundError: State.GONE,
    AccessDeniedError: State.FORBIDDEN,
}


def conclude(wish: ContentFetch, reading: Reading, *, now: datetime) -> State:
    """Write what Graph answered for one wish and return its new state; `now` is when the answer was there."""
    if reading.document is not None:
        return _keep(wish, reading.document, now=now)
    error = reading.error or GraphError("Graph gave no answer for this item.")
    final = next((state for kind, state in FINAL.items() if isinstance(error, kind)), None)
    if final is None:
        return postpone(wish, error, now=now)
    text = GONE if final == State.GONE else told(error)
    return _finish(wish, final, text, now=now, request_id=error.request_id)


def impossible(wish: ContentFetch, reason: str, *, now: datetime) -> State:
    """Write that there is nothing that could be asked for."""
    return _finish(wish, State.IMPOSSIBLE, reason, now=now)


def postpone(wish: ContentFetch, error: GraphError, *, now: datetime) -> State:
    """Put a wish back: as Graph asks, else after a wait that doubles up to an hour; given up after a day."""
    if now - wish.requested_at > GIVE_UP_AFTER:
        text = f"Given up after a day. {told(error)}"
        return _finish(wish, State.FAILED, text, now=now, request_id=error.request_id)
    wait = max(error.retry_after or timedelta(), _wait_after(wish.attempts))
    _settle(wish, next_attempt_at=now + wait, outcome=told(error), request_id=error.request_id)
    return State.WANTED


def broke_off(wishes: Iterable[ContentFetch], error: Exception, *, now: datetime) -> None:
    """Put back what a fault of ours left in hand."""
    for wish in wishes:
        text = f"Broke off: {type(error).__name__}; the worker's log says where."
        _settle(wish, next_attempt_at=now + LONGEST_WAIT, outcome=text)


def _keep(wish: ContentFetch, unverified_document: Mapping[str, Any], *, now: datetime) -> State:
    try:
        data = storable(dict(unverified_document))
    except NotificationRejectedError:
        return impossible(wish, TOO_DEEP, now=now)
    if NotificationContent.objects.filter(pk=wish.pk).exclude(source=Source.FETCHED).exists():
        return impossible(wish, ITS_OWN, now=now)
    with transaction.atomic():
        held.freeze()
        if NotificationContent.objects.filter(pk=wish.pk).exists() and held.holds_on(wish.pk):
            return impossible(wish, HELD, now=now)
        if _settle(wish, state=State.DONE, finished_at=now, outcome="Fetched.", request_id=""):
            NotificationContent.objects.update_or_create(
                notification_id=wish.pk, defaults={"data": data, "source": Source.FETCHED, "opened_at": now}
            )
            feed.tell_again(wish.pk)
    return State.DONE


def _finish(wish: ContentFetch, state: State, outcome: str, *, now: datetime, request_id: str = "") -> State:
    _settle(wish, state=state, finished_at=now, outcome=outcome, request_id=request_id)
    return state


def _settle(wish: ContentFetch, **facts: Any) -> bool:
    """Write the facts and give the claim back; say whether it was still ours."""
    held = ContentFetch.objects.filter(pk=wish.pk, claim=wish.claim)
    return bool(held.update(claim="", claimed_until=None, **facts))


def _wait_after(attempts: int) -> timedelta:
    doublings = min(max(attempts - 1, 0), 10)
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << doublings))
