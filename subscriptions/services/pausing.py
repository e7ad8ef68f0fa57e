"""Pause and resume: a subscription that is not wanted for a while is ended at Graph and keeps its definition.

A paused one is not enabled. Once Graph no longer has it, it is also gone; `is_enabled` alone says that this is wanted.
"""

import logging
from datetime import datetime

from django.db import transaction

from subscriptions.models import Gap, Operation, Subscription
from subscriptions.services import creation, gaps, outcomes, recreation, removal, renewal
from subscriptions.services.claims import claim, settle
from subscriptions.services.errors import BusyError

logger = logging.getLogger(__name__)

Status = Subscription.Status
# What is failed is left alone in any case.
PAUSABLE = (Status.PENDING, Status.ACTIVE, Status.GONE)


def pause(subscription: Subscription, *, now: datetime, actor: str) -> Subscription:
    """Delete the subscription at Graph until it is resumed.

    Its former id and clientState stay accepted for what is still under way. A pause that a process did not live to
    finish is finished.

    Raises:
        BusyError: another worker has it, or it is paused already.
        GraphError: Graph refused or did not answer; the row says why and stays as it was.

    """
    token = claim(subscription.pk, now=now, statuses=PAUSABLE, is_enabled=True) or claim(
        subscription.pk, now=now, statuses=(Status.ACTIVE,), is_enabled=False
    )
    if not token:
        raise BusyError
    subscription.refresh_from_db()
    removal.end_at_graph(subscription, token, action=Operation.Action.PAUSE, now=now, actor=actor)
    ended_at = min(now, subscription.expires_at) if subscription.expires_at else None
    with transaction.atomic():
        if subscription.is_at_graph:
            _begin_gap(subscription, ended_at=ended_at or now)
        recreation.part_with_identity(subscription, now=now)
        is_settled = settle(
            subscription,
            token,
            status=Status.GONE,
            graph_id=None,
            certificate_at_graph=None,
            expires_at=ended_at,
            renew_at=None,
            **outcomes.no_error(),
        )
        if not is_settled:
            transaction.set_rollback(True)
    if not is_settled:
        raise BusyError
    logger.info("subscription paused id=%s", subscription.pk)
    return subscription


def _begin_gap(subscription: Subscription, *, ended_at: datetime) -> None:
    """Remember since when nothing is told; of a pause that was not finished in one go, only the bounds are known."""
    is_exact = subscription.is_enabled
    began_at = ended_at if is_exact else min(subscription.seen_at or ended_at, ended_at)
    gaps.begin(subscription, cause=Gap.Cause.PAUSED, began_at=began_at, began_by=ended_at)


def resume(subscription: Subscription, *, now: datetime, actor: str) -> Subscription:
    """Create a paused subscription again; since the pause began, changes were missed, and the row is marked so.

    Whatever becomes of the call, the subscription is wanted from now on: the renewal run tries again.

    Raises:
        BusyError: another worker has it, or it is not paused.
        GraphError: Graph refused or did not answer; the row says why.

    """
    token = claim(subscription.pk, now=now, statuses=(*PAUSABLE, Status.FAILED), is_enabled=False)
    if not token:
        raise BusyError
    subscription.refresh_from_db()
    subscription.is_enabled = True
    subscription.renew_at = now
    subscription.save(update_fields=["is_enabled", "renew_at", "updated_at"])
    logger.info("subscription resumed id=%s", subscription.pk)
    if subscription.is_at_graph:
        # The pause was never finished: if Graph still has it, nothing was missed.
        settle(subscription, token)
        renewal.renew(subscription, now=now, actor=actor)
        return subscription
    if subscription.granted_at is None:
        return creation.place(subscription, token, now=now, actor=actor, action=Operation.Action.CREATE)
    subscription.missed_at = subscription.missed_at or subscription.expires_at
    return recreation.replace(subscription, token, now=now, actor=actor)
