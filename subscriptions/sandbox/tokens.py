"""Tokens that the sandbox issues, and the check that each call to Graph makes on them."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from subscriptions.sandbox.errors import GraphProblem
from subscriptions.sandbox.signing import SigningKeys
from subscriptions.sandbox.tenants import Application, Tenants, User

# Source: https://learn.microsoft.com/graph/change-notifications-with-resource-data (2026-04-17)
CHANGE_TRACKING_APP_ID = "0bf30f3b-4a52-48df-9a82-234910c4a086"
ACCESS_TOKEN_LIFE = timedelta(seconds=3599)
_VALIDATION_TOKEN_LIFE = timedelta(hours=24)
_CHALLENGE = 'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who makes a call to Graph: an application for itself, or for a signed-in user."""

    tenant_id: str
    application: Application
    user: User | None
    permissions: frozenset[str]

    @property
    def is_delegated(self) -> bool:
        """Tell whether a user is signed in."""
        return self.user is not None

    @property
    def creator_id(self) -> str:
        """Return the id that Graph prints as the creator: the user's or the service principal's."""
        return self.user.id if self.user else self.application.service_principal_id


def issuer(tenant_id: str, version: str) -> str:
    """Return the token issuer in Microsoft's name; the proof is the signature under our own JWKS."""
    if version == "1.0":
        return f"https://sts.windows.net/{tenant_id}/"
    return f"https://login.microsoftonline.com/{tenant_id}/v2.0"


def access_token(
    keys: SigningKeys,
    application: Application,
    *,
    tenant_id: str,
    audience: str,
    user: User | None,
    scopes: frozenset[str],
    now: datetime,
) -> str:
    """Issue a token for Graph: with `scp` for a signed-in user, otherwise with `roles`."""
    claims: dict[str, object] = {
        "aud": audience,
        "iss": issuer(tenant_id, "1.0"),
        "iat": _seconds(now),
        "nbf": _seconds(now),
        "exp": _seconds(now + ACCESS_TOKEN_LIFE),
        "appid": application.client_id,
        "tid": tenant_id,
        "oid": user.id if user else application.service_principal_id,
        "uti": uuid.uuid4().hex,
        "ver": "1.0",
    }
    if user:
        claims |= {"scp": " ".join(sorted(scopes)), "upn": user.username, "name": user.name}
    else:
        claims["roles"] = sorted(application.roles)
    return keys.sign(claims)


def id_token(
    keys: SigningKeys, application: Application, user: User, *, nonce: str | None, now: datetime
) -> str:
    """Issue the ID token that tells a client who has signed in."""
    claims: dict[str, object] = {
        "aud": application.client_id,
        "iss": issuer(user.tenant_id, "2.0"),
        "iat": _seconds(now),
        "nbf": _seconds(now),
        "exp": _seconds(now + ACCESS_TOKEN_LIFE),
        "sub": user.id,
        "oid": user.id,
        "tid": user.tenant_id,
        "name": user.name,
        "preferred_username": user.username,
        "ver": "2.0",
    }
    roles = application.assignments.get(user.id)
    return keys.sign(
        claims | ({"nonce": nonce} if nonce else {}) | ({"roles": sorted(roles)} if roles else {})
    )


def validation_token(
    keys: SigningKeys,
    *,
    audience: str,
    tenant_id: str,
    now: datetime,
    version: str = "2.0",
    claims: Mapping[str, object] | None = None,
    signed_by: Mapping[str, object] | None = None,
) -> str:
    """Issue the JWT that proves a rich notification; `version` is "1.0" or "2.0".

    `claims` overrides (None removes a claim) and `signed_by` may give another `key`, `kid` or `algorithm`,
    for tests that forge.

    Source: https://learn.microsoft.com/graph/change-notifications-with-resource-data (2026-04-17).
    """
    actor = {"appid": CHANGE_TRACKING_APP_ID} if version == "1.0" else {"azp": CHANGE_TRACKING_APP_ID}
    standard: dict[str, object] = {
        "aud": audience,
        "iss": issuer(tenant_id, version),
        "iat": _seconds(now),
        "nbf": _seconds(now - timedelta(minutes=5)),
        "exp": _seconds(now + _VALIDATION_TOKEN_LIFE),
        "tid": tenant_id,
        "ver": version,
        **actor,
    }
    chosen = {name: value for name, value in (standard | dict(claims or {})).items() if value is not None}
    forged = {"key": keys.current.private_key, "kid": keys.current.kid, "algorithm": "RS256"}
    forged |= dict(signed_by or {})
    key, kid, algorithm = forged["key"], forged["kid"], str(forged["algorithm"])
    if not isinstance(key, RSAPrivateKey | str | bytes):
        raise TypeError("the key of a token is an RSA private key, or text for HS256")
    return jwt.encode(chosen, key, algorithm=algorithm, headers={} if kid is None else {"kid": str(kid)})


def authenticate(
    header: str, *, keys: SigningKeys, tenants: Tenants, audiences: frozenset[str], now: datetime
) -> Caller:
    """Return the caller that an Authorization header proves.

    Raises:
        GraphProblem: 401 `InvalidAuthenticationToken`, whatever is wrong with the token.
    """
    scheme, _, unverified_token = header.partition(" ")
    if scheme.lower() != "bearer" or not unverified_token.strip():
        raise _unauthorized("Access token is empty.")
    claims = _verified(unverified_token.strip(), keys)
    if not int(claims.get("nbf", 0)) <= _seconds(now) < int(claims.get("exp", 0)):
        raise _unauthorized("Access token has expired or is not yet valid.")
    if str(claims.get("aud", "")).rstrip("/") not in audiences:
        raise _unauthorized("Access token validation failure. Invalid audience.")
    application = tenants.application(str(claims.get("appid", "")))
    if application is None:
        raise _unauthorized("Access token validation failure.")
    user = tenants.users.get(str(claims["oid"])) if "scp" in claims else None
    granted = str(claims["scp"]).split() if "scp" in claims else claims.get("roles", [])
    return Caller(
        tenant_id=str(claims["tid"]), application=application, user=user, permissions=frozenset(granted)
    )


def _verified(unverified_token: str, keys: SigningKeys) -> dict[str, Any]:
    try:
        kid = keys.kid_of(unverified_token)
        if keys.find(kid) is None:
            raise _unauthorized("Signing key is invalid.")
        return keys.claims_in(unverified_token, kid)
    except jwt.InvalidTokenError as error:
        raise _unauthorized("CompactToken parsing failed or its signature is invalid.") from error


def _unauthorized(message: str) -> GraphProblem:
    return GraphProblem(
        status=401,
        code="InvalidAuthenticationToken",
        message=message,
        headers={"WWW-Authenticate": _CHALLENGE},
    )


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
