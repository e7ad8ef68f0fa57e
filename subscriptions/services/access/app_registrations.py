"""Register an Entra app with its credential."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone

from subscriptions.keys import certificates
from subscriptions.keys.certificates import UnusableCertificateError
from subscriptions.keys.field_encryption import FieldDecryptionError
from subscriptions.models import AppRegistration, Subscription
from subscriptions.services.access import credentials

CredentialType = AppRegistration.CredentialType


@dataclass(frozen=True, kw_only=True)
class NewCredential:
    """A credential as an administrator gives it: exactly one of the three.

    When a secret expires only Entra shows, so it has to be told; a certificate says it itself.
    """

    client_secret: str = field(default="", repr=False)
    client_secret_expires_at: datetime | None = None
    pem: str = field(default="", repr=False)
    pem_password: str = field(default="", repr=False)
    federated_token_file: str = ""


def register(
    *, name: str, cloud: str, tenant_id: str, client_id: str, credential: NewCredential, as_next: bool = False
) -> AppRegistration:
    """Save an app registration; one of the same name gets the new values.

    With `as_next` the credential is put beside the one in use, and takes over when Entra refuses that one.

    Raises:
        ValidationError: a value cannot be right; the texts say what to do.

    """
    existing = AppRegistration.objects.filter(name=name).first()
    if as_next and existing is None:
        raise ValidationError(
            f"There is no app registration {name} yet: its first credential cannot be the next one."
        )
    app_registration = existing or AppRegistration(name=name)
    app_registration.cloud = cloud
    app_registration.tenant_id = tenant_id.strip().lower()
    app_registration.client_id = client_id.strip().lower()
    set_credential(app_registration, credential, as_next=as_next)
    app_registration.full_clean()
    app_registration.save()
    try_again(app_registration, now=timezone.now())
    return app_registration


def try_again(app_registration: AppRegistration, *, now: datetime) -> int:
    """Make due what was left alone because Entra refused the app, and return how many: it may be mended now."""
    suffering = app_registration.subscriptions.filter(error_cause=Subscription.ErrorCause.CREDENTIAL)
    return suffering.filter(renew_at__gt=now).update(renew_at=now)


def expiry_of_secret(day: date, *, now: datetime | None) -> datetime:
    """Return the beginning of the day on which Entra says that a secret expires: it may end at any time of it.

    Raises:
        ValidationError: it is past at `now`, if that is given.

    """
    expires_at = datetime.combine(day, time.min, UTC)
    if now is not None and expires_at <= now:
        raise ValidationError(
            "That is past. Enter the day on which the secret expires, or make a new secret."
        )
    return expires_at


def set_credential(
    app_registration: AppRegistration, credential: NewCredential, *, as_next: bool = False
) -> None:
    """Put a credential in the place of the one in use, or of the next one; nothing is saved.

    Raises:
        ValidationError: the credential is of no use; keyed by the field that holds it.

    """
    client_secret = credential.client_secret.strip()
    given = [part for part in (client_secret, credential.pem, credential.federated_token_file) if part]
    if len(given) > 1:
        raise ValidationError("Give one credential only: the app signs in with one.")
    if client_secret:
        columns: dict[str, Any] = {
            "credential_type": CredentialType.CLIENT_SECRET,
            "client_secret": client_secret,
            "credential_expires_at": _expiry(app_registration, credential, as_next=as_next),
        }
    elif credential.pem:
        columns = _certificate(credential)
    elif credential.federated_token_file:
        _check_token_file(credential.federated_token_file)
        columns = {
            "credential_type": CredentialType.FEDERATED_TOKEN_FILE,
            "federated_token_file": credential.federated_token_file,
        }
    else:
        raise ValidationError(
            "Give a client secret, a certificate with its private key, or a federated token file."
        )
    credentials.put(app_registration, columns, as_next=as_next)


def _expiry(
    app_registration: AppRegistration, credential: NewCredential, *, as_next: bool
) -> datetime | None:
    """Return when a secret expires: as told, or as told before if it is the one that is stored."""
    if credential.client_secret_expires_at:
        return credential.client_secret_expires_at
    stored = app_registration.next_client_secret if as_next else app_registration.client_secret
    try:
        is_known = stored.reveal() == credential.client_secret.strip()
    except FieldDecryptionError:
        return None
    if not is_known:
        return None
    return app_registration.next_credential_expires_at if as_next else app_registration.credential_expires_at


def _certificate(credential: NewCredential) -> dict[str, Any]:
    try:
        pair = certificates.import_pem(
            credential.pem, password=credential.pem_password or None, now=timezone.now()
        )
    except UnusableCertificateError as error:
        raise ValidationError({"credential_certificate": str(error)}) from error
    return {
        "credential_type": CredentialType.CERTIFICATE,
        "credential_certificate": pair.certificate_pem,
        "credential_private_key": pair.private_key_pem,
        "credential_expires_at": certificates.describe(pair.certificate_pem).not_after_at,
    }


def _check_token_file(name: str) -> None:
    if not Path(name).is_absolute():
        raise ValidationError({"federated_token_file": "Give the whole path, beginning with /."})
