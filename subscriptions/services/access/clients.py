"""The one place where a Graph client is built from an app registration."""

from collections.abc import Callable
from datetime import timedelta
from functools import cache, partial

from django.utils import timezone

from subscriptions import conf
from subscriptions.graph import clouds, tokens
from subscriptions.graph.client import MAX_WAIT, GraphClient, Version
from subscriptions.graph.clouds import Cloud
from subscriptions.graph.documents import CallRecord
from subscriptions.graph.id_tokens import PERSONAL_TENANT
from subscriptions.graph.sign_in import SignInApp
from subscriptions.graph.signing_keys import SigningKeys
from subscriptions.keys.field_encryption import FieldDecryptionError
from subscriptions.models import AppRegistration, DelegatedAccount, Subscription
from subscriptions.services.access import account_tokens, credentials
from subscriptions.services.errors import NotConfiguredError, UnreadableSecretError


def cloud_of(app_registration: AppRegistration) -> Cloud:
    """Return the addresses of the app registration's cloud.

    Raises:
        NotConfiguredError: the cloud is custom and CUSTOM_GRAPH_URL is not set.

    """
    return cloud_named(app_registration.cloud)


def cloud_named(name: str) -> Cloud:
    """Return the addresses of a cloud.

    Raises:
        NotConfiguredError: the cloud is custom and CUSTOM_GRAPH_URL is not set.

    """
    if name != AppRegistration.Cloud.CUSTOM:
        return clouds.CLOUDS[name]
    configuration = conf.configuration()
    if not configuration.custom_graph_url:
        raise NotConfiguredError(
            "The cloud is custom, but CUSTOM_GRAPH_URL and CUSTOM_LOGIN_URL are not set. "
            "Set both in the environment and start again."
        )
    return clouds.custom(
        configuration.custom_graph_url, configuration.custom_login_url, configuration.custom_ca_bundle
    )


def access_token(app_registration: AppRegistration, *, force: bool = False) -> tokens.AccessToken:
    """Return a token of the app itself, from the cache while it lasts; `force` gets a fresh one.

    Raises:
        TokenRefusedError, UnreachableError, ThrottledError, NotReadyError: no token is to be had.

    """
    return credentials.use(
        app_registration, partial(token_by, app_registration, force=force), now=timezone.now()
    )


def token_by(
    app_registration: AppRegistration, credential: tokens.Credential, *, force: bool = False
) -> tokens.AccessToken:
    """Return a token of the app itself, got with this credential and no other.

    Raises:
        TokenRefusedError, UnreachableError, ThrottledError, NotReadyError: no token is to be had with it.

    """
    return tokens.acquire_for_app(
        cloud_of(app_registration),
        app_registration.tenant_id,
        app_registration.client_id,
        credential,
        force=force,
    )


def sign_in_app(
    app_registration: AppRegistration, *, kind: str, credential: tokens.Credential | None = None
) -> SignInApp:
    """Return the app as users sign in to it; personal accounts do so outside its tenant.

    Without a `credential` it proves itself by the one in use.

    Raises:
        NotReadyError: a setting is missing, or the credential does not open.

    """
    is_personal = kind == DelegatedAccount.Kind.PERSONAL
    return SignInApp(
        cloud=cloud_of(app_registration),
        tenant=PERSONAL_TENANT if is_personal else app_registration.tenant_id,
        client_id=app_registration.client_id,
        credential=credential or credentials.current(app_registration),
    )


def account_token(account: DelegatedAccount, *, force: bool = False) -> tokens.AccessToken:
    """Return a token of a signed-in account, got without the user; `force` gets a fresh one.

    Raises:
        SignInNeededError: the account has to sign in again.
        TokenRefusedError, UnreachableError, ThrottledError, NotReadyError: no token is to be had now.

    """
    app_registration, now = account.app_registration, timezone.now()

    def get(credential: tokens.Credential) -> tokens.AccessToken:
        app = sign_in_app(app_registration, kind=account.kind, credential=credential)
        return account_tokens.access_token(account.pk, app, force=force, now=now)

    try:
        return credentials.use(app_registration, get, now=now)
    except FieldDecryptionError as error:
        raise UnreadableSecretError(str(error)) from error


def client_for(
    app_registration: AppRegistration,
    *,
    account: DelegatedAccount | None = None,
    on_call: Callable[[CallRecord], None] | None = None,
    max_wait: timedelta = MAX_WAIT,
) -> GraphClient:
    """Build the Graph client of an app registration, or of an account that signed in to it.

    `on_call` is told of every HTTP call. `max_wait` bounds the waiting between the tries of one call.
    """

    def bearer(force: bool) -> str:
        if account is not None:
            return account_token(account, force=force).value
        return access_token(app_registration, force=force).value

    return GraphClient(
        cloud=cloud_of(app_registration), access_token=bearer, on_call=on_call, max_wait=max_wait
    )


def impatient_client(
    app_registration: AppRegistration, *, access_token: Callable[[bool], str]
) -> GraphClient:
    """Build a client that neither waits nor repeats, for who decides that for many calls together."""
    return GraphClient(cloud=cloud_of(app_registration), access_token=access_token, attempts=1)


def account_session(account: DelegatedAccount) -> account_tokens.Session:
    """Open an account's tokens for a run.

    Raises:
        UnreadableSecretError: FIELD_ENCRYPTION_KEYS lacks the key with which its tokens were saved.

    """
    try:
        return account_tokens.Session(account)
    except FieldDecryptionError as error:
        raise UnreadableSecretError(str(error)) from error


def client_of(
    subscription: Subscription, *, on_call: Callable[[CallRecord], None] | None = None
) -> GraphClient:
    """Build the Graph client of whoever watches by this subscription: a signed-in account, or the app itself."""
    return client_for(subscription.app_registration, account=subscription.delegated_account, on_call=on_call)


def version_of(subscription: Subscription) -> Version:
    """Return the API version under which the subscription was, or is to be, created."""
    return "beta" if subscription.api_version == Subscription.ApiVersion.BETA else "v1.0"


@cache
def signing_keys_of(cloud: Cloud) -> SigningKeys:
    """Return the keys with which a cloud signs its tokens, shared by all of this process."""
    return SigningKeys(cloud)


def signing_keys_for(app_registration: AppRegistration) -> SigningKeys:
    """Return the keys with which the cloud signs validation tokens, shared by all of this process."""
    return signing_keys_of(cloud_of(app_registration))
