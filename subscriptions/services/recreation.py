"""Recreate: a subscription that Graph no longer has is made again, and its old id stays known for a while."""

import logging
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from subscriptions.graph.errors import GraphError
from subscriptions.models import FormerIdentity, Gap, Operation, Subscription
from subscriptions.services import creation, gaps, outcomes
from subscriptions.services.access.clients import client_of, version_of
from subscriptions.services.claims import claim, settle
from subscriptions.services.errors import BusyError, PausedError, WishExistsError
from subscriptions.services.operations import CallLog

logger = logging.getLogger(__name__)

# Longer than Graph's retries of what it could not deliver (4 hours) and than its slowest latency (6 hours).
# Source: change-notifications-delivery-webhooks.md (2026-04-22), change-notifications-overview.md (2026).
FORMER_ID_ACCEPTED = timedelta(days=2)


def recreate(
    subscription: Subscription,
    *,
    now: datetime,
    actor: str,
    with_new_client_state: bool = False,
    **unchanged: object,
) -> Subscription:
    """Create again, at Graph, a subscription that is gone, failed, removed or wanted anew.

    One that Graph still has is deleted there first, since Graph allows one for a resource and change type. `unchanged`
    are columns as the caller read them: where one differs by now, somebody else has done the work.

    Raises:
        BusyError: another worker has it.
        PausedError: it is paused.
        WishExistsError: it was removed, and another row holds the same wish now.
        GraphError: Graph refused or did not answer; the row says why.

    """
    token = claim(subscription.pk, now=now, statuses=Subscription.Status.values, **unchanged)
    if not token:
        raise BusyError
    subscription.refresh_from_db()
    if subscription.is_paused:
        settle(subscription, token)
        raise PausedError
    try:
        if subscription.is_at_graph:
            # If this process dies after the deletion, the next renewal run finds it due and gone.
            Subscription.objects.filter(pk=subscription.pk, claim=token).update(renew_at=now)
            _delete(subscription, actor=actor)
            if (subscription.expires_at or now) > now:
                gaps.begin(subscription, cause=Gap.Cause.RECREATED, began_at=now)
    except GraphError as error:
        settle(subscription, token, **outcomes.explained(error, now=now))
        raise
    return replace(subscription, token, now=now, actor=actor, with_new_client_state=with_new_client_state)


def replace(
    subscription: Subscription,
    token: str,
    *,
    now: datetime,
    actor: str,
    with_new_client_state: bool = False,
) -> Subscription:
    """Create a claimed subscription again, keeping its former id and clientState known.

    What happened between the end of the old one and the new one was not told to us: the row is marked so. One that
    Graph never had is pending, as at its first try.

    Raises:
        GraphError: Graph refused or did not answer; the row says why.

    """
    part(subscription, token, now=now, with_new_client_state=with_new_client_state)
    return creation.place(subscription, token, now=now, actor=actor, action=Operation.Action.RECREATE)


def part(
    subscription: Subscription, token: str, *, now: datetime, with_new_client_state: bool = False
) -> None:
    """Let a claimed row part with what Graph no longer has: the first half of `replace`, for who takes it singly.

    Raises:
        WishExistsError: it was removed, and another row holds the same wish now; the claim is given back.

    """
    status = subscription.status
    if subscription.first_granted_at:
        subscription.status = Subscription.Status.GONE
        subscription.missed_at = subscription.missed_at or now
    else:
        subscription.status = Subscription.Status.PENDING
    subscription.renew_at = now
    try:
        with transaction.atomic():
            if status == Subscription.Status.ACTIVE:
                gaps.begin_lost(subscription, now=now)
            part_with_identity(subscription, now=now)
            if with_new_client_state:
                subscription.client_state = subscription.new_client_state()
            subscription.save(
                update_fields=[
                    "status",
                    "graph_id",
                    "certificate_at_graph",
                    "client_state",
                    "missed_at",
                    "renew_at",
                    "updated_at",
                ]
            )
    except IntegrityError as error:
        subscription.status = status
        settle(subscription, token)
        raise WishExistsError(_holder_of_wish(subscription)) from error
    logger.info("recreating subscription id=%s", subscription.pk)


def _delete(subscription: Subscription, *, actor: str) -> None:
    log = CallLog(
        Operation.Action.RECREATE,
        actor=actor,
        app_registration=subscription.app_registration,
        subscription=subscription,
    )
    client_of(subscription, on_call=log).delete_subscription(
        subscription.graph_id or "", version=version_of(subscription)
    )


def _holder_of_wish(subscription: Subscription) -> Subscription:
    others = Subscription.objects.filter(wish_key=subscription.wish_key).exclude(
        status=Subscription.Status.REMOVED
    )
    return others.select_related("app_registration").get()


def part_with_identity(subscription: Subscription, *, now: datetime) -> None:
    """Move Graph's id to the former ones, under which late notifications are still accepted."""
    if not subscription.graph_id:
        return
    FormerIdentity.objects.update_or_create(
        graph_id=subscription.graph_id.lower(),
        defaults={
            "subscription": subscription,
            "client_state": subscription.client_state,
            "accepted_until": now + FORMER_ID_ACCEPTED,
        },
    )
    subscription.graph_id = subscription.certificate_at_graph = None
