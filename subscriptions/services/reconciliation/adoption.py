"""Adopt: a subscription at Graph that nobody here asked for becomes one of ours."""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from subscriptions.catalogue import entry_for
from subscriptions.graph.documents import RemoteSubscription
from subscriptions.models import (
    AppRegistration,
    DelegatedAccount,
    EncryptionCertificate,
    FormerIdentity,
    Operation,
    Sighting,
    Subscription,
)
from subscriptions.services import certificates, creation, gaps, outcomes, wishes
from subscriptions.services.claims import claim, settle
from subscriptions.services.errors import BusyError, UseCaseError, WishExistsError
from subscriptions.services.reconciliation.differences import Difference, differences
from subscriptions.services.reconciliation.strays import at_graph, taken

logger = logging.getLogger(__name__)

Status = Subscription.Status
# What is not as we would have asked for it, and what follows.
FOLLOWS = {
    Difference.NOTIFICATION_URL: "It sends to {remote.notification_url} and not to us.",
    Difference.LIFECYCLE_URL: "Its lifecycle notifications do not come to us.",
    Difference.CLIENT_STATE: "Graph does not show its clientState, so that nothing it sends can be proven.",
    Difference.CERTIFICATE: "Its content is encrypted for {remote.encryption_certificate_id}, whose key is not here.",
}


@dataclass(frozen=True, kw_only=True)
class Adopted:
    """The subscription that is ours now, and what is still to be done about it, in words."""

    subscription: Subscription
    follows: str


def adopt(sighting: Sighting, *, now: datetime, actor: str) -> Adopted:
    """Make what was seen at Graph one of ours, as Graph shows it now; it is renewed from then on.

    One that was retired here comes back; one that a broken-off call of ours made goes to the wish that it was made
    for; of any other, a row is made. Nothing changes at Graph.

    Raises:
        UseCaseError: it cannot be ours, or somebody else acts on it; the text says why.
        GraphError: Graph refused or did not answer.

    """
    with taken(sighting, now=now):
        remote = at_graph(sighting, action=Operation.Action.ADOPT, actor=actor)
        subscription = _adopted(sighting, remote, now=now)
        found = differences(subscription, remote) - {Difference.EXPIRY}
        Sighting.objects.filter(subscription=subscription).exclude(pk=sighting.pk).delete()
        Sighting.objects.filter(pk=sighting.pk).update(
            state=Sighting.State.DRIFTED if found else Sighting.State.IN_STEP,
            subscription=subscription,
            note="Adopted.",
            expires_at=remote.expires_at,
        )
    logger.info("adopted graph_id=%s id=%s actor=%s", remote.id, subscription.pk, actor)
    texts = [text.format(remote=remote) for difference, text in FOLLOWS.items() if difference in found]
    if texts:
        texts.append("Mend or Recreate changes that; the next run of sync_subscriptions does so by itself.")
    return Adopted(subscription=subscription, follows=" ".join(texts))


def is_left_by_us(sighting: Sighting) -> bool:
    """Say whether what is unknown may be what a broken-off create call of ours has made."""
    row = sighting.subscription
    return (
        sighting.state == Sighting.State.UNKNOWN
        and row is not None
        and row.is_enabled
        and row.status in creation.SUBMITTABLE
    )


def _adopted(sighting: Sighting, remote: RemoteSubscription, *, now: datetime) -> Subscription:
    look = sighting.look
    known = Subscription.objects.known_as([remote.id]).select_related("app_registration").first()
    if known:
        return _brought_back(known, remote, now=now)
    owned = Subscription.objects.filter(
        app_registration=look.app_registration, delegated_account=look.delegated_account
    ).select_related("app_registration", "delegated_account", "encryption_certificate")
    waiting = owned.filter(status__in=creation.SUBMITTABLE, is_enabled=True)
    if row := next((row for row in waiting if creation.fits(remote, row)), None):
        return creation.adopt(row, remote, now=now)
    if former := FormerIdentity.objects.filter(graph_id=remote.id.lower()).first():
        raise UseCaseError(
            f"It is an earlier form of subscription {former.subscription_id}, which Graph has or will have under "
            "another ID. Remove this one at Graph."
        )
    return _new_row(remote, look.app_registration, look.delegated_account, now=now)


def _brought_back(row: Subscription, remote: RemoteSubscription, *, now: datetime) -> Subscription:
    token = claim(row.pk, now=now, statuses=(Status.REMOVED,))
    if not token:
        raise BusyError
    try:
        with transaction.atomic():
            held = certificates.at_graph(remote, sent=row.certificate_at_graph)
            settle(
                row,
                token,
                is_enabled=True,
                certificate_at_graph=held,
                **outcomes.granted(remote, now=now),
            )
            gaps.end(row, at=now)
    except IntegrityError as error:
        settle(row, token)
        raise WishExistsError(_holder_of(row)) from error
    return row


def _new_row(
    remote: RemoteSubscription,
    app_registration: AppRegistration,
    account: DelegatedAccount | None,
    *,
    now: datetime,
) -> Subscription:
    if not remote.notification_url.lower().startswith(("https://", "http://")):
        raise UseCaseError(
            f"Graph delivers it to {remote.notification_url.partition('?')[0][:100]}, which is no web address. Leave "
            "it to whoever made it, or remove it at Graph."
        )
    entry = entry_for(remote.resource)
    row = Subscription(
        app_registration=app_registration,
        delegated_account=account,
        resource=remote.resource if remote.resource.startswith("/") else f"/{remote.resource}",
        change_type=wishes.in_order(remote.change_type),
        include_resource_data=remote.include_resource_data,
        encryption_certificate=_certificate_for(remote, now=now) if remote.include_resource_data else None,
        certificate_at_graph=certificates.at_graph(remote, sent=None)
        if remote.include_resource_data
        else None,
        api_version=Subscription.ApiVersion.BETA
        if entry and entry.is_beta_only
        else Subscription.ApiVersion.V1,
        latest_supported_tls_version=remote.latest_supported_tls_version or "",
        notification_query_options=remote.notification_query_options or "",
        notification_url=remote.notification_url,
        lifecycle_notification_url=remote.lifecycle_notification_url or "",
        client_state=remote.client_state or "",
        first_granted_at=now,
        **outcomes.granted(remote, now=now),
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if holder := _holder_of(row):
            raise WishExistsError(holder) from error
        raise BusyError from error
    return row


def _certificate_for(remote: RemoteSubscription, *, now: datetime) -> EncryptionCertificate:
    """Return the certificate that Graph encrypts for, or else the newest that it could encrypt for."""
    named = EncryptionCertificate.objects.filter(
        encryption_certificate_id=remote.encryption_certificate_id or ""
    )
    certificate = named.first() or EncryptionCertificate.objects.usable(now).order_by("-created_at").first()
    if certificate is None:
        raise UseCaseError(
            "It includes content, and there is no active encryption certificate. Make one first."
        )
    return certificate


def _holder_of(row: Subscription) -> Subscription:
    others = Subscription.objects.filter(wish_key=row.key_of_wish()).exclude(status=Status.REMOVED)
    return others.select_related("app_registration").get()
