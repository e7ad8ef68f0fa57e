"""Prove one item: whose it is, whether Graph sent it, and what is inside."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from notifications.authenticity import client_state_matches, token_header, verify_validation_token
from notifications.decryption import open_content
from notifications.envelope import UnverifiedEncryptedContent, UnverifiedItem, storable
from notifications.errors import NotificationRejectedError, Reason
from notifications.models import ChangeNotification
from subscriptions import conf
from subscriptions.graph.errors import GraphError, UnknownSigningKeyError
from subscriptions.keys.field_encryption import FieldDecryptionError
from subscriptions.models import AppRegistration
from subscriptions.services import certificates
from subscriptions.services.access.clients import cloud_of, signing_keys_for
from subscriptions.services.errors import UseCaseError
from subscriptions.services.identities import Identity

State = ChangeNotification.State
# The checks that an item has passed, in their order.
_CLIENT_STATE: tuple[str, ...] = ("clientState",)
_SENDER = (*_CLIENT_STATE, "validationToken")
_CONTENT = (*_SENDER, "dataSignature")
# Tokens for personal Microsoft accounts name this tenant.
PERSONAL_ACCOUNTS_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is known of an item: `proof` names the checks that it passed, in order."""

    state: str
    reason: str = ""
    proof: tuple[str, ...] = ()
    identity: Identity | None = None
    content: dict[str, Any] | None = field(default=None, repr=False)
    encryption_certificate_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """What is genuine if its content opens: the sender is proven, and the key is at hand."""

    content: UnverifiedEncryptedContent
    private_key: RSAPrivateKey = field(repr=False)
    thumbprint: str
    identity: Identity


@dataclass(kw_only=True)
class Lookups:
    """What was found out for the items of one batch, so that each question is asked once.

    `proven` holds, for a token that proved a tenant's items of an app, since when and until when it is known to do so.
    """

    app_registrations: dict[int, AppRegistration] = field(default_factory=dict)
    private_keys: dict[str, tuple[RSAPrivateKey, str]] = field(default_factory=dict, repr=False)
    proven: dict[tuple[str, int, str], tuple[datetime, datetime]] = field(default_factory=dict, repr=False)


def prove(
    item: UnverifiedItem,
    *,
    identity: Identity | None,
    unverified_tokens: Sequence[str] | None,
    received_at: datetime,
    now: datetime,
    lookups: Lookups,
) -> Verdict | Sealed:
    """Decide on one item by its own proof; its neighbours in the body have no say. What is sealed, `unseal` decides on.

    Tokens are held against `received_at`: one that was good on arrival stays good when the item is opened late. One
    that was not valid yet, as on a host whose clock is slow, is held against `now`.
    """
    if item.problem:
        return Verdict(state=State.REJECTED, reason=Reason.MALFORMED)
    if identity is None:
        return Verdict(state=State.REJECTED, reason=Reason.UNKNOWN_SUBSCRIPTION)
    if not client_state_matches(identity.client_state, item.client_state):
        reason = Reason.CLIENT_STATE_MISMATCH if item.client_state else Reason.CLIENT_STATE_MISSING
        return Verdict(state=State.REJECTED, reason=reason)
    if item.encrypted_content is None:
        return Verdict(state=State.ACCEPTED, proof=_CLIENT_STATE, identity=identity)
    proof = _CLIENT_STATE
    try:
        _prove_sender(
            item,
            identity=identity,
            unverified_tokens=unverified_tokens,
            received_at=received_at,
            now=now,
            lookups=lookups,
        )
        proof = _SENDER
        private_key, thumbprint = _private_key(item.encrypted_content.certificate_id, lookups)
    except NotificationRejectedError as error:
        return _refused(error, proof=proof, identity=identity, content=item.encrypted_content)
    return Sealed(
        content=item.encrypted_content, private_key=private_key, thumbprint=thumbprint, identity=identity
    )


def unseal(sealed: Sealed) -> Verdict:
    """Decrypt, and decide by what comes out. Asks nobody, so that it may run beside anything."""
    try:
        content = storable(
            open_content(
                sealed.content, private_key=sealed.private_key, certificate_thumbprint=sealed.thumbprint
            )
        )
    except NotificationRejectedError as error:
        return _refused(error, proof=_SENDER, identity=sealed.identity, content=sealed.content)
    return Verdict(
        state=State.ACCEPTED,
        proof=_CONTENT,
        identity=sealed.identity,
        content=content,
        encryption_certificate_id=sealed.content.certificate_id,
    )


def _refused(
    error: NotificationRejectedError,
    *,
    proof: tuple[str, ...],
    identity: Identity,
    content: UnverifiedEncryptedContent,
) -> Verdict:
    return Verdict(
        state=State.REJECTED if error.is_final else State.WAITING,
        reason=error.reason,
        proof=proof,
        identity=identity,
        encryption_certificate_id=content.certificate_id,
    )


