"""The sandbox as one object: start it, point a client at its URL, make things happen, look at what came."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

import urllib3
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from subscriptions.sandbox import client_proof, encryption, people, private_files, tokens
from subscriptions.sandbox.activity import Activity
from subscriptions.sandbox.authority import server_context
from subscriptions.sandbox.behaviour import SHORT_RETRY_DELAYS, Behaviour
from subscriptions.sandbox.clock import Clock
from subscriptions.sandbox.control import Control
from subscriptions.sandbox.delivery import Courier, Delivery
from subscriptions.sandbox.delta import Delta
from subscriptions.sandbox.faults import Fault, Faults
from subscriptions.sandbox.grants import Grants
from subscriptions.sandbox.happenings import Happening, Happenings
from subscriptions.sandbox.identity import Identity
from subscriptions.sandbox.limits import Limits
from subscriptions.sandbox.operations import Operations
from subscriptions.sandbox.paths import Canonical, canonical
from subscriptions.sandbox.places import Places
from subscriptions.sandbox.reads import Reads
from subscriptions.sandbox.recording import RecordedRequest
from subscriptions.sandbox.server import HttpsServer
from subscriptions.sandbox.sign_in import SignIn
from subscriptions.sandbox.signing import SigningKeys
from subscriptions.sandbox.stored import Event, Shelf, StoredSubscription
from subscriptions.sandbox.tenants import (
    APPLICATION_ROLES,
    DELEGATED_SCOPES,
    Application,
    ClientSecret,
    FederatedCredential,
    Seed,
    Tenant,
    Tenants,
    User,
)
from subscriptions.sandbox.web import Web
from subscriptions.sandbox.world import Change, World

_DOMAIN = "contoso.example"
_WILDCARDS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - recognised here, not bound


class Sandbox(Behaviour):
    """A local Microsoft Graph with its sign-in, over HTTPS under a throw-away CA.

    It serves from construction until `close`, or as a context manager. A given `directory` keeps the CA,
    the key that signs tokens and the ids over a restart. The choices of `Behaviour` are its attributes.
    `webhook_ca` is the CA bundle by which webhooks are trusted instead of the system's. `retry_delays` say
    how long to wait before each repeated delivery.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        directory: Path | None = None,
        webhook_ca: Path | None = None,
        retry_delays: Sequence[timedelta] = SHORT_RETRY_DELAYS,
    ) -> None:
        super().__init__(retry_delays=tuple(retry_delays))
        self._closing = ExitStack()
        kept = directory or Path(self._closing.enter_context(tempfile.TemporaryDirectory()))
        kept.mkdir(parents=True, exist_ok=True)
        self._seed = _seed(kept)
        self.clock = Clock()
        self.tenants = Tenants()
        self.places = _places(self._seed)
        self._world = World(self.tenants, self.places)
        self.tenant_id = self.add_tenant("Contoso", domain=_DOMAIN, id=self._seed.identifier("tenant")).id
        self._client_id = self.add_application(
            client_id=self._seed.identifier("application"), client_secret=self._seed.secret("application")
        ).client_id
        self.users = tuple(
            self.add_user(name, username=f"{account}@{_DOMAIN}", id=self._seed.identifier(account))
            for name, account in people.PEOPLE
        )
        self.limits = Limits()
        self._keys = SigningKeys(kept)
        self._grants = Grants(self.clock)
        self._shelf = Shelf(self.clock)
        self._faults = Faults()
        self._activity: Activity | None = None
        self._pool = _pool(webhook_ca)
        self._courier = Courier(self._pool, self, self.clock)
        self._happenings = Happenings(
            world=self._world,
            tenants=self.tenants,
            shelf=self._shelf,
            courier=self._courier,
            clock=self.clock,
            home_tenant_id=self.tenant_id,
            prove=self._prove,
            behaviour=self,
        )
        self._web = self._assembled()
        context, self.ca_bundle = server_context(kept, host)
        try:
            self._server = HttpsServer((host, port), context, self._web.answer)
        except OSError:
            self._courier.close()
            self._closing.close()
            raise
        shown = "localhost" if host in _WILDCARDS else f"[{host}]" if ":" in host else host
        self.url = f"https://{shown}:{self._server.server_port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving and delivering; what is not yet delivered is lost."""
        self.stop_activity()
        self._courier.close()
        self._server.close()
        self._pool.clear()
        self._closing.close()

    @property
    def graph_url(self) -> str:
        """The Graph root, without a version."""
        return self.url

    @property
    def login_url(self) -> str:
        """The root of the sign-in, without a tenant."""
        return self.url

    @property
    def application(self) -> Application:
        """The ready application, which may read everything."""
        return self.tenants.applications[self._client_id]

    @property
    def subscriptions(self) -> Mapping[str, StoredSubscription]:
        """The subscriptions that are alive, by id."""
        return self._shelf.all()

    @property
    def history(self) -> list[Event]:
        """All that was ever done to subscriptions, those included that have ended since."""
        return self._shelf.history

    @property
    def requests(self) -> list[RecordedRequest]:
        """All calls received so far, those inside a batch too, without the sandbox's own controls."""
        return [one for one in self._web.requests if not one.path.startswith("/sandbox")]

    @property
    def deliveries(self) -> list[Delivery]:
        """All notifications posted so far, each attempt by itself."""
        return list(self._courier.deliveries)

    @property
    def discarded(self) -> list[Mapping[str, object]]:
        """All bodies that were never posted, because their webhook answered too slowly."""
        return list(self._courier.discarded)

    def add_tenant(self, name: str, *, domain: str, id: str = "") -> Tenant:  # noqa: A002 - Graph's word
        """Add an organisation."""
        tenant = Tenant(id=id or self._seed.identifier(domain), name=name, domain=domain.lower())
        self.tenants.put(tenant)
        return tenant

    def add_user(
        self,
        name: str,
        *,
        username: str,
        tenant_id: str = "",
        id: str = "",  # noqa: A002 - Graph's word
    ) -> User:
        """Add a person, to the first tenant unless another is named."""
        user = User(
            id=id or self._seed.identifier(username),
            tenant_id=tenant_id or self.tenant_id,
            name=name,
            username=username,
        )
        self.tenants.put(user)
        facts = {"displayName": name, "userPrincipalName": username, "mail": username}
        item = self._world.locate(("users", user.id), "created", tenant_id=user.tenant_id)
        self._world.record(item, "created", facts, tenant_id=user.tenant_id, now=self.clock.now())
        return user

    def add_application(  # noqa: PLR0913 - what a registration may vary, all by name
        self,
        *,
        client_id: str = "",
        tenant_ids: Iterable[str] = (),
        client_secret: str = "",
        secret_expires_at: datetime | None = None,
        certificate_pem: str = "",
        federated_credential: FederatedCredential | None = None,
        redirect_uris: Iterable[str] = (),
        roles: Iterable[str] | None = None,
        scopes: Iterable[str] | None = None,
        allows_public_client: bool = True,
    ) -> Application:
        """Register an application, or register it anew if `client_id` is known.

        It is in the first tenant unless others are named, has every read permission unless `roles` and
        `scopes` are given, and gets a secret unless it has another credential.
        """
        identifier = client_id or self._seed.identifier(f"application {len(self.tenants.applications)}")
        has_other = bool(certificate_pem or federated_credential)
        secret = client_secret or ("" if has_other else self._seed.secret(identifier))
        certificates = (client_proof.certificate(certificate_pem),) if certificate_pem else ()
        application = Application(
            client_id=identifier,
            tenant_ids=frozenset(tenant_ids) or frozenset({self.tenant_id}),
            service_principal_id=self._seed.identifier(f"service principal {identifier}"),
            secrets=(ClientSecret(value=secret, expires_at=secret_expires_at),) if secret else (),
            certificates=certificates,
            federated_credentials=(federated_credential,) if federated_credential else (),
            redirect_uris=tuple(redirect_uris),
            roles=APPLICATION_ROLES if roles is None else frozenset(roles),
            scopes=DELEGATED_SCOPES if scopes is None else frozenset(scopes),
            allows_public_client=allows_public_client,
        )
        self.tenants.put(application)
        return application

    def assign_roles(self, client_id: str, user_id: str, *roles: str) -> None:
        """Give a user app roles in an application, in the place of those that were assigned."""
        application = self.tenants.applications[client_id.lower()]
        assignments = {**application.assignments, user_id: frozenset(roles)}
        self.tenants.put(replace(application, assignments=assignments))

    def add_client_secret(self, client_id: str, *, expires_at: datetime | None = None) -> str:
        """Give an application one more secret beside those that it has, and return it."""
        application = self.tenants.applications[client_id.lower()]
        value = self._seed.secret(f"{client_id} {len(application.secrets)}")
        added = ClientSecret(value=value, expires_at=expires_at)
        self.tenants.put(replace(application, secrets=(*application.secrets, added)))
        return value

    def remove_client_secret(self, client_id: str, value: str) -> None:
        """Take a secret from an application, as an administrator does."""
        application = self.tenants.applications[client_id.lower()]
        kept = tuple(secret for secret in application.secrets if secret.value != value)
        self.tenants.put(replace(application, secrets=kept))

    def add_client_certificate(self, client_id: str, certificate_pem: str) -> None:
        """Register one more certificate with an application."""
        application = self.tenants.applications[client_id.lower()]
        added = client_proof.certificate(certificate_pem)
        self.tenants.put(replace(application, certificates=(*application.certificates, added)))

    def grant(self, client_id: str, *, roles: Iterable[str]) -> Application:
        """Replace an application's roles, as an administrator does; tokens issued before keep theirs."""
        changed = replace(self.tenants.applications[client_id.lower()], roles=frozenset(roles))
        self.tenants.put(changed)
        return changed

    def make_change(
        self, resource_path: str, change_type: str, content: Mapping[str, object] | None = None
    ) -> Change:
        """Let something happen to an item, or in a collection, and tell who watches.

        In a collection that is a new item if it is `created` (`content` may give its id), else the one that
        changed last. What `content` leaves out of a new item is invented.

        Raises:
            ValueError: the change type is unknown.
        """
        return self.make_changes([(resource_path, change_type, content)])[0]

    def make_changes(
        self, happenings: Iterable[tuple[str, str, Mapping[str, object] | None]]
    ) -> list[Change]:
        """Let several things happen at once (path, change type, content); one POST tells a URL of all."""
        return self._happenings.let(
            Happening(path=canonical(path), change_type=change_type, content=content)
            for path, change_type, content in happenings
        )

    def send_lifecycle(self, subscription_id: str, event: str) -> None:
        """Send a lifecycle notification; `subscriptionRemoved` also removes the subscription.

        Raises:
            KeyError: there is no such subscription.
            ValueError: the event is unknown or the subscription has no lifecycle URL.
        """
        self._happenings.send_lifecycle(subscription_id, event)

    def remove_subscription(self, subscription_id: str) -> bool:
        """Let a subscription vanish without a word; return whether it was there."""
        return self._shelf.remove(subscription_id)

    def add_fault(  # noqa: PLR0913 - the ways in which a call may go wrong, all by name
        self,
        *,
        method: str = "",
        path: str = "",
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, object] | str = "",
        delay: timedelta | float = 0,
        times: int | None = 1,
        act: bool = False,
        drop: bool = False,
    ) -> Fault:
        """Prepare trouble for matching requests; see `Fault` for the choices. A bare `delay` is in seconds."""
        seconds = delay.total_seconds() if isinstance(delay, timedelta) else delay
        return self.put_fault(
            Fault(
                method=method,
                path=path,
                status=status,
                headers=headers or {},
                body=body,
                delay=seconds,
                times=times,
                act=act,
                drop=drop,
            )
        )

    def put_fault(self, fault: Fault) -> Fault:
        """Put a fault in force and return it."""
        self._faults.add(fault)
        return fault

    def clear_faults(self) -> None:
        """Lift all faults."""
        self._faults.clear()

    def advance(self, step: timedelta) -> datetime:
        """Move the sandbox's clock forward and return its new present (UTC)."""
        return self.clock.advance(step)

    def rotate_signing_keys(self) -> str:
        """Sign with a new key from now on; the one before stays published. Return the new key id."""
        return self._keys.rotate().kid

    def validation_token(
        self,
        *,
        audience: str = "",
        tenant_id: str = "",
        version: str = "2.0",
        claims: Mapping[str, object] | None = None,
        key: RSAPrivateKey | str | bytes | None = None,
        kid: str | None = "",
        algorithm: str = "RS256",
    ) -> str:
        """Return a validation token as rich notifications carry it.

        Everything may be forged: `claims` overrides (None removes one), `key`, `kid` (None = no
        kid) and `algorithm` replace what signs it. `version` is "1.0" or "2.0".
        """
        current = self._keys.current
        signed_by = {
            "key": current.private_key if key is None else key,
            "kid": current.kid if kid == "" else kid,
            "algorithm": algorithm,
        }
        return tokens.validation_token(
            self._keys,
            audience=audience or self._client_id,
            tenant_id=tenant_id or self.tenant_id,
            now=self.clock.now(),
            version=version,
            claims=claims,
            signed_by=signed_by,
        )

    def encrypt(
        self, content: Mapping[str, object], certificate_der_base64: str, certificate_id: str
    ) -> dict[str, str]:
        """Return `encryptedContent` for a Base64 DER certificate."""
        return encryption.encrypt(content, certificate_der_base64, certificate_id)

    def approve_device_code(self, user_code: str, user: User | None) -> bool:
        """Approve a device code as this user, or refuse it with None; return whether the code is known."""
        return self._grants.answer_device(user_code, user)

    def revoke_sign_ins(self, user_id: str) -> None:
        """End all refresh tokens of a user, as a change of password does."""
        self._grants.revoke(user_id)

    def expire_delta_tokens(self) -> None:
        """Let every delta link answer 410."""
        self._web.delta.expire_tokens()

    def flush(self, timeout: timedelta | float = 30) -> None:
        """Wait until every notification was delivered or given up; a bare `timeout` is in seconds.

        Raises:
            TimeoutError: something is still under way.
        """
        self._courier.flush(timeout if isinstance(timeout, timedelta) else timedelta(seconds=timeout))

    def flush_due(self, timeout: timedelta | float = 30) -> None:
        """Wait until every notification that is due by now was posted; later tries go on waiting.

        Raises:
            TimeoutError: something is still under way.
        """
        self._courier.flush_due(timeout if isinstance(timeout, timedelta) else timedelta(seconds=timeout))

    def start_activity(self, interval: timedelta) -> None:
        """Let something happen to every live subscription at each interval, until `stop_activity`."""
        self.stop_activity()
        self._activity = Activity(
            interval,
            subscriptions=self._shelf.all,
            make_change=self._make_own_change,
            send_lifecycle=self.send_lifecycle,
        )

    def stop_activity(self) -> None:
        """Let nothing happen by itself any more."""
        if self._activity is not None:
            self._activity.stop()
            self._activity = None

    def _assembled(self) -> Web:
        identity = Identity(tenants=self.tenants, keys=self._keys, grants=self._grants, clock=self.clock)
        operations = Operations(
            shelf=self._shelf,
            tenants=self.tenants,
            clock=self.clock,
            behaviour=self,
            pool=self._pool,
        )
        return Web(
            clock=self.clock,
            identity=identity,
            sign_in=SignIn(identity=identity),
            operations=operations,
            reads=Reads(tenants=self.tenants, world=self._world),
            delta=Delta(world=self._world, clock=self.clock, behaviour=self),
            control=Control(self),
            faults=self._faults,
            limits=self.limits,
            requests=[],
            behaviour=self,
        )

    def _make_own_change(self, path: Canonical, change_type: str) -> None:
        self._happenings.let([Happening(path=path, change_type=change_type)])

    def _prove(self, application_id: str, tenant_id: str) -> str:
        return self.validation_token(audience=application_id, tenant_id=tenant_id)


def _seed(directory: Path) -> Seed:
    kept = directory / "seed"
    if kept.exists():
        return Seed(kept.read_text(encoding="ascii").strip())
    seed = Seed()
    private_files.write(kept, seed.value.encode("ascii"))
    return seed


def _places(seed: Seed) -> Places:
    return Places(
        team_id=seed.identifier("team"),
        channel_id=f"19:{seed.identifier('channel').replace('-', '')}@thread.tacv2",
        chat_id=f"19:{seed.identifier('chat').replace('-', '')}@unq.gbl.spaces",
        meeting_id=seed.identifier("meeting"),
        user_id=seed.identifier(people.PEOPLE[0][1]),
    )


def _pool(webhook_ca: Path | None) -> urllib3.PoolManager:
    if webhook_ca is None:
        return urllib3.PoolManager(maxsize=8)
    return urllib3.PoolManager(maxsize=8, ca_certs=str(webhook_ca))
