"""The simulated world: the stand-in for Microsoft's cloud, our installation, and what befalls both."""

import io
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from urllib.parse import parse_qsl, urlsplit

import requests

from subscriptions.models import AppRegistration, DelegatedAccount
from subscriptions.sandbox import Sandbox, User
from subscriptions.sandbox.tenants import APPLICATION_ROLES
from subscriptions.services import bulk, certificates
from subscriptions.services.access import accounts, app_registrations
from tests.benchmarks.month import clock, trouble
from tests.benchmarks.month.weather import Spell, Trouble
from tests.benchmarks.month.webhook import Webhook
from tests.benchmarks.month.wishes import Wish

REDIRECT_URI = "http://127.0.0.1:8000/admin/subscriptions/delegatedaccount/callback/"
CERTIFICATE = "month"
USERS_PERMISSIONS = ("User.Read", "Presence.Read.All", "Tasks.ReadWrite")
ACTOR = "month"
# Nothing may be asked to live shorter than 45 minutes.
SHORTEST_OF_LONGEST = timedelta(minutes=50)

# Who owns a subscription at Graph: the client id of an app, and the id of the user in whose name it watches.
Owner = tuple[str, str | None]


@dataclass(kw_only=True)
class App:
    """An app registration as both sides know it, and the account that is signed in to it, if one is."""

    name: str
    client_id: str
    tenant_id: str
    user: User | None
    secret: str = field(repr=False)


