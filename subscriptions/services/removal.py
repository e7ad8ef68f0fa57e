"""Remove: end the subscription at Graph; the definition and its history stay."""

import logging
from datetime import datetime

from django.db import transaction

from subscriptions.graph.errors import GraphError
from subscriptions.models import Gap, Operation, Subscription
from subscriptions.services import creation, gaps, outcomes
from subscriptions.services.claims import claim, settle
from subscriptions.services.clients import client_of, version_of
from subscriptions.services.errors import BusyError
from subscriptions.services.operations import CallLog

logger = logging.getLogger(__name__)


def remove(subscription: Subscription, *, now: datetime, actor: str) -> Subscription:
    """Delete the subscription at Graph; one that Graph no longer has counts as deleted.

    Raises:
        BusyError: another worker has it, or it is removed already.
        GraphError: Graph refused or did not answer; the row says why and stays as it was.

    """
    removable = [status for status in Subscription.Status.values if status != Subscription.Status.REMOVED]
    token = claim(subscription.pk, now=now, statuses=removable)
    if not token:
        raise BusyError
    subscription.refresh_from_db()
    log = CallLog(
        Operation.Action.REMOVE,
        actor=actor,
        app_registration=subscription.app_registration,
        subscription=subscription,
    )
    try:
        client = client_of(subscription, on_call=log)
        if graph_id := subscription.graph_id or creation.unanswered_id(client, subscription):
            client.delete_subscription(graph_id, version=version_of(subscription))
    except GraphError as error:
        facts = outcomes.explained(error, now=now)
        if subscription.error_code == creation.OUTCOME_UNKNOWN:
            # The next try has to look at Graph again.
            facts["error_code"] = creation.OUTCOME_UNKNOWN
        settle(subscription, token, **facts)
        raise
    with transaction.atomic():
        if subscription.is_at_graph:
            gaps.begin(subscription, cause=Gap.Cause.PAUSED, began_at=now)
        settle(
            subscription,
            token,
            status=Subscription.Status.REMOVED,
            renew_at=None,
            missed_at=None,
            **outcomes.no_error(),
        )
    logger.info("subscription removed id=%s", subscription.pk)
    return subscription
