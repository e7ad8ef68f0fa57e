"""Mend: bring one subscription and Graph together again."""

import logging
from datetime import datetime
from enum import StrEnum

from subscriptions.catalogue import lifetimes
from subscriptions.graph.client import GraphClient
from subscriptions.graph.documents import RemoteSubscription, Renewal
from subscriptions.graph.errors import (
    EndpointValidationError,
    GraphError,
    InvalidRequestError,
    LifetimeRefusedError,
    SubscriptionGoneError,
)
from subscriptions.models import EncryptionCertificate, Operation, Sighting, Subscription
from subscriptions.services import certificates, creation, outcomes, pausing, recreation
from subscriptions.services.access.clients import client_of, version_of
from subscriptions.services.claims import claim, settle
from subscriptions.services.errors import BusyError, UseCaseError
from subscriptions.services.operations import CallLog
from subscriptions.services.reconciliation.differences import Difference, addresses, differences

logger = logging.getLogger(__name__)

Status = Subscription.Status
# Graph changes these in no subscription that exists. Source: subscription-update.md (2026-05-05).
FIXED = {Difference.LIFECYCLE_URL, Difference.CLIENT_STATE}


ABOUT_SOMETHING_ELSE = (EndpointValidationError, LifetimeRefusedError)


class Result(StrEnum):
    """What was done."""

    NOTHING = "Nothing to do: it is in step."
    TAKEN_OVER = "Taken over what Graph has."
    UPDATED = "Updated at Graph."
    RECREATED = "Created again at Graph."
    PAUSED = "Removed at Graph, since it is paused."


def mend(sighting: Sighting, *, now: datetime, actor: str) -> Result:
    """Ask Graph for the subscription that was seen, and do away with what differs now.

    Expiry is taken over from Graph. Address and certificate are updated there; where Graph refuses that, and for
    what it never changes, the subscription is created again. What is gone is created again too; what is paused and
    still there is removed.

    Raises:
        UseCaseError: no subscription here goes with it, or another worker has it.
        GraphError: Graph refused or did not answer; the row says why.

    """
    row = (
        Subscription.objects.select_related(
            "app_registration",
            "delegated_account__app_registration",
            "encryption_certificate",
            "certificate_at_graph",
        )
        .filter(pk=sighting.subscription_id or 0)
        .exclude(status=Status.REMOVED)
        .first()
    )
    if row is None or sighting.state == Sighting.State.UNKNOWN:
        raise UseCaseError("Nobody here asked for it: adopt it, or remove it at Graph.")
    log = CallLog(Operation.Action.MEND, actor=actor, app_registration=row.app_registration, subscription=row)
    result = _bring_together(row, client_of(row, on_call=log), now=now, actor=actor)
    row.refresh_from_db()
    Sighting.objects.filter(pk=sighting.pk).update(
        state=Sighting.State.IN_STEP,
        note=result,
        graph_id=row.graph_id or "",
        expires_at=row.expires_at,
        notification_url=row.notification_url,
    )
    logger.info("subscription mended id=%s result=%s", row.pk, result.name)
    return result


def _bring_together(row: Subscription, client: GraphClient, *, now: datetime, actor: str) -> Result:
    if row.is_paused:
        if row.is_at_graph:
            pausing.pause(row, now=now, actor=actor)
        return Result.PAUSED
    remote = _at_graph(row, client)
    if remote is None:
        return _create_again(row, now=now, actor=actor)
    found = differences(row, remote)
    held = certificates.at_graph(remote, sent=row.certificate_at_graph)
    # What is encrypted for a certificate that is not here could never be opened.
    needs_certificate = Difference.CERTIFICATE in found and held is None
    result = Result.NOTHING
    if Difference.NOTIFICATION_URL in found or needs_certificate:
        # Before anything is deleted: where Graph cannot reach our address, it says so here.
        result = _update(row, client, with_certificate=needs_certificate, now=now, actor=actor)
    if found & FIXED and result != Result.RECREATED:
        recreation.recreate(
            row,
            now=now,
            actor=actor,
            with_new_client_state=Difference.CLIENT_STATE in found,
            graph_id=row.graph_id,
        )
        return Result.RECREATED
    if found and result == Result.NOTHING:
        return _take_over(row, remote, held, now=now)
    return result


def _at_graph(row: Subscription, client: GraphClient) -> RemoteSubscription | None:
    if not row.graph_id:
        return None
    try:
        return client.get_subscription(row.graph_id, version=version_of(row))
    except SubscriptionGoneError:
        return None


def _create_again(row: Subscription, *, now: datetime, actor: str) -> Result:
    token = claim(
        row.pk, now=now, statuses=(Status.ACTIVE, Status.GONE), graph_id=row.graph_id, is_enabled=True
    )
    if not token:
        raise BusyError
    recreation.replace(row, token, now=now, actor=actor)
    return Result.RECREATED


def _take_over(
    row: Subscription, remote: RemoteSubscription, held: EncryptionCertificate | None, *, now: datetime
) -> Result:
    token = claim(row.pk, now=now, statuses=(Status.ACTIVE,), expires_at=row.expires_at, is_enabled=True)
    if not token:
        raise BusyError
    renew_at = lifetimes.renew_at(granted_at=row.granted_at or now, expires_at=remote.expires_at)
    settle(
        row,
        token,
        expires_at=remote.expires_at,
        certificate_at_graph=held,
        renew_at=renew_at,
        seen_at=now,
    )
    return Result.TAKEN_OVER


def _update(
    row: Subscription, client: GraphClient, *, with_certificate: bool, now: datetime, actor: str
) -> Result:
    """Send what may be changed by PATCH, which renews as well; where Graph does not allow it, create again."""
    token = claim(row.pk, now=now, statuses=(Status.ACTIVE,), graph_id=row.graph_id, is_enabled=True)
    if not token:
        raise BusyError
    notification_url, _ = addresses(row)
    certificate = certificates.wished_for(row) if with_certificate else None
    if certificate:
        certificates.mark_used(certificate, now=now)
    renewal = Renewal(
        id=row.graph_id or "",
        expires_at=creation.expiry_to_ask(row, now=now),
        notification_url=notification_url,
        encryption_certificate=certificates.public_base64(certificate) if certificate else None,
        encryption_certificate_id=certificate.encryption_certificate_id if certificate else None,
    )
    try:
        remote = client.update_subscription(renewal, version=version_of(row))
    except GraphError as error:
        settle(row, token, **outcomes.explained(error, now=now))
        # One that cannot reach our address would not be created there either, and be lost.
        if not isinstance(error, InvalidRequestError) or isinstance(error, ABOUT_SOMETHING_ELSE):
            raise
        recreation.recreate(row, now=now, actor=actor, graph_id=row.graph_id)
        return Result.RECREATED
    settle(
        row,
        token,
        notification_url=notification_url,
        certificate_at_graph=certificates.at_graph(remote, sent=certificate or row.certificate_at_graph),
        renewed_at=now,
        **outcomes.granted(remote, now=now),
    )
    return Result.UPDATED