@dataclass(kw_only=True)
class World:
    """What there is, and how to hurt it."""

    sandbox: Sandbox
    webhook: Webhook
    chance: Random
    apps: list[App] = field(default_factory=list)
    spells: list[Spell] = field(default_factory=list)

    def found(self, *, apps: int, accounts_of: int) -> None:
        """Register apps in tenants of their own; the first `accounts_of` have a signed-in account."""
        certificates.generate(CERTIFICATE, key_size=2048, now=clock.now())
        for number in range(apps):
            tenant = self.sandbox.add_tenant(f"Tenant {number}", domain=f"tenant{number}.example")
            application = self.sandbox.add_application(tenant_ids=[tenant.id])
            user = None
            if number < accounts_of:
                username = f"reader@tenant{number}.example"
                user = self.sandbox.add_user("Reader", username=username, tenant_id=tenant.id)
            app = App(
                name=f"App {number}",
                client_id=application.client_id,
                tenant_id=tenant.id,
                user=user,
                secret=application.client_secret,
            )
            self.apps.append(app)
            self._enter_secret(app)
            if user:
                self._sign_in(app)

    def wish(self, wishes: list[Wish]) -> bulk.Report:
        """Create what is wished, as an administrator does with a file."""
        with_account = [app for app in self.apps if app.user]
        lines = ["app,resource,change_type,rich,certificate,account,minutes"]
        for wish in wishes:
            kind = wish.kind
            app = self.chance.choice(with_account if kind.is_delegated else self.apps)
            account = app.user.username if kind.is_delegated and app.user else ""
            rich = ("yes", CERTIFICATE) if kind.is_rich else ("", "")
            lines.append(
                f'{app.name},{wish.resource},"{kind.change_type}",{rich[0]},{rich[1]},{account},{wish.minutes or ""}'
            )
        return bulk.create_many(io.StringIO("\n".join(lines)), clock=clock.now, actor=ACTOR)

    def change_weather(self, spells: list[Spell]) -> None:
        """Begin what is new among `spells`, and end what is no longer among them."""
        # Whoever mends something chooses a moment in which it can be mended.
        self.sandbox.clear_faults()
        for spell in self.spells:
            if spell not in spells:
                self._turn(spell, is_on=False)
        for spell in spells:
            if spell not in self.spells:
                self._turn(spell, is_on=True)
        self.spells = spells
        self.webhook.is_up = not self.suffers(Trouble.ENDPOINT_DOWN, Trouble.MACHINE_DOWN)
        self.calm()

    def calm(self) -> None:
        """Lift single bad answers; what holds for longer stays."""
        self.sandbox.clear_faults()
        for spell in self.spells:
            if spell.trouble == Trouble.GRAPH_DOWN:
                self._put_outage(trouble.GRAPH)
            elif spell.trouble == Trouble.SIGN_IN_DOWN:
                self._put_outage(trouble.LOGIN)

    def suffers(self, *troubles: Trouble) -> bool:
        """Say whether one of these troubles holds now."""
        return any(spell.trouble in troubles for spell in self.spells)

    def suffering(self) -> set[Owner]:
        """Return those who cannot be served now, beside what befalls all."""
        owners: set[Owner] = set()
        for spell in self.spells:
            match spell.trouble:
                case Trouble.CONSENT_WITHDRAWN:
                    owners.add((self._app_of(spell).client_id, None))
                case Trouble.SECRET_EXPIRED:
                    app = self._app_of(spell)
                    owners |= {(app.client_id, None), (app.client_id, app.user.id if app.user else None)}
                case Trouble.SIGN_IN_REVOKED:
                    app = self._account_of(spell)
                    owners.add((app.client_id, app.user.id if app.user else None))
                case _:
                    pass
        return owners

    def _turn(self, spell: Spell, *, is_on: bool) -> None:
        match spell.trouble:
            case Trouble.CONSENT_WITHDRAWN:
                roles = () if is_on else APPLICATION_ROLES
                self.sandbox.grant(self._app_of(spell).client_id, roles=roles)
            case Trouble.SECRET_EXPIRED:
                self._replace_secret(self._app_of(spell), expires_at=clock.now() if is_on else None)
            case Trouble.SIGN_IN_REVOKED if is_on:
                user = self._account_of(spell).user
                self.sandbox.revoke_sign_ins(user.id if user else "")
            case Trouble.SIGN_IN_REVOKED:
                self._sign_in(self._account_of(spell))
            case Trouble.SHORTER_GRANTS:
                self.sandbox.longest_grant = spell.ends_at - spell.began_at if is_on else None
            case Trouble.SHORTER_LIVES:
                longest = max(spell.ends_at - spell.began_at, SHORTEST_OF_LONGEST)
                self.sandbox.longest_life = longest if is_on else None
            case _:
                pass

    def _put_outage(self, path: str) -> None:
        self.sandbox.put_fault(trouble.Outage(path, chance=self.chance, clock=clock.now))

    def _app_of(self, spell: Spell) -> App:
        return self.apps[spell.place % len(self.apps)]

    def _account_of(self, spell: Spell) -> App:
        with_account = [app for app in self.apps if app.user]
        return with_account[spell.place % len(with_account)]

    def _replace_secret(self, app: App, *, expires_at: datetime | None) -> None:
        """Let a secret expire, or make a new one that an administrator enters in its place."""
        if expires_at is None:
            app.secret = f"invented-{uuid.UUID(int=self.chance.getrandbits(128))}"
        self.sandbox.add_application(
            client_id=app.client_id,
            tenant_ids=[app.tenant_id],
            client_secret=app.secret,
            secret_expires_at=expires_at,
        )
        if expires_at is None:
            self._enter_secret(app)

    def _enter_secret(self, app: App) -> None:
        app_registrations.register(
            name=app.name,
            cloud=AppRegistration.Cloud.CUSTOM,
            tenant_id=app.tenant_id,
            client_id=app.client_id,
            credential=app_registrations.NewCredential(client_secret=app.secret),
        )

    def _sign_in(self, app: App) -> None:
        """Sign the account of an app in, as its user does with a browser."""
        username = app.user.username if app.user else ""
        app_registration = AppRegistration.objects.get(name=app.name)
        expected = DelegatedAccount.objects.filter(app_registration=app_registration).first()
        pending = accounts.begin(
            app_registration,
            kind="work",
            permissions=USERS_PERMISSIONS,
            redirect_uri=REDIRECT_URI,
            expected=expected,
            now=clock.now(),
        )
        answer = requests.post(
            pending.address,
            data={"username": username},
            verify=str(self.sandbox.ca_bundle),
            timeout=20,
            allow_redirects=False,
        )
        brought_back = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))
        accounts.finish(pending.kept, unverified_answer=brought_back, now=clock.now())
