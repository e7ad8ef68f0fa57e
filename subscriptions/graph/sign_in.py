"""Users who sign in, by MSAL: the authorization code and device code flows, and tokens without the user."""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import jwt
import msal
from msal.token_cache import TokenCache

from subscriptions.graph import id_tokens
from subscriptions.graph.clouds import Cloud
from subscriptions.graph.entra import HttpClient, SignInFailedError, refusal
from subscriptions.graph.errors import GraphError, TokenRefusedError, UnexpectedAnswerError
from subscriptions.graph.id_tokens import IdTokenRefusedError, SignedIdentity
from subscriptions.graph.signing_keys import SigningKeys
from subscriptions.graph.tokens import AccessToken, Credential, secret_in

# MSAL asks for these itself and refuses to be told; `email` adds nothing that we use.
IDENTITY_SCOPES = frozenset({"openid", "profile", "offline_access", "email"})
# A token that ends sooner is replaced, so that it lasts for the call it is fetched for.
SHORTEST_LIFE = timedelta(minutes=5)

# What a refresh is refused with when only the user can help.
# Source: Microsoft Learn, Entra authentication and authorization error codes.
_NEEDS_THE_USER = frozenset({"invalid_grant", "interaction_required", "login_required", "consent_required"})
_STILL_WAITING = frozenset({"authorization_pending", "slow_down"})
# Entra takes the app for a public one, which must not prove itself.
_IS_PUBLIC = 700025
# Entra wants proof of the app, which the device code flow has none of.
_IS_NOT_PUBLIC = 7000218

Flow = dict[str, Any]


class SignInNeededError(TokenRefusedError):
    """No token without the user: the account has to sign in again."""

    default_explanation = "The signed-in account has to sign in again."

    @property
    def is_about_credential(self) -> bool:
        """Say no: another credential of the app would not help."""
        return False

    @property
    def explanation(self) -> str:
        """What happened and what to do about it, in plain words."""
        return f"{super().explanation} Open the account in the admin and choose 'Sign in again'."


class WrongAnswerError(GraphError):
    """The browser came back with an answer that does not belong to the sign-in that was begun."""

    default_explanation = (
        "Nothing was kept. Start the sign-in again, and finish it in the same browser window."
    )


@dataclass(frozen=True, kw_only=True)
class SignInApp:
    """The app for which users sign in. `tenant` is an id, a domain, or `consumers` for personal accounts."""

    cloud: Cloud
    tenant: str
    client_id: str
    credential: Credential


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A user who has signed in, proven, with what MSAL needs to get tokens from now on."""

    identity: SignedIdentity
    token_cache: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class DeviceCode:
    """A code that the user enters at an address; `flow` is MSAL's own record of it."""

    user_code: str
    address: str
    expires_at: datetime
    flow: Flow = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Refreshed:
    """A token of the user, and the token cache as it is after getting it."""

    access_token: AccessToken
    token_cache: str = field(repr=False)


def begin(
    app: SignInApp,
    *,
    permissions: Iterable[str],
    redirect_uri: str,
    login_hint: str = "",
    is_for_tokens: bool = True,
) -> Flow:
    """Return the flow of a sign-in by browser: send the user to its `auth_uri`, and keep it for `finish`.

    It holds state, nonce and the PKCE verifier, and goes into JSON. `login_hint` names the account that is expected.
    Unless it `is_for_tokens`, nothing is asked for but who the user is, for `identify`.

    Raises:
        TokenRefusedError, UnreachableError, ThrottledError, UnexpectedAnswerError: the sign-in cannot begin.

    """
    with _our_errors():
        application = _application(app, msal.SerializableTokenCache(), is_for_tokens=is_for_tokens)
        flow: Flow = application.initiate_auth_code_flow(
            _scopes(app, permissions),
            redirect_uri=redirect_uri,
            # Without it the browser signs in whoever it knows, which is the administrator.
            prompt=None if login_hint else "select_account",
            login_hint=login_hint or None,
            response_mode="form_post",
        )
    # MSAL warns of any other mode, but the cookie of the administrator's session comes along with a GET only.
    flow["auth_uri"] = flow["auth_uri"].replace("response_mode=form_post", "response_mode=query")
    return flow


