"""Reauthorize: tell Graph that the subscription may go on, without a new expiry."""

import logging
from datetime import datetime, timedelta

from subscriptions.graph.errors import GraphError, SubscriptionGoneError
from subscriptions.models import Operation, Subscription
from subscriptions.services import outcomes, recreation, renewal
from subscriptions.services.access.clients import client_of, version_of
from subscriptions.services.claims import claim, settle
from subscriptions.services.errors import BusyError
from subscriptions.services.operations import CallLog

logger = logging.getLogger(__name__)

# A PATCH reauthorizes as well, and the two must not follow each other closely.
# Source: change-notifications-lifecycle-events.md (2026-03-24).
APART = timedelta(minutes=10)


def reauthorize(subscription: Subscription, *, now: datetime, actor: str) -> str:
    """Reauthorize at Graph and return, in words, what was done.

    A renewal does both: it is sent instead when one is due within ten minutes, and nothing is sent when either
    happened in the last ten minutes. Where Graph no longer has the subscription, it is created again.

    Raises:
        BusyError: another worker has it, or it is not at Graph.
        GraphError: Graph refused; the row says why.

    """
    if at := _recently(subscription, now=now):
        return _nothing_to_do(at)
    if subscription.auto_renew and subscription.renew_at and subscription.renew_at <= now + APART:
        return (
            f"{renewal.renew(subscription, now=now, actor=actor).capitalize()}, which reauthorizes as well."
        )
    token = claim(subscription.pk, now=now, statuses=(Subscription.Status.ACTIVE,))
    if not token:
        raise BusyError
    subscription.refresh_from_db()
    if at := _recently(subscription, now=now):
        settle(subscription, token)
        return _nothing_to_do(at)
    log = CallLog(
        Operation.Action.REAUTHORIZE,
        actor=actor,
        app_registration=subscription.app_registration,
        subscription=subscription,
    )
    try:
        client_of(subscription, on_call=log).reauthorize_subscription(
            subscription.graph_id or "", version=version_of(subscription)
        )
    except SubscriptionGoneError:
        recreation.replace(subscription, token, now=now, actor=actor)
        return "Graph no longer had it: created again."
    except GraphError as error:
        settle(subscription, token, **outcomes.explained(error, now=now))
        raise
    settle(subscription, token, reauthorized_at=now, seen_at=now, **outcomes.no_error())
    return "Reauthorized."


def _nothing_to_do(at: datetime) -> str:
    return f"Nothing to do: renewed or reauthorized at {at:%H:%M:%S} UTC."


def _recently(subscription: Subscription, *, now: datetime) -> datetime | None:
    times = [at for at in (subscription.renewed_at, subscription.reauthorized_at) if at and at > now - APART]
    return max(times, default=None)
