"""Prove who has signed in: the checks on an ID token, which MSAL leaves to its callers."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt

from subscriptions.graph.clouds import Cloud
from subscriptions.graph.errors import GraphError
from subscriptions.graph.signing_keys import SigningKeys
from subscriptions.keys import signed_tokens

# The tenant that the tokens of all personal Microsoft accounts name.
PERSONAL_TENANT_ID = "9188040d-6c67-4c5b-b112-36a304b66dad"
# The name under which personal accounts sign in.
PERSONAL_TENANT = "consumers"
MAX_TOKEN_LENGTH = 16_384
# What Microsoft's own token libraries allow for clocks that differ.
LEEWAY = timedelta(minutes=5)

# Times, audience and issuer are checked below, against the caller's clock and the cloud.
_REQUIRED_CLAIMS = ("exp", "nbf", "iat", "aud", "iss", "tid", "oid")


class IdTokenRefusedError(GraphError):
    """What came back from a sign-in does not prove who has signed in."""

    default_explanation = (
        "Nothing was kept. Start the sign-in again; if it happens again, check the clock of this server and the "
        "addresses of the cloud."
    )


@dataclass(frozen=True, kw_only=True)
class SignedIdentity:
    """Who has signed in, after every check has passed; ids in lower case."""

    tenant_id: str
    object_id: str
    username: str
    # App roles that the tenant has assigned in our app, as their values are spelled there.
    roles: frozenset[str] = frozenset()

    @property
    def is_personal(self) -> bool:
        """Say whether it is a personal Microsoft account."""
        return self.tenant_id == PERSONAL_TENANT_ID


def verify(
    unverified_token: str,
    *,
    cloud: Cloud,
    tenant: str,
    client_id: str,
    signing_keys: SigningKeys,
    nonce: str | None,
    now: datetime,
) -> SignedIdentity:
    """Prove that the cloud issued an ID token for our app, in the tenant where the user was sent to sign in.

    `tenant` is an id, a domain or `consumers`; `nonce` is what was sent to the sign-in page, None where there was
    no page. `now` is aware.

    Raises:
        IdTokenRefusedError: a check fails; the text names it.
        UnknownSigningKeyError: it is signed with a key that the cloud does not publish.
        SigningKeysUnavailableError: the keys cannot be fetched now.

    """
    claims = _signed_claims(unverified_token, signing_keys)
    _check_times(claims, now=now)
    if _text(claims, "aud").lower() != client_id.lower():
        raise IdTokenRefusedError("The ID token is meant for another app.")
    tenant_id = _text(claims, "tid").lower()
    if _text(claims, "iss") not in cloud.issuers_for(tenant_id):
        raise IdTokenRefusedError("The ID token comes from another issuer.")
    _check_tenant(tenant_id, tenant.lower())
    if nonce is not None and not hmac.compare_digest(
        _optional_text(claims, "nonce").encode(), nonce.encode()
    ):
        raise IdTokenRefusedError("The ID token belongs to another sign-in: its nonce is not the one sent.")
    object_id = _text(claims, "oid").lower()
    names = (_optional_text(claims, name) for name in ("preferred_username", "upn", "email", "name"))
    return SignedIdentity(
        tenant_id=tenant_id,
        object_id=object_id,
        username=next(filter(None, names), object_id),
        roles=_texts(claims, "roles"),
    )


def _signed_claims(unverified_token: str, signing_keys: SigningKeys) -> Mapping[str, Any]:
    if not unverified_token:
        raise IdTokenRefusedError("The sign-in service sent no ID token.")
    if len(unverified_token) > MAX_TOKEN_LENGTH:
        raise IdTokenRefusedError("The ID token is too long to be one.")
    try:
        header = jwt.get_unverified_header(unverified_token)
        kid = header.get("kid")
        if header.get("alg") != "RS256" or not isinstance(kid, str):
            raise IdTokenRefusedError("The ID token is not signed with RS256 under a named key.")
        return signed_tokens.claims_of(unverified_token, signing_keys.key_for(kid), required=_REQUIRED_CLAIMS)
    except jwt.MissingRequiredClaimError as error:
        raise IdTokenRefusedError(f"The ID token lacks the claim {error.claim}.") from error
    except jwt.InvalidSignatureError as error:
        raise IdTokenRefusedError("The ID token's signature does not match.") from error
    except jwt.PyJWTError as error:
        raise IdTokenRefusedError("The ID token cannot be read.") from error


def _check_times(claims: Mapping[str, Any], *, now: datetime) -> None:
    if _moment(claims, "exp") <= now - LEEWAY:
        raise IdTokenRefusedError("The ID token has expired; is the clock of this server right?")
    if max(_moment(claims, "nbf"), _moment(claims, "iat")) > now + LEEWAY:
        raise IdTokenRefusedError("The ID token is not valid yet; is the clock of this server right?")


def _check_tenant(tenant_id: str, tenant: str) -> None:
    is_personal = tenant_id == PERSONAL_TENANT_ID
    if tenant == PERSONAL_TENANT and not is_personal:
        raise IdTokenRefusedError(
            "A work or school account signed in where a personal account was asked for."
        )
    if tenant != PERSONAL_TENANT and is_personal:
        raise IdTokenRefusedError(
            "A personal account signed in where a work or school account was asked for."
        )
    if _is_guid(tenant) and tenant_id != tenant:
        raise IdTokenRefusedError("The account belongs to another tenant than the app registration.")


def _is_guid(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise IdTokenRefusedError(f"The ID token's {name} is no time.")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise IdTokenRefusedError(f"The ID token's {name} is no time.") from error


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = _optional_text(claims, name)
    if not value:
        raise IdTokenRefusedError(f"The ID token's {name} is missing or no text.")
    return value


def _texts(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    values = claims.get(name)
    return (
        frozenset(one for one in values if isinstance(one, str)) if isinstance(values, list) else frozenset()
    )


def _optional_text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    return value if isinstance(value, str) else ""