def finish(
    app: SignInApp,
    *,
    flow: Flow,
    unverified_answer: Mapping[str, str],
    signing_keys: SigningKeys,
    now: datetime,
) -> SignedIn:
    """Redeem what the browser brought back from `begin`.

    Raises:
        WrongAnswerError: the answer does not belong to this flow.
        IdTokenRefusedError: the answer does not prove who signed in.
        GraphError: Entra refused or did not answer.

    """
    cache = msal.SerializableTokenCache()
    result, nonce = _redeemed(app, cache, flow, unverified_answer)
    return _proven(app, cache, result, signing_keys=signing_keys, nonce=nonce, now=now)


def identify(
    app: SignInApp,
    *,
    flow: Flow,
    unverified_answer: Mapping[str, str],
    signing_keys: SigningKeys,
    now: datetime,
) -> SignedIdentity:
    """Say who came back from a sign-in that is not for tokens; nothing is kept of the answer.

    Raises:
        WrongAnswerError: the answer does not belong to this flow.
        IdTokenRefusedError: the answer does not prove who signed in.
        GraphError: Entra refused or did not answer.

    """
    result, nonce = _redeemed(
        app, msal.SerializableTokenCache(), flow, unverified_answer, is_for_tokens=False
    )
    return _identity(app, result, signing_keys=signing_keys, nonce=nonce, now=now)


def sign_out_address(cloud: Cloud, *, tenant_id: str, back_to: str) -> str:
    """Return where a browser goes to sign out of the tenant; afterwards it is led to `back_to`.

    Source: Microsoft Learn, identity-platform/v2-protocols-oidc.md (2025-03-11).
    """
    query = urlencode({"post_logout_redirect_uri": back_to})
    return f"{cloud.authority(tenant_id)}/oauth2/v2.0/logout?{query}"


def _redeemed(
    app: SignInApp,
    cache: msal.SerializableTokenCache,
    flow: Flow,
    unverified_answer: Mapping[str, str],
    *,
    is_for_tokens: bool = True,
) -> tuple[Mapping[str, Any], str]:
    """Return Entra's answer to the code that the browser brought, and the nonce that has to be in it."""
    state = unverified_answer.get("state", "")
    if not hmac.compare_digest(str(flow.get("state", "")).encode(), state.encode()) or not state:
        raise WrongAnswerError("The answer does not belong to the sign-in that was begun here.")
    if not unverified_answer.get("code") and not unverified_answer.get("error"):
        raise WrongAnswerError("The sign-in page sent neither a code nor a reason.")
    with _our_errors():
        application = _application(app, cache, is_for_tokens=is_for_tokens)
        result = application.acquire_token_by_auth_code_flow(dict(flow), dict(unverified_answer))
    # MSAL sends the digest of the nonce that it keeps.
    return result, hashlib.sha256(str(flow["nonce"]).encode()).hexdigest()


def begin_on_device(app: SignInApp, *, permissions: Iterable[str]) -> DeviceCode:
    """Return a code with which the user can sign in on another device.

    Raises:
        TokenRefusedError, UnreachableError, ThrottledError, UnexpectedAnswerError: the sign-in cannot begin.

    """
    with _our_errors():
        flow: Flow = _application(app, msal.SerializableTokenCache(), as_public=True).initiate_device_flow(
            _scopes(app, permissions)
        )
        if "user_code" not in flow:
            raise _device_refusal(app, flow)
        return DeviceCode(
            user_code=str(flow["user_code"]),
            address=str(flow["verification_uri"]),
            expires_at=datetime.fromtimestamp(flow["expires_at"], UTC),
            flow=flow,
        )


def finish_on_device(
    app: SignInApp,
    code: DeviceCode,
    *,
    signing_keys: SigningKeys,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
) -> SignedIn:
    """Wait until the user has entered the code, and return who it was; `sleep` takes seconds.

    Raises:
        TokenRefusedError: the user refused, or the code expired.
        IdTokenRefusedError: the answer does not prove who signed in.
        GraphError: Entra did not answer.

    """
    cache = msal.SerializableTokenCache()
    with _our_errors():
        application = _application(app, cache, as_public=True)
    while True:
        sleep(float(code.flow["interval"]))
        result = _poll(application, code, is_last=clock() >= code.expires_at)
        if result.get("error") not in _STILL_WAITING:
            break
    if "access_token" not in result:
        raise _device_refusal(app, result)
    return _proven(app, cache, result, signing_keys=signing_keys, nonce=None, now=clock())


