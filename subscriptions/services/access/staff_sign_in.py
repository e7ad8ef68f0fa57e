"""Sign in staff by Entra: proven by an ID token, let in by app roles, and known by tenant and object id."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import IntegrityError, transaction

from subscriptions import conf
from subscriptions.graph import sign_in
from subscriptions.graph.errors import TokenRefusedError
from subscriptions.graph.id_tokens import SignedIdentity
from subscriptions.graph.sign_in import SignInApp
from subscriptions.graph.tokens import ClientSecret
from subscriptions.models import StaffIdentity
from subscriptions.services.access.accounts import SIGN_IN_LASTS, PendingSignIn, SignInRefusedError
from subscriptions.services.access.clients import cloud_named, signing_keys_of

logger = logging.getLogger(__name__)

LONGEST_USERNAME = 150


class NoRoleError(SignInRefusedError):
    """Entra knows the person, and has given no role here."""


def is_offered() -> bool:
    """Say whether staff may sign in by Entra."""
    return bool(conf.configuration().sign_in_client_id)


def begin(*, redirect_uri: str, now: datetime) -> PendingSignIn:
    """Begin a sign-in by browser.

    Raises:
        GraphError: the sign-in service cannot be reached or refuses.

    """
    flow = sign_in.begin(_app(), permissions=(), redirect_uri=redirect_uri, is_for_tokens=False)
    return PendingSignIn(address=str(flow["auth_uri"]), kept={"begun_at": now.isoformat(), "flow": flow})


def finish(kept: Mapping[str, Any] | None, *, unverified_answer: Mapping[str, str], now: datetime) -> User:
    """Return the user who has come back, with the groups that Entra's app roles name.

    Whoever calls gives up `kept` before, so that it serves once.

    Raises:
        NoRoleError: no app role of the person names a group here; what the user had here before is taken away.
        SignInRefusedError: there is none to finish, it took too long, was cancelled, or the user is blocked here.
        GraphError: Entra refused, did not answer, or did not prove who signed in.

    """
    if not kept:
        raise SignInRefusedError("No sign-in is under way in this browser, or it was finished already.")
    if now - datetime.fromisoformat(kept["begun_at"]) > SIGN_IN_LASTS:
        raise SignInRefusedError("The sign-in took longer than ten minutes.")
    app = _app()
    try:
        identity = sign_in.identify(
            app,
            flow=kept["flow"],
            unverified_answer=unverified_answer,
            signing_keys=signing_keys_of(app.cloud),
            now=now,
        )
    except TokenRefusedError as error:
        if error.error != "access_denied":
            raise
        raise SignInRefusedError(f"The sign-in was cancelled or refused: {error.message}") from error
    return _admitted(identity, now=now)


def sign_out_address(*, back_to: str) -> str:
    """Return where the browser signs out of Entra too, to come back to `back_to`."""
    return sign_in.sign_out_address(
        cloud_named(conf.configuration().sign_in_cloud),
        tenant_id=conf.configuration().sign_in_tenant_id,
        back_to=back_to,
    )


def _admitted(identity: SignedIdentity, *, now: datetime) -> User:
    groups = list(Group.objects.filter(name__in=identity.roles))
    known = StaffIdentity.objects.filter(tenant_id=identity.tenant_id, object_id=identity.object_id)
    user = User.objects.filter(staff_identity__in=known).first()
    if not groups:
        if user:
            _shut_out(user)
        logger.warning("staff without a role object_id=%s", identity.object_id)
        raise NoRoleError(
            f"{identity.username} has no role here. Somebody who manages the app in Entra has to assign one under "
            "Enterprise applications, Users and groups."
        )
    if user is None:
        user = _made(identity, now=now)
    if not user.is_active:
        raise SignInRefusedError(f"{identity.username} is blocked here by an administrator.")
    with transaction.atomic():
        user.groups.set(groups)
        User.objects.filter(pk=user.pk).update(is_staff=True)
        known.update(signed_in_at=now)
    user.refresh_from_db()
    logger.info("staff signed in user=%s groups=%s", user.pk, ",".join(sorted(one.name for one in groups)))
    return user


def _made(identity: SignedIdentity, *, now: datetime) -> User:
    """Return a new user; a name that is taken here stays whose it is."""
    ids = {"tenant_id": identity.tenant_id, "object_id": identity.object_id}
    name = identity.username[:LONGEST_USERNAME]
    if User.objects.filter(username__iexact=name).exists():
        name = f"{identity.username[:100]} ({identity.object_id})"
    try:
        with transaction.atomic():
            user = User.objects.create_user(name)
            StaffIdentity.objects.create(user=user, signed_in_at=now, **ids)
    except IntegrityError:
        # The same person signs in by another browser at this moment.
        return User.objects.get(staff_identity__in=StaffIdentity.objects.filter(**ids))
    return user


def _shut_out(user: User) -> None:
    """Take away what a role had given; sessions and tokens of the user open nothing from now on."""
    with transaction.atomic():
        user.groups.clear()
        User.objects.filter(pk=user.pk).update(is_staff=False)


def _app() -> SignInApp:
    configuration = conf.configuration()
    if not is_offered():
        raise SignInRefusedError("Signing in by Entra is not set up here.")
    return SignInApp(
        cloud=cloud_named(configuration.sign_in_cloud),
        tenant=configuration.sign_in_tenant_id,
        client_id=configuration.sign_in_client_id,
        credential=ClientSecret(secret=configuration.sign_in_client_secret),
    )
