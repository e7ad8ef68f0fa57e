"""Prove where a notification comes from: clientState and validation tokens."""

import base64
import hmac
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from notifications.errors import NotificationRejectedError, Reason
from subscriptions.keys import signed_tokens

# Microsoft states no limit. Entra's app-only tokens have about 2,000 characters.
MAX_TOKEN_LENGTH = 16_384
MAX_KID_LENGTH = 256

# Microsoft asks for "a small clock skew"; five minutes is what its own token libraries allow.
DEFAULT_LEEWAY_SECONDS = 300

# The times are checked below, since a delivery may be proven long after it was received; audience and issuer too:
# PyJWT takes a list where Graph sends one audience.
_REQUIRED_CLAIMS = ("exp", "nbf", "aud", "iss", "tid", "ver")

# Which claim names the caller, by token version.
_CALLER_CLAIM = {"1.0": "appid", "2.0": "azp"}


@dataclass(frozen=True, kw_only=True)
class TokenHeader:
    """Hold what is needed to find the signing key of a token that is not yet proven."""

    kid: str
    alg: str


@dataclass(frozen=True, kw_only=True)
class SignedClaims:
    """Hold what a validation token says, after every check has passed; ids in lower case."""

    audience: str
    tenant_id: str
    issuer: str
    app_id: str
    expires_at: datetime


def client_state_matches(expected: str, unverified: str | None) -> bool:
    """Compare a clientState with the one we chose, in constant time.

    An empty expectation matches nothing: a subscription without a clientState proves nothing.

    Source: change-notifications-delivery-webhooks (2026-04-22).
    """
    if not expected or unverified is None:
        return False
    # Bytes, as compare_digest refuses non-ASCII text; surrogatepass, as JSON may hold lone surrogates.
    return hmac.compare_digest(
        expected.encode("utf-8", "surrogatepass"), unverified.encode("utf-8", "surrogatepass")
    )


def unverified_claims(unverified_token: str) -> dict[str, Any]:
    """Read what a token says, to be shown and not to be believed.

    Raises:
        NotificationRejectedError: it is malformed.

    """
    return _segment_json(_segments(unverified_token)[1])


def token_header(unverified_token: str) -> TokenHeader:
    """Read the header of a validation token, to look up its signing key.

    Raises:
        NotificationRejectedError: malformed, over `MAX_TOKEN_LENGTH` characters, not RS256, or without a kid.

    Source: change-notifications-with-resource-data (2026-04-17).
    """
    header = _segment_json(_segments(unverified_token)[0])
    alg, kid = header.get("alg"), header.get("kid")
    if alg != "RS256":
        raise _refused(Reason.VALIDATION_TOKEN_ALGORITHM, "The validation token is not signed with RS256.")
    if "crit" in header or "b64" in header:
        raise _malformed("its header asks for an extension")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_LENGTH:
        raise _malformed("its header names no signing key")
    return TokenHeader(kid=kid, alg="RS256")


def verify_validation_token(  # noqa: PLR0913 - the facts that a token is held against, all by name
    unverified_token: str,
    *,
    signing_key: RSAPublicKey,
    audience: str,
    issuers: Collection[str],
    tenant_id: str,
    change_tracking_app_ids: Collection[str],
    now: datetime,
    looked_at: datetime | None = None,
    leeway_seconds: float = DEFAULT_LEEWAY_SECONDS,
) -> SignedClaims:
    """Prove that Graph's change tracking issued a token for our app in one tenant.

    `audience` is the app registration's client id, `issuers` are the permitted issuers of that one tenant, in
    full. `now` is aware; pass the moment the delivery was received, so that a token which was good on arrival
    stays good when the delivery is processed late. `looked_at` is the moment of a later look: on a host whose clock
    is slow, a genuine token is not valid yet when it arrives, and becomes so.

    Raises:
        NotificationRejectedError: with the reason of the first check that fails.

    Source: change-notifications-with-resource-data (2026-04-17).
    """
    claims = _signed_claims(unverified_token, signing_key)
    _check_times(claims, now=now, looked_at=looked_at or now, leeway=timedelta(seconds=leeway_seconds))
    audience_claim = claims["aud"]
    if not isinstance(audience_claim, str) or audience_claim.lower() != audience.lower():
        raise _refused(Reason.VALIDATION_TOKEN_AUDIENCE, "The validation token is meant for another app.")
    app_id = _caller(claims)
    if app_id not in {allowed.lower() for allowed in change_tracking_app_ids}:
        raise _refused(
            Reason.VALIDATION_TOKEN_AZP, "The validation token was not issued to Graph's change tracking."
        )
    issuer = _text(claims, "iss")
    if issuer not in issuers:
        raise _refused(Reason.VALIDATION_TOKEN_ISSUER, "The validation token comes from another issuer.")
    if _text(claims, "tid").lower() != tenant_id.lower():
        raise _refused(Reason.VALIDATION_TOKEN_TENANT, "The validation token is meant for another tenant.")
    return SignedClaims(
        audience=audience.lower(),
        tenant_id=tenant_id.lower(),
        issuer=issuer,
        app_id=app_id,
        expires_at=_moment(claims, "exp"),
    )