def acquire_silently(app: SignInApp, token_cache: str, *, force: bool, now: datetime) -> Refreshed:
    """Return a token of the user without the user, from the cache while one lasts; `force` gets a fresh one.

    Raises:
        SignInNeededError: only the user can help.
        TokenRefusedError, UnreachableError, ThrottledError, UnexpectedAnswerError: no token is to be had now.

    """
    cache = _opened(token_cache)
    if not force and (kept := _kept_token(app, cache, now=now)):
        return Refreshed(access_token=kept, token_cache=token_cache)
    result = _refresh(app, cache)
    if result is None:
        raise SignInNeededError("No refresh token is kept for the account.")
    if "access_token" not in result:
        raise _silent_refusal(app, result)
    access_token = AccessToken(
        value=result["access_token"], expires_at=now + timedelta(seconds=int(result.get("expires_in", 0)))
    )
    return Refreshed(access_token=access_token, token_cache=cache.serialize())


def granted_permissions(token_cache: str) -> tuple[str, ...]:
    """Return the permissions that came with the refresh token in the cache, by their short names.

    Raises:
        SignInNeededError: the cache cannot be read.

    """
    scopes = _granted_scopes(_opened(token_cache))
    return tuple(sorted({scope.rpartition("/")[2] for scope in scopes}))


def is_newer(token_cache: str, other: str) -> bool:
    """Say whether the first cache holds the refresh token that was received later.

    Raises:
        SignInNeededError: a cache cannot be read.

    """
    return _received_clock(_opened(token_cache)) > _received_clock(_opened(other))


def _application(
    app: SignInApp,
    cache: msal.SerializableTokenCache,
    *,
    as_public: bool = False,
    is_for_tokens: bool = True,
) -> Any:
    build = msal.PublicClientApplication if as_public else msal.ConfidentialClientApplication
    return build(
        app.client_id,
        client_credential=None if as_public else app.credential.for_msal(),
        authority=app.cloud.authority(app.tenant),
        # The clouds are known; discovery would ask Microsoft's global cloud about each of them.
        instance_discovery=False,
        token_cache=cache,
        exclude_scopes=[] if is_for_tokens else ["offline_access"],
        http_client=HttpClient(app.cloud, secret_in(app.credential)),
    )


@contextmanager
def _our_errors() -> Iterator[None]:
    """Turn what MSAL raises into our errors."""
    try:
        yield
    except SignInFailedError as error:
        raise error.reason from error
    except RuntimeError as error:
        # MSAL compares the nonce before we do.
        raise IdTokenRefusedError("The ID token belongs to another sign-in.") from error
    except (ValueError, TypeError, LookupError, AttributeError, jwt.PyJWTError) as error:
        raise UnexpectedAnswerError(
            "MSAL cannot use the app's credential, the sign-in metadata or the answer of the sign-in service."
        ) from error


def _scopes(app: SignInApp, permissions: Iterable[str]) -> list[str]:
    """Return permissions as scopes of this cloud's Graph: a short name would mean the global cloud's."""
    return [
        name if "://" in name else f"{app.cloud.graph_url}/{name}"
        for name in dict.fromkeys(permissions)
        if name not in IDENTITY_SCOPES
    ]


def _proven(
    app: SignInApp,
    cache: msal.SerializableTokenCache,
    result: Mapping[str, Any],
    *,
    signing_keys: SigningKeys,
    nonce: str | None,
    now: datetime,
) -> SignedIn:
    identity = _identity(app, result, signing_keys=signing_keys, nonce=nonce, now=now)
    if not list(cache.search(TokenCache.CredentialType.REFRESH_TOKEN)):
        raise TokenRefusedError(
            "The sign-in service gave no refresh token, so the account could not be used later."
        )
    return SignedIn(identity=identity, token_cache=cache.serialize())


