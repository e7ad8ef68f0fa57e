"""Erasure: take the content of notifications away for good, and leave that and when something happened."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet, TextField
from django.db.models.functions import Cast

from notifications.models import (
    ChangeNotification,
    ContentErasure,
    ContentFetch,
    Delivery,
    NotificationContent,
)
from notifications.services import recovered
from subscriptions.services.errors import UseCaseError

logger = logging.getLogger(__name__)

CHUNK_SIZE = 200
# Less than that is in nearly everything.
SHORTEST_TEXT = 5
LONGEST_TEXT = 500
_SETTLED = (Delivery.State.DONE, Delivery.State.DEAD)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How many notifications lost their content, and how many deliveries their body."""

    erased: int = 0
    deliveries: int = 0


def erasable(rows: QuerySet[ChangeNotification]) -> QuerySet[ChangeNotification]:
    """Keep the changes whose content is not erased yet and whose delivery nobody has to read again."""
    is_free = Q(delivery__isnull=True) | Q(delivery__state__in=_SETTLED)
    return rows.filter(is_free, erasure__isnull=True, lifecycle_event="").exclude(
        state=ChangeNotification.State.WAITING
    )


def mentioning(rows: QuerySet[ChangeNotification], text: str) -> QuerySet[ChangeNotification]:
    """Keep those that name an id or address in their content, resource or resource data, in capitals or not.

    Raises:
        UseCaseError: the text is too short to mean somebody, or too long.

    """
    text = text.strip()
    if not SHORTEST_TEXT <= len(text) <= LONGEST_TEXT or "\0" in text:
        raise UseCaseError(f"Enter an ID or address of {SHORTEST_TEXT} to {LONGEST_TEXT} characters.")
    # As databases spell it inside of JSON.
    spellings = {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    named = Q(resource__icontains=text) | Q(resource_id__icontains=text)
    for spelling in spellings:
        named |= Q(content_text__icontains=spelling) | Q(resource_data_text__icontains=spelling)
    return rows.annotate(
        content_text=Cast("content__data", TextField()), resource_data_text=Cast("resource_data", TextField())
    ).filter(named)


def erase(rows: QuerySet[ChangeNotification], *, selection: str, actor: str, now: datetime) -> Outcome:
    """Erase the content of all of `rows` that can be erased, and write it down under `selection`.

    What Graph told openly of the version stays, so that no delta query takes it for a change that is not known yet.
    """
    record = ContentErasure.objects.create(at=now, actor=actor[:200], selection=selection)
    for keys in _chunks(erasable(rows)):
        with transaction.atomic():
            _erase_these(keys, record)
    record.refresh_from_db()
    if not record.notifications_count:
        record.delete()
    outcome = Outcome(erased=record.notifications_count, deliveries=record.deliveries_count)
    logger.info("erased content notifications=%s deliveries=%s", outcome.erased, outcome.deliveries)
    return outcome


def _chunks(rows: QuerySet[ChangeNotification]) -> Iterator[list[int]]:
    last = 0
    while keys := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK_SIZE]):
        yield keys
        last = keys[-1]


def _erase_these(keys: list[int], record: ContentErasure) -> None:
    """Erase inside the caller's transaction; who put a delivery back meanwhile keeps it, with all that is in it."""
    named = ChangeNotification.objects.filter(pk__in=keys)
    # In the order of a replay: the deliveries first.
    of_these = Delivery.objects.filter(pk__in=list(named.order_by().values_list("delivery", flat=True)))
    settled = of_these.filter(state__in=_SETTLED).defer("body").order_by("pk").select_for_update()
    deliveries = [delivery.pk for delivery in settled]
    free = Q(delivery__isnull=True) | Q(delivery__in=deliveries)
    # The order of who keeps what was fetched: the wish first, then its notification.
    list(ContentFetch.objects.filter(pk__in=keys).order_by("pk").select_for_update())
    locked = named.filter(free, erasure__isnull=True).exclude(state=ChangeNotification.State.WAITING)
    rows = list(locked.order_by("pk").select_for_update(skip_locked=True, of=("self",)))
    contents = NotificationContent.objects.in_bulk([row.pk for row in rows])
    for row in rows:
        content = contents[row.pk].data if row.pk in contents else {}
        row.resource_data = recovered.open_part(row.resource_data, content)
        row.erasure = record
    ChangeNotification.objects.bulk_update(rows, ["resource_data", "erasure"])
    # A worker that is reading one at Graph finds its wish gone, and keeps nothing.
    ContentFetch.objects.filter(pk__in=[row.pk for row in rows]).delete()
    NotificationContent.objects.filter(pk__in=list(contents)).delete()
    emptied = Delivery.objects.filter(
        pk__in={row.delivery_id for row in rows if row.delivery_id}, erased_at__isnull=True
    ).update(body=b"", erased_at=record.at)
    ContentErasure.objects.filter(pk=record.pk).update(
        notifications_count=F("notifications_count") + len(rows),
        deliveries_count=F("deliveries_count") + emptied,
    )
