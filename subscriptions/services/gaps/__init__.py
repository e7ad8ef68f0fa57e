"""Gaps: remember when a subscription did not listen, or what Graph sent did not reach us, and what became of it.

The moments are those at which the facts were known: what Graph did unasked lies between the last time it confirmed
that it had the subscription and the time at which we found out.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from subscriptions.catalogue import entry_for
from subscriptions.models import DeltaLink, DeltaTracking, Gap, Subscription

logger = logging.getLogger(__name__)

Cause = Gap.Cause
State = Gap.State
# Graph does not say of when the changes are that it could not deliver. It tries for four hours, and learns of some
# changes six hours late: a day is more than both. Source: change-notifications-delivery-webhooks.md (2026-04-22).
MISSED_WITHIN = timedelta(days=1)
RETIRED = "It was retired here: its changes are not followed any more."
NO_DELTA = "Graph has no delta query for this resource: what changed then cannot be asked for."


def is_recoverable(subscription: Subscription) -> bool:
    """Say whether Graph offers a delta query for what the subscription watches."""
    entry = entry_for(subscription.resource)
    return entry is not None and entry.delta_path is not None


def begin(
    subscription: Subscription, *, cause: Cause, began_at: datetime, began_by: datetime | None = None
) -> None:
    """Remember that Graph does not tell of changes any more; one that goes on already is left as it is.

    It began at `began_at`, or between that and `began_by`.
    """
    _open(_gap(subscription, cause=cause, began_at=began_at, began_by=began_by, ended_at=None))


def begin_lost(subscription: Subscription, *, now: datetime) -> None:
    """Remember that Graph is found not to have the subscription any more: it has lapsed, or Graph has removed it."""
    if lapse := _lapse(subscription, now=now):
        _open(lapse)
    else:
        began_at = min(_known_until(subscription, now=now), now)
        begin(subscription, cause=Cause.REMOVED, began_at=began_at, began_by=now)


def unrecorded_lapse(subscription: Subscription, *, now: datetime) -> Gap | None:
    """Return, unsaved, the gap of a row that says active although its time is over at `now`."""
    is_active = subscription.status == Subscription.Status.ACTIVE
    return _lapse(subscription, now=now) if is_active else None


def _lapse(subscription: Subscription, *, now: datetime) -> Gap | None:
    """Return the gap of what has lapsed by `now`.

    Graph may have removed it before: it began between the last time that Graph confirmed it and its expiry.
    """
    expires_at = subscription.expires_at
    if expires_at is None or expires_at > now:
        return None
    began_at = min(_known_until(subscription, now=now), expires_at)
    return _gap(subscription, cause=Cause.LAPSED, began_at=began_at, began_by=expires_at, ended_at=None)


def end(subscription: Subscription, *, at: datetime) -> None:
    """Remember that Graph tells of changes again since `at`."""
    for gap in subscription.gaps.open():
        Gap.objects.open().filter(pk=gap.pk).update(ended_at=max(at, gap.began_at))
        logger.info("gap ended subscription=%s cause=%s", subscription.pk, gap.cause)


def record(
    subscriptions: Iterable[Subscription],
    *,
    cause: Cause,
    began_at: datetime,
    ended_at: datetime,
    began_by: datetime | None = None,
) -> int:
    """Write a time that is over, for each of some subscriptions, and return for how many.

    For one that was at Graph only later, it begins then.
    """
    gaps = []
    for subscription in subscriptions:
        first = min(max(began_at, subscription.first_granted_at or began_at), ended_at)
        latest = max(began_by or began_at, first)
        gaps.append(_gap(subscription, cause=cause, began_at=first, began_by=latest, ended_at=ended_at))
    Gap.objects.bulk_create(gaps, batch_size=500)
    return len(gaps)


def record_missed(subscription: Subscription, *, now: datetime) -> None:
    """Write that Graph says it could not deliver some changes; one gap for all that it says before they are found."""
    awaiting = subscription.gaps.awaiting().filter(cause=Cause.MISSED, ended_at__gte=now - MISSED_WITHIN)
    if awaiting.filter(ended_at__lte=now).update(began_by=now, ended_at=now):
        return
    earliest = max(now - MISSED_WITHIN, _recovered_at(subscription) or now - MISSED_WITHIN)
    began_at = min(earliest, now)
    record([subscription], cause=Cause.MISSED, began_at=began_at, began_by=now, ended_at=now)


def record_reset(subscription: Subscription, *, began_at: datetime, ended_at: datetime, note: str) -> None:
    """Write that Graph had forgotten how far we had got, so that not everything from then on can be fetched."""
    gap = _gap(subscription, cause=Cause.DELTA_RESET, began_at=began_at, began_by=None, ended_at=ended_at)
    gap.state, gap.note = State.UNRECOVERABLE, note
    gap.save(force_insert=True)


def recovered(subscription: Subscription, *, since: datetime, until: datetime, now: datetime) -> int:
    """Mark what ended by `until` as recovered and return how many, since every change since `since` is stored.

    What lies before `since`, when changes were not followed yet, cannot be recovered.
    """
    with transaction.atomic():
        give_up(subscription, until=since, note="Changes were not followed by delta query yet.")
        ended = subscription.gaps.awaiting().filter(ended_at__lte=until)
        return ended.update(state=State.RECOVERED, recovered_at=now)


def give_up(subscription: Subscription, *, until: datetime, note: str) -> int:
    """Mark what awaits recovery before `until` as lost, with the reason in words, and return how many.

    One that goes on after `until` is parted there: the later part can still be recovered.
    """
    with transaction.atomic():
        gaps = list(subscription.gaps.awaiting().select_for_update().filter(began_at__lt=until))
        for gap in gaps:
            later = _later_part(gap, after=until)
            gap.state, gap.note, gap.ended_at = State.UNRECOVERABLE, note, min(gap.ended_at or until, until)
            gap.save(update_fields=["state", "note", "ended_at"])
            if later:
                later.save(force_insert=True)
    return len(gaps)


def stop_awaiting(subscription: Subscription, *, note: str) -> int:
    """Mark all that awaits recovery as lost, what goes on too, since nobody will look; return how many."""
    return subscription.gaps.awaiting().update(state=State.UNRECOVERABLE, note=note)


def _later_part(gap: Gap, *, after: datetime) -> Gap | None:
    """Return what of a gap lies after some moment, as a gap of its own."""
    if gap.ended_at is not None and gap.ended_at <= after:
        return None
    return Gap(
        subscription_id=gap.subscription_id,
        cause=gap.cause,
        state=gap.state,
        began_at=after,
        began_by=max(gap.began_by, after),
        ended_at=gap.ended_at,
    )


def _known_until(subscription: Subscription, *, now: datetime) -> datetime:
    """Return up to when it surely listened: when Graph confirmed it last.

    What a delta query is followed for begins with its first answer at the earliest: of the time before, nothing is lost
    that could still be named, since Graph had the subscription then or the loss of a token has been written down.
    """
    seen_at = subscription.seen_at or subscription.granted_at or now
    followed = list(DeltaLink.objects.filter(subscription=subscription).values_list("covers_from", flat=True))
    return max([seen_at, *(moment for moment in followed if moment)])


def _recovered_at(subscription: Subscription) -> datetime | None:
    rows = DeltaTracking.objects.filter(subscription=subscription)
    return rows.values_list("recovered_at", flat=True).first()


def _open(gap: Gap) -> None:
    try:
        with transaction.atomic():
            gap.save(force_insert=True)
    except IntegrityError:
        # The other one began earlier.
        return
    logger.warning("gap began subscription=%s cause=%s", gap.subscription_id, gap.cause)


def _gap(
    subscription: Subscription,
    *,
    cause: Cause,
    began_at: datetime,
    began_by: datetime | None,
    ended_at: datetime | None,
) -> Gap:
    can_be_fetched = is_recoverable(subscription)
    return Gap(
        subscription=subscription,
        cause=cause,
        state=State.AWAITING if can_be_fetched else State.UNRECOVERABLE,
        began_at=began_at,
        began_by=began_by or began_at,
        ended_at=ended_at,
        note="" if can_be_fetched else NO_DELTA,
    )
