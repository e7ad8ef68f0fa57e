"""The credentials of an app registration: the one in use, and a next one that takes over when Entra refuses the first.

Two are valid side by side in Entra while one is exchanged for the other, so nothing stops when the old one ends.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from subscriptions.graph import tokens
from subscriptions.graph.errors import GraphError, TokenRefusedError
from subscriptions.keys.field_encryption import FieldDecryptionError
from subscriptions.models import AppRegistration
from subscriptions.services.errors import UnreadableSecretError, UseCaseError

logger = logging.getLogger(__name__)

CredentialType = AppRegistration.CredentialType
# Each has a twin for the next credential, whose name begins with `next_`.
COLUMNS = (
    "credential_type",
    "client_secret",
    "credential_certificate",
    "credential_private_key",
    "federated_token_file",
    "credential_expires_at",
)
NEXT = "next_"
Got = TypeVar("Got")


class NoNextCredentialError(UseCaseError):
    """There is no next credential, or somebody has just changed it."""

    def __init__(self) -> None:
        super().__init__(
            "There is no next credential to take over, or it has just been changed. Reload the page."
        )


def current(app_registration: AppRegistration) -> tokens.Credential:
    """Return the credential in use, opened.

    Raises:
        UnreadableSecretError: FIELD_ENCRYPTION_KEYS lacks the key with which it was saved.

    """
    return _opened(app_registration, prefix="")


def upcoming(app_registration: AppRegistration) -> tokens.Credential | None:
    """Return the next credential, opened, if there is one.

    Raises:
        UnreadableSecretError: FIELD_ENCRYPTION_KEYS lacks the key with which it was saved.

    """
    return _opened(app_registration, prefix=NEXT) if app_registration.next_credential_type else None


def use(app_registration: AppRegistration, get: Callable[[tokens.Credential], Got], *, now: datetime) -> Got:
    """Call `get` with the credential in use; with the next one if Entra refuses the first, and keep to what works.

    The two change places, so that nothing is lost when a new secret is not known everywhere in Entra yet.

    Raises:
        GraphError: whatever `get` raises; where both are refused, what was said of the one in use.
        UnreadableSecretError: FIELD_ENCRYPTION_KEYS lacks the key with which a credential was saved.

    """
    pair = Pair(app_registration)
    got = pair.use(get)
    pair.keep(now=now)
    return got


class Pair:
    """Both credentials, opened, to be used in any thread, one at a time; the thread that has the database keeps."""

    def __init__(self, app_registration: AppRegistration) -> None:
        """Open them.

        Raises:
            UnreadableSecretError: FIELD_ENCRYPTION_KEYS lacks the key with which the one in use was saved.

        """
        self._app_registration = app_registration
        self._opened = [current(app_registration)]
        with suppress(UnreadableSecretError):
            self._opened += filter(None, [upcoming(app_registration)])
        self._is_exchanged = False

    def use(self, get: Callable[[tokens.Credential], Got]) -> Got:
        """Call `get` with the credential in use; with the next one if Entra refuses the first, and keep to what works.

        Raises:
            GraphError: whatever `get` raises; where both are refused, what was said of the one in use.

        """
        try:
            return get(self._opened[0])
        except TokenRefusedError as refusal:
            if not refusal.is_about_credential or len(self._opened) == 1:
                raise
            try:
                got = get(self._opened[1])
            except GraphError:
                raise refusal from None
        self._opened.reverse()
        self._is_exchanged = not self._is_exchanged
        return got

    def keep(self, *, now: datetime) -> None:
        """Let the two change places in the database if they have done so in use."""
        if self._is_exchanged:
            self._is_exchanged = False
            change_places(self._app_registration, refused_at=now)


def make_next_current(app_registration: AppRegistration) -> None:
    """Use the next credential from now on; the one in use stays beside it.

    Raises:
        NoNextCredentialError: there is none, or it has just been changed.

    """
    if not app_registration.next_credential_type or not change_places(app_registration, refused_at=None):
        raise NoNextCredentialError


def change_places(app_registration: AppRegistration, *, refused_at: datetime | None) -> bool:
    """Let the two credentials change places; of several processes that find the first refused, one does it.

    `refused_at` is when the one in use was refused, if that is the reason.
    """
    secrets = ("client_secret", "credential_private_key", "federated_token_file")
    # By what is stored, which is another text for each time that a secret was saved.
    unchanged = {
        f"{prefix}{name}": _column(app_registration, prefix, name)
        for prefix in ("", NEXT)
        for name in secrets
    }
    exchanged: dict[str, Any] = {name: _column(app_registration, NEXT, name) for name in COLUMNS}
    exchanged |= {f"{NEXT}{name}": _column(app_registration, "", name) for name in COLUMNS}
    changed = AppRegistration.objects.filter(pk=app_registration.pk, **unchanged).update(
        **exchanged, next_credential_refused_at=refused_at
    )
    app_registration.refresh_from_db(fields=[*exchanged, "next_credential_refused_at"])
    if changed:
        logger.warning(
            "credentials changed places app=%s because=%s",
            app_registration,
            "refused" if refused_at else "asked",
        )
    return bool(changed)


def put(app_registration: AppRegistration, columns: dict[str, Any], *, as_next: bool) -> None:
    """Set the columns of the credential in use, or of the next one; nothing is saved."""
    prefix = NEXT if as_next else ""
    empty: dict[str, Any] = {name: None if name == "credential_expires_at" else "" for name in COLUMNS}
    for name, value in {**empty, **columns}.items():
        setattr(app_registration, f"{prefix}{name}", value)
    if as_next:
        app_registration.next_credential_refused_at = None


def _opened(app_registration: AppRegistration, *, prefix: str) -> tokens.Credential:
    kind = _column(app_registration, prefix, "credential_type")
    try:
        if kind == CredentialType.CLIENT_SECRET:
            return tokens.ClientSecret(secret=_column(app_registration, prefix, "client_secret").reveal())
        if kind == CredentialType.CERTIFICATE:
            return tokens.ClientCertificate(
                private_key_pem=_column(app_registration, prefix, "credential_private_key").reveal(),
                certificate_pem=_column(app_registration, prefix, "credential_certificate"),
            )
    except FieldDecryptionError as error:
        raise UnreadableSecretError(str(error)) from error
    return tokens.FederatedToken(path=Path(_column(app_registration, prefix, "federated_token_file")))


def _column(app_registration: AppRegistration, prefix: str, name: str) -> Any:
    return getattr(app_registration, f"{prefix}{name}")