def _signed_claims(unverified_token: str, signing_key: RSAPublicKey) -> Mapping[str, Any]:
    token_header(unverified_token)
    try:
        return signed_tokens.claims_of(unverified_token, signing_key, required=_REQUIRED_CLAIMS)
    except jwt.MissingRequiredClaimError as error:
        raise _malformed(f"it lacks the claim {error.claim}") from error
    except (jwt.InvalidSignatureError, jwt.InvalidKeyError) as error:
        raise _refused(
            Reason.VALIDATION_TOKEN_SIGNATURE, "The validation token's signature does not match."
        ) from error
    except jwt.PyJWTError as error:
        raise _malformed("it cannot be decoded") from error


def _check_times(claims: Mapping[str, Any], *, now: datetime, looked_at: datetime, leeway: timedelta) -> None:
    if _moment(claims, "exp") <= now - leeway:
        raise _refused(
            Reason.VALIDATION_TOKEN_EXPIRED, "The validation token had expired when it was received."
        )
    if _moment(claims, "nbf") > max(now, looked_at) + leeway:
        raise _refused(
            Reason.VALIDATION_TOKEN_NOT_YET_VALID,
            "The validation token is not valid yet; is this host's clock slow?",
        )


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _malformed(f"its {name} is no time")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise _malformed(f"its {name} is no time") from error


def _caller(claims: Mapping[str, Any]) -> str:
    version = claims["ver"]
    if not isinstance(version, str) or version not in _CALLER_CLAIM:
        raise _malformed("its version is neither 1.0 nor 2.0")
    return _text(claims, _CALLER_CLAIM[version]).lower()


def _segments(unverified_token: str) -> tuple[str, str, str]:
    if len(unverified_token) > MAX_TOKEN_LENGTH:
        raise _malformed(f"it is longer than {MAX_TOKEN_LENGTH} characters")
    match unverified_token.split("."):
        case [header, payload, signature]:
            # Checked here because PyJWT takes stray characters and loose trailing bits for the same token.
            for segment in (header, payload, signature):
                _decode_segment(segment)
            return header, payload, signature
        case _:
            raise _malformed("it does not have three parts")


def _decode_segment(segment: str) -> bytes:
    try:
        decoded = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError as error:
        raise _malformed("a part is not Base64url") from error
    if not decoded or base64.urlsafe_b64encode(decoded).rstrip(b"=").decode("ascii") != segment:
        raise _malformed("a part is not Base64url")
    return decoded


def _segment_json(segment: str) -> dict[str, Any]:
    try:
        value = json.loads(_decode_segment(segment))
    except (ValueError, RecursionError) as error:
        raise _malformed("a part is not JSON") from error
    if not isinstance(value, dict):
        raise _malformed("a part is not a JSON object")
    return value


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise _malformed(f"its claim {name} is missing or no text")
    return value


def _refused(reason: Reason, message: str) -> NotificationRejectedError:
    return NotificationRejectedError(reason, message)


def _malformed(detail: str) -> NotificationRejectedError:
    return _refused(Reason.VALIDATION_TOKEN_MALFORMED, f"The validation token is malformed: {detail}.")