def _identity(
    app: SignInApp,
    result: Mapping[str, Any],
    *,
    signing_keys: SigningKeys,
    nonce: str | None,
    now: datetime,
) -> SignedIdentity:
    if "access_token" not in result:
        raise refusal(result, known_secret=secret_in(app.credential))
    return id_tokens.verify(
        str(result.get("id_token") or ""),
        cloud=app.cloud,
        tenant=app.tenant,
        client_id=app.client_id,
        signing_keys=signing_keys,
        nonce=nonce,
        now=now,
    )


def _poll(application: Any, code: DeviceCode, *, is_last: bool) -> Mapping[str, Any]:
    """Ask once whether the code was entered; trouble that passes counts as not yet."""
    try:
        with _our_errors():
            result: Mapping[str, Any] = application.acquire_token_by_device_flow(
                code.flow, exit_condition=lambda _: True
            )
    except GraphError as error:
        if is_last or not error.is_transient:
            raise
        return {"error": "authorization_pending"}
    if is_last and result.get("error") in _STILL_WAITING:
        return {"error": "expired_token", "error_description": "The code was not entered in time."}
    return result


def _refresh(app: SignInApp, cache: msal.SerializableTokenCache) -> Mapping[str, Any] | None:
    account = next(iter(cache.search(TokenCache.CredentialType.ACCOUNT)), None)
    scopes = _scopes(app, _granted_scopes(cache))
    for as_public in (False, True):
        with _our_errors():
            result: Mapping[str, Any] | None = _application(
                app, cache, as_public=as_public
            ).acquire_token_silent_with_error(scopes, account, force_refresh=True)
        if not result or "access_token" in result:
            return result
        if refusal(result, known_secret=secret_in(app.credential)).aadsts_code != _IS_PUBLIC:
            return result
    return result


def _silent_refusal(app: SignInApp, result: Mapping[str, Any]) -> TokenRefusedError:
    refused = refusal(result, known_secret=secret_in(app.credential))
    if refused.is_transient or refused.error not in _NEEDS_THE_USER:
        return refused
    return SignInNeededError(
        refused.message, error=refused.error, aadsts_code=refused.aadsts_code, status=refused.status
    )


def _device_refusal(app: SignInApp, result: Mapping[str, Any]) -> TokenRefusedError:
    refused = refusal(result, known_secret=secret_in(app.credential))
    if refused.aadsts_code != _IS_NOT_PUBLIC:
        return refused
    return TokenRefusedError(
        "The app registration does not allow sign-in by device code. In the Entra admin center open its "
        "Authentication page and allow public client flows, or sign in from the admin.",
        error=refused.error,
        aadsts_code=refused.aadsts_code,
    )


def _opened(token_cache: str) -> msal.SerializableTokenCache:
    cache = msal.SerializableTokenCache()
    try:
        cache.deserialize(token_cache)
    except ValueError as error:
        raise SignInNeededError("The token cache of the account is damaged.") from error
    return cache


def _kept_token(app: SignInApp, cache: msal.SerializableTokenCache, *, now: datetime) -> AccessToken | None:
    deadline = now + SHORTEST_LIFE
    query = {"client_id": app.client_id}
    entries = cache.search(TokenCache.CredentialType.ACCESS_TOKEN, query=query, now=int(deadline.timestamp()))
    newest = max(entries, key=lambda entry: int(entry["cached_at"]), default=None)
    if newest is None:
        return None
    return AccessToken(
        value=newest["secret"], expires_at=datetime.fromtimestamp(int(newest["expires_on"]), UTC)
    )


def _granted_scopes(cache: msal.SerializableTokenCache) -> list[str]:
    entries = cache.search(TokenCache.CredentialType.REFRESH_TOKEN)
    scopes = {scope for entry in entries for scope in entry.get("target", "").split()}
    return sorted(scopes - IDENTITY_SCOPES)


def _received_clock(cache: msal.SerializableTokenCache) -> int:
    entries = cache.search(TokenCache.CredentialType.REFRESH_TOKEN)
    return max((int(entry.get("last_modification_time", 0)) for entry in entries), default=0)
