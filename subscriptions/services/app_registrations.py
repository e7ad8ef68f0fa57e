"""Register an Entra app with its credential."""

from dataclasses import dataclass, field
from pathlib import Path

from django.core.exceptions import ValidationError
from django.utils import timezone

from subscriptions.keys import certificates
from subscriptions.keys.certificates import UnusableCertificateError
from subscriptions.models import AppRegistration

CredentialType = AppRegistration.CredentialType


@dataclass(frozen=True, kw_only=True)
class NewCredential:
    """A credential as an administrator gives it: exactly one of the three."""

    client_secret: str = field(default="", repr=False)
    pem: str = field(default="", repr=False)
    pem_password: str = field(default="", repr=False)
    federated_token_file: str = ""


def register(
    *, name: str, cloud: str, tenant_id: str, client_id: str, credential: NewCredential
) -> AppRegistration:
    """Save an app registration; one of the same name gets the new values.

    Raises:
        ValidationError: a value cannot be right; the texts say what to do.

    """
    app_registration = AppRegistration.objects.filter(name=name).first() or AppRegistration(name=name)
    app_registration.cloud = cloud
    app_registration.tenant_id = tenant_id.strip().lower()
    app_registration.client_id = client_id.strip().lower()
    set_credential(app_registration, credential)
    app_registration.full_clean()
    app_registration.save()
    return app_registration


def set_credential(app_registration: AppRegistration, credential: NewCredential) -> None:
    """Put a credential on an app registration in place of the one that it has; nothing is saved.

    Raises:
        ValidationError: the credential is of no use; keyed by the field that holds it.

    """
    client_secret = credential.client_secret.strip()
    given = [part for part in (client_secret, credential.pem, credential.federated_token_file) if part]
    if len(given) > 1:
        raise ValidationError("Give one credential only: the app signs in with one.")
    app_registration.client_secret = client_secret
    app_registration.credential_certificate = ""
    app_registration.credential_private_key = ""
    app_registration.federated_token_file = credential.federated_token_file
    if client_secret:
        app_registration.credential_type = CredentialType.CLIENT_SECRET
    elif credential.pem:
        app_registration.credential_type = CredentialType.CERTIFICATE
        _set_certificate(app_registration, credential)
    elif credential.federated_token_file:
        app_registration.credential_type = CredentialType.FEDERATED_TOKEN_FILE
        _check_token_file(credential.federated_token_file)
    else:
        raise ValidationError(
            "Give a client secret, a certificate with its private key, or a federated token file."
        )


def _set_certificate(app_registration: AppRegistration, credential: NewCredential) -> None:
    try:
        pair = certificates.import_pem(
            credential.pem, password=credential.pem_password or None, now=timezone.now()
        )
    except UnusableCertificateError as error:
        raise ValidationError({"credential_certificate": str(error)}) from error
    app_registration.credential_certificate = pair.certificate_pem
    app_registration.credential_private_key = pair.private_key_pem


def _check_token_file(name: str) -> None:
    if not Path(name).is_absolute():
        raise ValidationError({"federated_token_file": "Give the whole path, beginning with /."})
