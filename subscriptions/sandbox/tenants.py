"""The Entra side of the sandbox's world: tenants, their users, and the registered applications."""

import hashlib
import secrets
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from subscriptions.sandbox.paths import Canonical
from subscriptions.sandbox.rules import APPLICATION_PERMISSIONS, DELEGATED_PERMISSIONS

# Reads that a connection test makes, beside the permissions of what can be watched.
APPLICATION_ROLES = APPLICATION_PERMISSIONS | {"Organization.Read.All"}
DELEGATED_SCOPES = DELEGATED_PERMISSIONS | {"User.Read", "Subscription.Read.All"}


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """An organisation."""

    id: str
    name: str
    domain: str


@dataclass(frozen=True, kw_only=True)
class User:
    """A person of a tenant."""

    id: str
    tenant_id: str
    name: str
    username: str


@dataclass(frozen=True, kw_only=True)
class ClientSecret:
    """A password of an application; `expires_at` None = never."""

    value: str = field(repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ClientCertificate:
    """A certificate registered for an application, known by its thumbprints."""

    public_key: RSAPublicKey
    thumbprint_sha1: bytes
    thumbprint_sha256: bytes


@dataclass(frozen=True, kw_only=True)
class FederatedCredential:
    """Trust in another issuer's tokens; its key is registered here instead of fetched from the issuer."""

    issuer: str
    subject: str
    public_key: RSAPublicKey
    audience: str = "api://AzureADTokenExchange"


@dataclass(frozen=True, kw_only=True)
class Application:
    """An app registration together with the consent it was given."""

    client_id: str
    tenant_ids: frozenset[str]
    name: str = "Sandbox application"
    service_principal_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    secrets: tuple[ClientSecret, ...] = ()
    certificates: tuple[ClientCertificate, ...] = ()
    federated_credentials: tuple[FederatedCredential, ...] = ()
    redirect_uris: tuple[str, ...] = ()
    roles: frozenset[str] = APPLICATION_ROLES
    scopes: frozenset[str] = DELEGATED_SCOPES
    allows_public_client: bool = True
    # App roles that users were assigned, by the user's id.
    assignments: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def client_secret(self) -> str:
        """Return the newest secret's value, or an empty string if there is none."""
        return self.secrets[-1].value if self.secrets else ""


class Seed:
    """Derive the sandbox's ids from one kept secret, so that a restart keeps them."""

    def __init__(self, value: str = "") -> None:
        self.value = value or secrets.token_hex(16)

    def identifier(self, purpose: str) -> str:
        """Return a GUID that is always the same for the same seed and purpose."""
        return str(uuid.UUID(hashlib.sha256(f"{self.value}/{purpose}".encode()).hexdigest()[:32], version=4))

    def secret(self, purpose: str) -> str:
        """Return a client secret that is always the same for the same seed and purpose."""
        return f"sandbox~{hashlib.sha256(f'{self.value}/secret/{purpose}'.encode()).hexdigest()[:32]}"


class Tenants:
    """Hold tenants, users and applications; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tenants: dict[str, Tenant] = {}
        self._users: dict[str, User] = {}
        self._applications: dict[str, Application] = {}

    @property
    def users(self) -> Mapping[str, User]:
        """All users by id."""
        return MappingProxyType(self._users)

    @property
    def applications(self) -> Mapping[str, Application]:
        """All applications by client id."""
        return MappingProxyType(self._applications)

    @property
    def tenants(self) -> Mapping[str, Tenant]:
        """All tenants by id."""
        return MappingProxyType(self._tenants)

    def put(self, entry: Tenant | User | Application) -> None:
        """Add a tenant, user or application, or replace the one with the same id."""
        with self._lock:
            # New dictionaries, so that a reader in another thread never sees one change under it.
            match entry:
                case Tenant():
                    self._tenants = {**self._tenants, entry.id: entry}
                case User():
                    self._users = {**self._users, entry.id: entry}
                case Application():
                    self._applications = {**self._applications, entry.client_id.lower(): entry}

    def tenant(self, name: str) -> Tenant | None:
        """Return the tenant with this id or domain, whatever the case."""
        wanted = name.lower()
        return next((one for one in self._tenants.values() if wanted in {one.id, one.domain}), None)

    def user(self, name: str) -> User | None:
        """Return the user with this id or username, whatever the case."""
        wanted = name.lower()
        return next((one for one in self._users.values() if wanted in {one.id, one.username.lower()}), None)

    def resolved(self, path: Canonical) -> Canonical:
        """Return a resource path with the user's name in it replaced by the user's id."""
        if len(path) > 1 and path[0].lower() == "users":
            found = self.user(path[1])
            return ("users", found.id if found else path[1], *path[2:])
        return path

    def application(self, client_id: str) -> Application | None:
        """Return the application with this client id."""
        return self._applications.get(client_id.lower())
