"""Replay: put back what was given up or is waiting, to be tried now."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from notifications.models import ChangeNotification, Delivery
from notifications.services import engine
from notifications.services.rows import counting

logger = logging.getLogger(__name__)

CHUNK_SIZE = 500
_UNSETTLED = (ChangeNotification.State.WAITING, ChangeNotification.State.DEAD)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How many deliveries were put back, and how many were passed over because a worker has them in hand."""

    replayed: int = 0
    in_hand: int = 0


def replayable(deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Keep those that wait or were given up, as a whole or in one of their items, and whose body is not erased."""
    given_up = ChangeNotification.objects.filter(
        state=ChangeNotification.State.DEAD, delivery__isnull=False
    ).order_by()
    return deliveries.filter(erased_at__isnull=True).filter(
        Q(state__in=(Delivery.State.WAITING, Delivery.State.DEAD)) | Q(pk__in=given_up.values("delivery"))
    )


def deliveries_of(notifications: QuerySet[ChangeNotification]) -> QuerySet[Delivery]:
    """Return the deliveries in which those of `notifications` came that wait or were given up."""
    unsettled = notifications.filter(state__in=_UNSETTLED, delivery__isnull=False).order_by()
    return Delivery.objects.filter(pk__in=unsettled.values("delivery"))


def replay(deliveries: QuerySet[Delivery], *, now: datetime, actor: str) -> Outcome:
    """Put back all of `deliveries` that can be replayed; what a worker has in hand at this moment is left to it.

    One that was given up for its age gets one more try. What is settled already is not judged again.
    """
    replayed = in_hand = 0
    for keys in _chunks(replayable(deliveries)):
        put_back = _put_back(keys, now=now)
        replayed += put_back
        in_hand += len(keys) - put_back
    logger.info("replayed deliveries=%s in_hand=%s actor=%s", replayed, in_hand, actor)
    engine.nudge()
    return Outcome(replayed=replayed, in_hand=in_hand)


def _chunks(deliveries: QuerySet[Delivery]) -> Iterator[list[int]]:
    """Yield keys in the order of arrival; what is put back meanwhile is not met again."""
    last = 0
    while keys := list(
        deliveries.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK_SIZE]
    ):
        yield keys
        last = keys[-1]


def _put_back(keys: list[int], *, now: datetime) -> int:
    with transaction.atomic():
        # Locked before the items are touched: a worker that is half way would leave items behind that nobody takes up.
        rows = (
            Delivery.objects.select_for_update()
            .filter(pk__in=keys, erased_at=None)
            .unleased(now)
            .order_by("pk")
        )
        free = list(rows.values_list("pk", flat=True))
        held = Delivery.objects.filter(pk__in=free)
        # One that never was judged has no items yet.
        held.filter(state=Delivery.State.DEAD, processed_at__isnull=True).update(state=Delivery.State.QUEUED)
        held.exclude(state=Delivery.State.QUEUED).update(state=Delivery.State.WAITING)
        given_up = ChangeNotification.objects.filter(
            delivery__in=free, state=ChangeNotification.State.DEAD
        ).only(*counting.COLUMNS)
        dead = list(given_up.order_by("pk").select_for_update())
        counting.note(gone=dead)
        for row in dead:
            row.state = ChangeNotification.State.WAITING
        ChangeNotification.objects.bulk_update(dead, ["state"])
        counting.note(came=dead)
        held.update(next_attempt_at=now, attempts=0, error="", lease="", leased_until=None)
    return len(free)
