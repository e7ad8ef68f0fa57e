"""Holding: place and release legal holds."""

import logging
from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from notifications.models import ChangeNotification, LegalHold
from notifications.services.holds import held
from notifications.services.holds.mentions import naming
from subscriptions.services.errors import UseCaseError

logger = logging.getLogger(__name__)

# More are held by a criterion.
MOST_PICKED = 300


def preview(hold: LegalHold, *, picked: Collection[int] = ()) -> QuerySet[ChangeNotification]:
    """Return what a hold that is not placed yet would cover.

    Raises:
        UseCaseError: it names nothing, or nothing that makes sense.

    """
    if picked:
        return ChangeNotification.objects.order_by().filter(pk__in=picked)
    if not in_words(hold):
        raise UseCaseError("Say what to hold: enter at least one criterion.")
    if hold.received_since and hold.received_until and hold.received_since >= hold.received_until:
        raise UseCaseError("The time ends before it begins.")
    if hold.mentioning:
        naming(hold.mentioning)
    return held.covered(hold)


def place(
    hold: LegalHold, *, picked: Collection[int] = (), count: int | None = None, actor: str, now: datetime
) -> LegalHold:
    """Place a hold on what was picked, or else on all that meets its criteria, now and later.

    When it returns, nothing that it covers is being deleted any more. `count` is how many it was said to cover.

    Raises:
        UseCaseError: it names nothing, or some of what was picked is no longer there.

    """
    found = preview(hold, picked=picked)
    hold.is_of_picked = bool(picked)
    hold.placed_at, hold.placed_by = now, actor[:200]
    hold.selection = _picked_in_words(picked) if picked else in_words(hold)
    hold.count_when_placed = len(picked) if picked else count
    with transaction.atomic():
        held.begin()
        if picked and found.count() != len(set(picked)):
            raise UseCaseError(
                "Some of what was picked is no longer kept. Go back to the list and pick again."
            )
        hold.save(force_insert=True)
        hold.picked.set(picked)
    logger.info("legal hold placed id=%s actor=%s", hold.pk, actor)
    return hold


def release(hold: LegalHold, *, reason: str, actor: str, now: datetime) -> None:
    """Release a hold: what no other one covers follows its retention again.

    Raises:
        UseCaseError: no reason is given, or it is released already.

    """
    if not reason.strip():
        raise UseCaseError("Say why the hold is released.")
    # What it named by a key can be deleted from now on; the words stay.
    released = LegalHold.objects.standing().filter(pk=hold.pk)
    facts = {"released_at": now, "released_by": actor[:200], "release_reason": reason.strip()}
    if not released.update(**facts, subscription=None, app_registration=None):
        raise UseCaseError("It is released already.")
    logger.info("legal hold released id=%s actor=%s", hold.pk, actor)


def in_words(hold: LegalHold) -> str:
    """Return the criteria of a hold in words; nothing where there is none."""
    parts = (
        f"subscription {hold.subscription}" if hold.subscription else "",
        f"app registration {hold.app_registration}" if hold.app_registration else "",
        f"tenant {hold.tenant_id}" if hold.tenant_id else "",
        f"all that mentions {hold.mentioning}" if hold.mentioning else "",
        f"received since {_to_the_second(hold.received_since)}" if hold.received_since else "",
        f"received before {_to_the_second(hold.received_until)}" if hold.received_until else "",
    )
    return ", ".join(filter(None, parts))


def _picked_in_words(picked: Collection[int]) -> str:
    return f"notifications {', '.join(map(str, sorted(picked)))}"


def _to_the_second(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} {at:%Z}"
