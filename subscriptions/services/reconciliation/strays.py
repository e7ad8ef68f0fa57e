"""Strays: what is at Graph without anybody here having asked for it, to be removed there on request."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db.models import Q

from subscriptions.graph.client import GraphClient
from subscriptions.graph.documents import RemoteSubscription
from subscriptions.graph.errors import SubscriptionGoneError
from subscriptions.models import Operation, Sighting, Subscription
from subscriptions.services import creation
from subscriptions.services.access.clients import client_for
from subscriptions.services.claims import CLAIM_LASTS
from subscriptions.services.errors import BusyError, UseCaseError
from subscriptions.services.operations import CallLog

logger = logging.getLogger(__name__)


def remove(sighting: Sighting, *, now: datetime, actor: str) -> None:
    """Delete at Graph what nobody here has or waits for.

    Raises:
        UseCaseError: it belongs to a subscription here by now, or somebody else acts on it.
        GraphError: Graph refused or did not answer.

    """
    with taken(sighting, now=now):
        client = _client(sighting, action=Operation.Action.REMOVE, actor=actor)
        try:
            remote = client.get_subscription(sighting.graph_id)
        except SubscriptionGoneError:
            Sighting.objects.filter(pk=sighting.pk).delete()
            return
        _refuse_what_is_ours(remote)
        client.delete_subscription(remote.id)
        Sighting.objects.filter(pk=sighting.pk).delete()
    logger.info("removed at Graph graph_id=%s actor=%s", remote.id, actor)


@contextmanager
def taken(sighting: Sighting, *, now: datetime) -> Iterator[None]:
    """Let nobody else act on what was seen meanwhile.

    Raises:
        BusyError: somebody does, has done, or a newer comparison has taken its place.

    """
    mine = Sighting.objects.filter(pk=sighting.pk, state=Sighting.State.UNKNOWN)
    free = mine.filter(Q(claimed_until__isnull=True) | Q(claimed_until__lte=now))
    if not free.update(claimed_until=now + CLAIM_LASTS):
        raise BusyError
    try:
        yield
    finally:
        Sighting.objects.filter(pk=sighting.pk).update(claimed_until=None)


def at_graph(sighting: Sighting, *, action: Operation.Action, actor: str) -> RemoteSubscription:
    """Return what was seen as Graph has it now, with the clientState where Graph shows it.

    Raises:
        UseCaseError: Graph no longer has it.
        GraphError: Graph refused or did not answer.

    """
    try:
        return _client(sighting, action=action, actor=actor).get_subscription(sighting.graph_id)
    except SubscriptionGoneError as error:
        Sighting.objects.filter(pk=sighting.pk).delete()
        raise UseCaseError(
            f"Graph no longer has {sighting.graph_id}: there is nothing left to do."
        ) from error


def _client(sighting: Sighting, *, action: Operation.Action, actor: str) -> GraphClient:
    look = sighting.look
    log = CallLog(action, actor=actor, app_registration=look.app_registration, subscription=None)
    return client_for(look.app_registration, account=look.delegated_account, on_call=log)


def _refuse_what_is_ours(remote: RemoteSubscription) -> None:
    """Go on only if no row has it, and none waits for just this one.

    A create call that is under way has no id yet: Graph shows by the clientState whose it is.
    """
    row = Subscription.objects.known_as([remote.id]).exclude(status=Subscription.Status.REMOVED).first()
    waiting = Subscription.objects.filter(status__in=creation.SUBMITTABLE, is_enabled=True)
    row = row or next(
        (
            one
            for one in waiting
            if creation.fits(remote, one) and one.client_state.reveal() == remote.client_state
        ),
        None,
    )
    if row:
        raise UseCaseError(f"It belongs to subscription {row.pk}. Retire that one, if it is not wanted.")
