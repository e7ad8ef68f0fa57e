"""Access tokens for apps, by MSAL: its dictionaries and exceptions become values and our errors."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

import jwt
import msal

from subscriptions.graph.clouds import Cloud
from subscriptions.graph.entra import HttpClient, SignInFailedError, refusal
from subscriptions.graph.errors import TokenRefusedError

MAX_APPLICATIONS = 256


@dataclass(frozen=True, kw_only=True)
class ClientSecret:
    """A secret that the app shares with Entra."""

    secret: str = field(repr=False)

    def for_msal(self) -> str:
        """Return the credential in MSAL's form."""
        return self.secret


@dataclass(frozen=True, kw_only=True)
class ClientCertificate:
    """A key pair whose certificate is registered with the app in Entra; both parts are PEM texts."""

    private_key_pem: str = field(repr=False)
    certificate_pem: str

    def for_msal(self) -> dict[str, Any]:
        """Return the credential in MSAL's form.

        Given a certificate and no thumbprint, MSAL signs with PS256 and names the certificate by SHA-256.
        """
        return {"private_key": self.private_key_pem, "public_certificate": self.certificate_pem}


@dataclass(frozen=True, kw_only=True)
class FederatedToken:
    """A file in which the platform keeps a token of this workload's identity, and replaces it as it ages."""

    path: Path

    def for_msal(self) -> dict[str, Any]:
        """Return the credential in MSAL's form; the file is read at each use."""
        return {"client_assertion": self.read}

    def read(self) -> str:
        """Return the token that the file holds now.

        Raises:
            TokenRefusedError: the file cannot be read or is empty.

        """
        try:
            assertion = self.path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise TokenRefusedError(f"The federated token file {self.path} cannot be read.") from error
        if not assertion:
            raise TokenRefusedError(f"The federated token file {self.path} is empty.")
        return assertion


Credential = ClientSecret | ClientCertificate | FederatedToken


@dataclass(frozen=True, kw_only=True)
class AccessToken:
    """A bearer token for Graph."""

    value: str = field(repr=False)
    expires_at: datetime


def acquire_for_app(
    cloud: Cloud, tenant_id: str, client_id: str, credential: Credential, *, force: bool = False
) -> AccessToken:
    """Return a token for the app itself, from memory while it lasts; `force` asks Entra in any case.

    Raises:
        TokenRefusedError: Entra refuses or fails, or the credential cannot be used.
        ThrottledError: Entra asks to be called later.
        UnreachableError: no answer came from the sign-in service.
        UnexpectedAnswerError: the answer is not one of Entra's.

    """
    application = _applications.get(cloud, tenant_id, client_id, credential)
    return application.acquire(force=force)


def forget() -> None:
    """Drop all tokens that this process keeps, so that it asks as a new process would."""
    _applications.clear()


def unverified_claims_of(access_token: str) -> Mapping[str, Any]:
    """Return what an access token says of itself (`roles`, `scp`, `tid`); its signature is not checked.

    Empty for a token that is no JWT. Good for telling an administrator which permissions were granted, never
    for deciding whom to trust.
    """
    try:
        claims: dict[str, Any] = jwt.decode(access_token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return {}
    return claims


class _Application:
    """One app registration as MSAL knows it, with its token in memory."""

    def __init__(self, cloud: Cloud, tenant_id: str, client_id: str, credential: Credential) -> None:
        self._cloud = cloud
        self._tenant_id = tenant_id
        self._client_id = client_id
        self._credential = credential
        self._lock = Lock()
        self._msal: msal.ConfidentialClientApplication | None = None

    def acquire(self, *, force: bool) -> AccessToken:
        # Under the lock, because threads that need the same token should share one call.
        with self._lock:
            if force:
                # MSAL repeats a refusal from memory for a minute; its cause has perhaps just been mended.
                self._msal = None
            return self._acquire()

    def _acquire(self) -> AccessToken:
        try:
            self._msal = self._msal or self._build()
            result = self._msal.acquire_token_for_client([self._cloud.scope])
        except SignInFailedError as error:
            raise error.reason from error
        except (ValueError, TypeError, KeyError, jwt.PyJWTError) as error:
            raise TokenRefusedError(
                "MSAL cannot use the credential or the tenant's sign-in metadata. "
                "Check that private key and certificate are PEM texts of one pair."
            ) from error
        if "access_token" not in (result or {}):
            raise refusal(result or {}, known_secret=secret_in(self._credential))
        return AccessToken(
            value=result["access_token"],
            expires_at=datetime.now(UTC) + timedelta(seconds=int(result.get("expires_in", 0))),
        )

    def _build(self) -> msal.ConfidentialClientApplication:
        return msal.ConfidentialClientApplication(
            self._client_id,
            client_credential=self._credential.for_msal(),
            authority=self._cloud.authority(self._tenant_id),
            # The clouds are known; discovery would ask Microsoft's global cloud about each of them.
            instance_discovery=False,
            # False also ignores MSAL_FORCE_REGION, which would lead past the cloud's own address.
            azure_region=False,
            http_client=HttpClient(self._cloud, secret_in(self._credential)),
        )


def secret_in(credential: Credential) -> str | None:
    """Return what of the credential must not appear in a text, if it is a text."""
    return credential.secret if isinstance(credential, ClientSecret) else None


class _Applications:
    """The applications used last, so that their tokens are fetched once and not for each call."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._by_key: OrderedDict[tuple[Cloud, str, str, str], _Application] = OrderedDict()

    def get(self, cloud: Cloud, tenant_id: str, client_id: str, credential: Credential) -> _Application:
        key = (cloud, tenant_id, client_id, _digest(credential))
        with self._lock:
            application = self._by_key.pop(key, None)
            application = application or _Application(cloud, tenant_id, client_id, credential)
            self._by_key[key] = application
            if len(self._by_key) > MAX_APPLICATIONS:
                self._by_key.popitem(last=False)
            return application

    def clear(self) -> None:
        with self._lock:
            self._by_key.clear()


def _digest(credential: Credential) -> str:
    # A digest, so that a changed secret means another entry and the keys hold no secret.
    match credential:
        case ClientSecret(secret=secret):
            parts = ("secret", secret)
        case ClientCertificate(private_key_pem=private_key_pem, certificate_pem=certificate_pem):
            parts = ("certificate", private_key_pem + certificate_pem)
        case FederatedToken(path=path):
            parts = ("federated", str(path))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


_applications = _Applications()
