"""Remove: end the subscription at Graph for good; the definition and its history stay."""

import logging
from datetime import datetime

from django.db import transaction

from subscriptions.graph.errors import GraphError
from subscriptions.models import Gap, Operation, Subscription
from subscriptions.services import creation, gaps, outcomes
from subscriptions.services.access.clients import client_of, version_of
from subscriptions.services.claims import claim, settle
from subscriptions.services.errors import BusyError
from subscriptions.services.gaps import recovery
from subscriptions.services.operations import CallLog

logger = logging.getLogger(__name__)


def remove(subscription: Subscription, *, now: datetime, actor: str) -> Subscription:
    """Delete the subscription at Graph; one that Graph no longer has counts as deleted.

    Where Graph cannot be asked for good, as without a working credential, one that has lapsed counts as deleted too.

    Raises:
        BusyError: another worker has it, or it is removed already.
        GraphError: Graph refused or did not answer; the row says why and stays as it was.

    """
    removable = [status for status in Subscription.Status.values if status != Subscription.Status.REMOVED]
    token = claim(subscription.pk, now=now, statuses=removable)
    if not token:
        raise BusyError
    subscription.refresh_from_db()
    end_at_graph(subscription, token, action=Operation.Action.REMOVE, now=now, actor=actor)
    with transaction.atomic():
        if subscription.is_at_graph:
            gaps.begin(subscription, cause=Gap.Cause.PAUSED, began_at=now)
        settle(
            subscription,
            token,
            status=Subscription.Status.REMOVED,
            # Whoever creates it again wants it.
            is_enabled=True,
            renew_at=None,
            missed_at=None,
            **outcomes.no_error(),
        )
        recovery.forget(subscription)
        gaps.stop_awaiting(subscription, note=gaps.RETIRED)
    logger.info("subscription removed id=%s", subscription.pk)
    return subscription


def end_at_graph(
    subscription: Subscription, token: str, *, action: Operation.Action, now: datetime, actor: str
) -> None:
    """Delete a claimed subscription at Graph; the caller settles the row.

    That nobody wants it at Graph is written first: if this process dies before the row is settled, no renewal run
    creates it again, and the next comparison with Graph finishes the work.

    Raises:
        GraphError: Graph refused or did not answer; the row is settled as it was and says why.

    """
    held = Subscription.objects.filter(pk=subscription.pk, claim=token)
    held.update(is_enabled=False)
    log = CallLog(
        action, actor=actor, app_registration=subscription.app_registration, subscription=subscription
    )
    try:
        client = client_of(subscription, on_call=log)
        if graph_id := subscription.graph_id or creation.unanswered_id(client, subscription):
            client.delete_subscription(graph_id, version=version_of(subscription))
    except GraphError as error:
        if _has_lapsed(subscription, now=now) and not error.is_transient:
            return
        facts = outcomes.explained(error, now=now)
        if subscription.error_code == creation.OUTCOME_UNKNOWN:
            # The next try has to look at Graph again.
            facts["error_code"] = creation.OUTCOME_UNKNOWN
        settle(subscription, token, is_enabled=subscription.is_enabled, **facts)
        raise


def _has_lapsed(subscription: Subscription, *, now: datetime) -> bool:
    return subscription.expires_at is not None and subscription.expires_at <= now