def _prove_sender(
    item: UnverifiedItem,
    *,
    identity: Identity,
    unverified_tokens: Sequence[str] | None,
    received_at: datetime,
    now: datetime,
    lookups: Lookups,
) -> None:
    """Go on only if one token of the body was issued to Graph, for this item's tenant and app.

    Each item needs a token of its own tenant and app, so that a body of several tenants is proven part by part.
    The tenant is the subscription's, not what the item claims: whoever has a tenant gets tokens of that tenant.
    Source: change-notifications-with-resource-data.md (2026-04-17).

    Raises:
        NotificationRejectedError: no token proves it; final unless the signing keys cannot be had now.

    """
    if not unverified_tokens:
        raise NotificationRejectedError(
            Reason.VALIDATION_TOKENS_MISSING, "Encrypted content came without validation tokens."
        )
    # Accounts that people have for themselves are in a tenant of Microsoft's own, whatever app they signed in to.
    if identity.tenant_id and item.tenant_id not in {"", identity.tenant_id, PERSONAL_ACCOUNTS_TENANT}:
        raise NotificationRejectedError(
            Reason.VALIDATION_TOKEN_TENANT, "The item names another tenant than that of its subscription."
        )
    app_registration = _app_registration(identity.app_registration, lookups)
    # Graph leaves the tenant out for personal accounts.
    tenant_id = item.tenant_id or identity.tenant_id or PERSONAL_ACCOUNTS_TENANT
    refusals: list[NotificationRejectedError] = []
    for unverified_token in unverified_tokens:
        try:
            _verify(
                unverified_token,
                app_registration=app_registration,
                tenant_id=tenant_id,
                received_at=received_at,
                now=now,
                proven=lookups.proven,
            )
        except NotificationRejectedError as error:
            refusals.append(error)
        else:
            return
    # A token that may prove it later outweighs those that never will.
    raise next((refusal for refusal in refusals if not refusal.is_final), refusals[0])


def _app_registration(pk: int, lookups: Lookups) -> AppRegistration:
    if pk not in lookups.app_registrations:
        lookups.app_registrations[pk] = AppRegistration.objects.get(pk=pk)
    return lookups.app_registrations[pk]


def _verify(
    unverified_token: str,
    *,
    app_registration: AppRegistration,
    tenant_id: str,
    received_at: datetime,
    now: datetime,
    proven: dict[tuple[str, int, str], tuple[datetime, datetime]],
) -> None:
    question = (unverified_token, app_registration.pk, tenant_id)
    since, until = proven.get(question, (received_at, received_at))
    if since <= received_at < until:
        return
    claims = verify_validation_token(
        unverified_token,
        signing_key=_signing_key(token_header(unverified_token).kid, app_registration),
        audience=app_registration.client_id,
        issuers=cloud_of(app_registration).issuers_for(tenant_id),
        tenant_id=tenant_id,
        change_tracking_app_ids=conf.configuration().change_tracking_app_ids,
        now=received_at,
        looked_at=now,
    )
    proven[question] = (received_at, claims.expires_at)


def _signing_key(kid: str, app_registration: AppRegistration) -> RSAPublicKey:
    try:
        return signing_keys_for(app_registration).key_for(kid)
    except UnknownSigningKeyError as error:
        # Too early to ask the publisher again: the key may be a new one, so the item waits.
        reason = Reason.SIGNING_KEYS_UNAVAILABLE if error.is_transient else Reason.UNKNOWN_SIGNING_KEY
        raise NotificationRejectedError(reason, str(error)) from error
    except (GraphError, UseCaseError) as error:
        raise NotificationRejectedError(Reason.SIGNING_KEYS_UNAVAILABLE, str(error)) from error


def _private_key(certificate_id: str, lookups: Lookups) -> tuple[RSAPrivateKey, str]:
    """Return the key of the certificate that an item names, and the thumbprint.

    Raises:
        NotificationRejectedError: it is not here, now or for good.

    """
    if not certificate_id:
        raise NotificationRejectedError(
            Reason.ENCRYPTED_CONTENT_MALFORMED, "encryptedContent.encryptionCertificateId is missing."
        )
    if certificate_id in lookups.private_keys:
        return lookups.private_keys[certificate_id]
    try:
        found = certificates.private_key_for(certificate_id)
    except FieldDecryptionError as error:
        raise NotificationRejectedError(Reason.PRIVATE_KEY_UNAVAILABLE, str(error)) from error
    if found is None and certificates.is_key_destroyed(certificate_id):
        raise NotificationRejectedError(
            Reason.PRIVATE_KEY_DESTROYED, "The private key of the certificate that it names was destroyed."
        )
    if found is None:
        raise NotificationRejectedError(
            Reason.UNKNOWN_CERTIFICATE, "The private key of the certificate that it names is not here."
        )
    lookups.private_keys[certificate_id] = found
    return found
