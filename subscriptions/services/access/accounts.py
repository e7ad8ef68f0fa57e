"""Sign in an account: begun in a browser or on another device, proven, and kept for what only users may watch."""

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from subscriptions import catalogue
from subscriptions.graph import sign_in
from subscriptions.graph.errors import TokenRefusedError
from subscriptions.graph.sign_in import DeviceCode, SignedIn, SignInNeededError
from subscriptions.graph.tokens import Credential
from subscriptions.keys.field_encryption import FieldDecryptionError
from subscriptions.models import AppRegistration, DelegatedAccount
from subscriptions.services.access import credentials
from subscriptions.services.access.clients import sign_in_app, signing_keys_for
from subscriptions.services.errors import UseCaseError

logger = logging.getLogger(__name__)

# As long as Entra's authorization code is good.
SIGN_IN_LASTS = timedelta(minutes=10)
ALWAYS_ASKED = "User.Read"

_PERMISSION = re.compile(r"[A-Za-z][A-Za-z0-9-]*(\.[A-Za-z0-9-]+)+")


class SignInRefusedError(UseCaseError):
    """The sign-in cannot be begun or finished; nothing was kept."""


@dataclass(frozen=True, kw_only=True)
class PendingSignIn:
    """A sign-in that goes on in the browser: `address` is where, `kept` is what `finish` needs, good for JSON."""

    address: str = field(repr=False)
    kept: dict[str, Any] = field(repr=False)


def begin(
    app_registration: AppRegistration,
    *,
    kind: str,
    permissions: Iterable[str],
    redirect_uri: str,
    expected: DelegatedAccount | None,
    now: datetime,
) -> PendingSignIn:
    """Begin a sign-in by browser; `expected` is the account that has to sign in again.

    Raises:
        GraphError: the sign-in service cannot be reached, or a setting or secret is missing.

    """
    flow = sign_in.begin(
        sign_in_app(app_registration, kind=kind),
        permissions=permissions,
        redirect_uri=redirect_uri,
        login_hint=expected.username if expected else "",
    )
    kept = {
        "app_registration": app_registration.pk,
        "kind": kind,
        "expected": expected.pk if expected else None,
        "begun_at": now.isoformat(),
        "flow": flow,
    }
    return PendingSignIn(address=str(flow["auth_uri"]), kept=kept)


def finish(
    kept: Mapping[str, Any] | None, *, unverified_answer: Mapping[str, str], now: datetime
) -> DelegatedAccount:
    """Finish a sign-in with what the browser brought back, and keep the account.

    Whoever calls gives up `kept` before, so that it serves once.

    Raises:
        SignInRefusedError: there is none to finish, it took too long, was cancelled, or somebody else signed in.
        GraphError: Entra refused, did not answer, or did not prove who signed in.

    """
    if not kept:
        raise SignInRefusedError(
            "No sign-in is under way in this session, or it was finished already. Start it again."
        )
    if now - datetime.fromisoformat(kept["begun_at"]) > SIGN_IN_LASTS:
        raise SignInRefusedError("The sign-in took longer than ten minutes. Start it again.")
    app_registration = AppRegistration.objects.filter(pk=kept["app_registration"]).first()
    if app_registration is None:
        raise SignInRefusedError("The app registration was deleted meanwhile.")

    def redeem(credential: Credential) -> SignedIn:
        return sign_in.finish(
            sign_in_app(app_registration, kind=kept["kind"], credential=credential),
            flow=kept["flow"],
            unverified_answer=unverified_answer,
            signing_keys=signing_keys_for(app_registration),
            now=now,
        )

    try:
        signed_in = credentials.use(app_registration, redeem, now=now)
    except TokenRefusedError as error:
        if error.error != "access_denied":
            raise
        raise SignInRefusedError(f"The sign-in was cancelled or refused: {error.message}") from error
    return _keep(app_registration, signed_in, expected_pk=kept["expected"], now=now)


def begin_on_device(
    app_registration: AppRegistration, *, kind: str, permissions: Iterable[str]
) -> DeviceCode:
    """Begin a sign-in by a code that the user enters on another device.

    Raises:
        GraphError: the sign-in service refuses or cannot be reached, or a setting or secret is missing.

    """
    return sign_in.begin_on_device(sign_in_app(app_registration, kind=kind), permissions=permissions)


def finish_on_device(
    app_registration: AppRegistration,
    code: DeviceCode,
    *,
    kind: str,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
) -> DelegatedAccount:
    """Wait until the user has entered the code, and keep the account; `sleep` takes seconds.

    Raises:
        GraphError: the user refused, the code expired, or it is not proven who signed in.

    """
    signed_in = sign_in.finish_on_device(
        sign_in_app(app_registration, kind=kind),
        code,
        signing_keys=signing_keys_for(app_registration),
        clock=clock,
        sleep=sleep,
    )
    return _keep(app_registration, signed_in, expected_pk=None, now=clock())


def permissions_in(text: str) -> tuple[str, ...]:
    """Return the permissions that an administrator typed, and the one that is always asked for.

    Raises:
        SignInRefusedError: a word is no name of a permission.

    """
    names = [name for name in re.split(r"[\s,;]+", text) if name and name not in sign_in.IDENTITY_SCOPES]
    for name in names:
        if not _PERMISSION.fullmatch(name):
            raise SignInRefusedError(
                f"{name[:100]!r} is no name of a permission. Write them as Graph does, such as Presence.Read.All."
            )
    return tuple(dict.fromkeys((ALWAYS_ASKED, *names)))


def advised_permission(resource: str, *, kind: str) -> str:
    """Return the least permission with which an account of that kind may watch the path; empty if not known."""
    entry = catalogue.entry_for(resource)
    if entry is None:
        return ""
    is_personal = kind == DelegatedAccount.Kind.PERSONAL
    permissions = entry.permissions.delegated_personal if is_personal else entry.permissions.delegated_work
    return (permissions or ("",))[0]


def granted_permissions(account: DelegatedAccount) -> tuple[str, ...]:
    """Return the permissions that the account was granted when it signed in; none if its cache does not open."""
    try:
        return sign_in.granted_permissions(account.token_cache.reveal())
    except (SignInNeededError, FieldDecryptionError):
        return ()


def _keep(
    app_registration: AppRegistration, signed_in: SignedIn, *, expected_pk: int | None, now: datetime
) -> DelegatedAccount:
    """Save who has signed in; what waited for this account is tried again at the next renewal run."""
    identity = signed_in.identity
    # From the proven claims: what MSAL calls by this name comes from a part of the answer that nobody signs.
    home_account_id = f"{identity.object_id}.{identity.tenant_id}"
    before = DelegatedAccount.objects.filter(
        app_registration=app_registration, home_account_id=home_account_id
    ).first()
    if expected_pk is not None and (before is None or before.pk != expected_pk):
        raise SignInRefusedError(
            f"{identity.username} signed in, but another account has to sign in again. Nothing was kept."
        )
    kinds = DelegatedAccount.Kind
    account, _ = DelegatedAccount.objects.update_or_create(
        app_registration=app_registration,
        home_account_id=home_account_id,
        defaults={
            "username": identity.username[:320],
            "kind": kinds.PERSONAL if identity.is_personal else kinds.WORK,
            "token_cache": signed_in.token_cache,
            "needs_sign_in": False,
            "problem": "",
            "signed_in_at": now,
        },
    )
    if before and before.needs_sign_in:
        account.subscriptions.filter(failures__gt=0, renew_at__gt=now).update(renew_at=now)
    logger.info("account signed in id=%s", account.pk)
    return account
