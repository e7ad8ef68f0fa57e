"""Erasure: take the content of notifications away for good, and leave that and when something happened."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from notifications.models import (
    ChangeNotification,
    ContentErasure,
    ContentFetch,
    Delivery,
    NotificationContent,
)
from notifications.services.holds import held
from notifications.services.recovering import recovered

logger = logging.getLogger(__name__)

CHUNK_SIZE = 200
_SETTLED = (Delivery.State.DONE, Delivery.State.DEAD)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How many notifications lost their content, how many deliveries their body, and what legal holds kept."""

    erased: int = 0
    deliveries: int = 0
    held: int = 0
    held_by: dict[str, int] = field(default_factory=dict)


def erasable(rows: QuerySet[ChangeNotification]) -> QuerySet[ChangeNotification]:
    """Keep those of `settled` that no legal hold keeps, nor the body that they came in."""
    return settled(rows).exclude(held.entangled())


def kept_by_holds(rows: QuerySet[ChangeNotification]) -> dict[str, int]:
    """Return how many of `rows` each legal hold keeps from being erased, by its name; counted up to 100,000."""
    return held.in_the_way(settled(rows))


def settled(rows: QuerySet[ChangeNotification]) -> QuerySet[ChangeNotification]:
    """Keep the changes whose content is not erased yet and whose delivery nobody has to read again."""
    unsettled = Delivery.objects.filter(pk=OuterRef("delivery")).exclude(state__in=_SETTLED)
    return rows.filter(~Exists(unsettled), erasure__isnull=True, lifecycle_event="").exclude(
        state=ChangeNotification.State.WAITING
    )


def erase(rows: QuerySet[ChangeNotification], *, selection: str, actor: str, now: datetime) -> Outcome:
    """Erase the content of all of `rows` that can be erased, and write it down under `selection`.

    What a legal hold covers stays, with all that came in one body with it. What Graph told openly of the version stays,
    so that no delta query takes it for a change that is not known yet.
    """
    record = ContentErasure.objects.create(at=now, actor=actor[:200], selection=selection)
    for keys in _chunks(erasable(rows)):
        with transaction.atomic():
            _erase_these(keys, record)
    record.refresh_from_db()
    left = settled(rows).filter(held.entangled()).count()
    if record.notifications_count or left:
        ContentErasure.objects.filter(pk=record.pk).update(held_count=left)
    else:
        record.delete()
    logger.info(
        "erased content notifications=%s deliveries=%s held=%s",
        record.notifications_count,
        record.deliveries_count,
        left,
    )
    return Outcome(
        erased=record.notifications_count,
        deliveries=record.deliveries_count,
        held=left,
        held_by=kept_by_holds(rows) if left else {},
    )


def _chunks(rows: QuerySet[ChangeNotification]) -> Iterator[list[int]]:
    last = 0
    while keys := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK_SIZE]):
        yield keys
        last = keys[-1]


def _erase_these(keys: list[int], record: ContentErasure) -> None:
    """Erase inside the caller's transaction; who put a delivery back meanwhile keeps it, with all that is in it."""
    held.freeze()
    # A hold may have come since these were found.
    named = ChangeNotification.objects.filter(pk__in=keys).exclude(held.entangled())
    # In the order of a replay: the deliveries first.
    of_these = Delivery.objects.filter(pk__in=list(named.order_by().values_list("delivery", flat=True)))
    free_ones = of_these.filter(state__in=_SETTLED).defer("body").order_by("pk").select_for_update()
    deliveries = [delivery.pk for delivery in free_ones]
    in_hand = list(of_these.exclude(pk__in=deliveries).values_list("pk", flat=True))
    # The order of who keeps what was fetched: the wish first, then its notification.
    list(ContentFetch.objects.filter(pk__in=keys).order_by("pk").select_for_update())
    free = named.exclude(delivery__in=in_hand)
    locked = free.filter(erasure__isnull=True).exclude(state=ChangeNotification.State.WAITING)
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
