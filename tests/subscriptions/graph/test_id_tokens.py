"""Every check on an ID token, by a token that fails only this one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from subscriptions.graph import id_tokens
from subscriptions.graph.clouds import Cloud
from subscriptions.graph.errors import UnknownSigningKeyError
from subscriptions.graph.id_tokens import PERSONAL_TENANT_ID, IdTokenRefusedError, SignedIdentity
from subscriptions.graph.signing_keys import SigningKeys
from subscriptions.sandbox import Sandbox

CLIENT_ID = "5f1c2a9e-0b7d-4c36-8a51-2f9d7e6b4c10"
OBJECT_ID = "0e8f3c52-6d41-4b7a-9c25-8a1b7f3d9e60"
NONCE = "what-was-sent"
# Any moment will do: what a token says of time is set against it.
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)

Verify = Callable[..., SignedIdentity]


@pytest.fixture
def token(sandbox: Sandbox) -> Callable[..., str]:
    """Return a function that issues an ID token; keywords change claims, None leaves one out."""

    def issue(**changes: Any) -> str:
        begun = int(NOW.timestamp())
        times = {"iat": begun, "nbf": begun, "exp": begun + 3600}
        who = {"oid": OBJECT_ID, "preferred_username": "zoe@contoso.example", "nonce": NONCE, "azp": None}
        named = times | who
        return sandbox.validation_token(audience=CLIENT_ID, claims=named | changes)

    return issue


@pytest.fixture
def verify(cloud: Cloud, sandbox: Sandbox) -> Verify:
    """Return a function that verifies a token as that of a sign-in to the stand-in's tenant."""
    signing_keys = SigningKeys(cloud)

    def verify(unverified_token: str, **changes: Any) -> SignedIdentity:
        against: dict[str, Any] = {
            "cloud": cloud,
            "tenant": sandbox.tenant_id,
            "client_id": CLIENT_ID,
            "signing_keys": signing_keys,
            "nonce": NONCE,
            "now": NOW,
        }
        return id_tokens.verify(unverified_token, **(against | changes))

    return verify


def test_a_good_token_says_who_signed_in(verify: Verify, token: Callable[..., str], sandbox: Sandbox) -> None:
    identity = verify(token())

    assert identity == SignedIdentity(
        tenant_id=sandbox.tenant_id, object_id=OBJECT_ID, username="zoe@contoso.example"
    )
    assert not identity.is_personal


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "another-app"}, "meant for another app"),
        ({"aud": [CLIENT_ID]}, "aud is missing or no text"),
        ({"iss": "https://login.evil.example/v2.0"}, "another issuer"),
        ({"tid": "11111111-2222-4333-8444-555555555555"}, "another issuer"),
        ({"nonce": "another"}, "nonce is not the one sent"),
        ({"nonce": None}, "nonce is not the one sent"),
        ({"nonce": "ungültig"}, "nonce is not the one sent"),
        ({"oid": None}, "lacks the claim oid"),
        ({"tid": None}, "lacks the claim tid"),
        ({"exp": None}, "lacks the claim exp"),
        ({"iat": None}, "lacks the claim iat"),
        ({"oid": 7}, "oid is missing or no text"),
        ({"exp": int((NOW - timedelta(minutes=6)).timestamp())}, "has expired"),
        ({"nbf": int((NOW + timedelta(minutes=6)).timestamp())}, "not valid yet"),
        ({"iat": int((NOW + timedelta(minutes=6)).timestamp())}, "not valid yet"),
        ({"exp": "soon"}, "exp is no time"),
        ({"exp": 1e300}, "exp is no time"),
        ({"nbf": True}, "nbf is no time"),
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(
    verify: Verify, token: Callable[..., str], changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(IdTokenRefusedError, match=reason):
        verify(token(**changes))


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
def test_clocks_may_differ_by_less_than_five_minutes(
    verify: Verify, token: Callable[..., str], name: str
) -> None:
    drift = timedelta(minutes=-4) if name == "exp" else timedelta(minutes=4)

    verify(token(**{name: int((NOW + drift).timestamp())}))


def test_a_token_without_a_signature_is_refused(verify: Verify, token: Callable[..., str]) -> None:
    genuine = token()
    claims = jwt.decode(genuine, options={"verify_signature": False})
    kid = jwt.get_unverified_header(genuine)["kid"]

    with pytest.raises(IdTokenRefusedError, match="not signed with RS256"):
        verify(jwt.encode(claims, "", algorithm="none", headers={"kid": kid}))


def test_a_token_signed_with_the_public_key_as_a_password_is_refused(
    verify: Verify, token: Callable[..., str]
) -> None:
    genuine = token()
    claims = jwt.decode(genuine, options={"verify_signature": False})
    kid = jwt.get_unverified_header(genuine)["kid"]

    with pytest.raises(IdTokenRefusedError, match="not signed with RS256"):
        verify(
            jwt.encode(claims, "a password of some thirty-two bytes", algorithm="HS256", headers={"kid": kid})
        )


def test_a_token_of_another_key_under_a_published_name_is_refused(
    verify: Verify, token: Callable[..., str]
) -> None:
    genuine = token()
    claims = jwt.decode(genuine, options={"verify_signature": False})
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kid = jwt.get_unverified_header(genuine)["kid"]

    with pytest.raises(IdTokenRefusedError, match="signature does not match"):
        verify(jwt.encode(claims, other, algorithm="RS256", headers={"kid": kid}))


def test_a_token_of_a_key_that_is_not_published_is_refused(verify: Verify, token: Callable[..., str]) -> None:
    claims = jwt.decode(token(), options={"verify_signature": False})
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    with pytest.raises(UnknownSigningKeyError):
        verify(jwt.encode(claims, other, algorithm="RS256", headers={"kid": "mine"}))


@pytest.mark.parametrize("unverified", ["", "no token", "a.b.c", "eyJhbGciOiJSUzI1NiJ9.e30.x", "x" * 20_000])
def test_what_is_no_token_is_refused(verify: Verify, unverified: str) -> None:
    with pytest.raises(IdTokenRefusedError):
        verify(unverified)


def test_a_changed_token_is_refused(verify: Verify, token: Callable[..., str]) -> None:
    header, _, signature = token().split(".")
    claims = token(oid="11111111-2222-4333-8444-555555555555").split(".")[1]

    with pytest.raises(IdTokenRefusedError, match="signature does not match"):
        verify(f"{header}.{claims}.{signature}")


def test_an_account_of_another_tenant_is_refused_although_its_token_is_good(
    verify: Verify, token: Callable[..., str]
) -> None:
    other = "11111111-2222-4333-8444-555555555555"
    issuer = f"https://login.microsoftonline.com/{other}/v2.0"

    with pytest.raises(IdTokenRefusedError, match="another tenant"):
        verify(token(tid=other, iss=issuer))


def test_a_tenant_named_by_its_domain_takes_the_tenant_that_the_token_names(
    verify: Verify, token: Callable[..., str], sandbox: Sandbox
) -> None:
    assert verify(token(), tenant="contoso.example").tenant_id == sandbox.tenant_id


def test_a_personal_account_signs_in_as_such_only(verify: Verify, token: Callable[..., str]) -> None:
    issuer = f"https://login.microsoftonline.com/{PERSONAL_TENANT_ID}/v2.0"
    personal = token(tid=PERSONAL_TENANT_ID, iss=issuer)

    identity = verify(personal, tenant="consumers")

    assert identity.is_personal
    for tenant in ("contoso.example", PERSONAL_TENANT_ID):
        with pytest.raises(IdTokenRefusedError, match="A personal account signed in"):
            verify(personal, tenant=tenant)


def test_a_work_account_is_refused_where_a_personal_one_was_asked_for(
    verify: Verify, token: Callable[..., str]
) -> None:
    with pytest.raises(IdTokenRefusedError, match="A work or school account signed in"):
        verify(token(), tenant="consumers")


def test_without_a_page_no_nonce_is_asked_for(verify: Verify, token: Callable[..., str]) -> None:
    assert verify(token(nonce=None), nonce=None).object_id == OBJECT_ID


@pytest.mark.parametrize(
    ("changes", "username"),
    [
        ({"preferred_username": None, "upn": "zoe"}, "zoe"),
        ({"preferred_username": "", "email": "zoe@example.org"}, "zoe@example.org"),
        ({"preferred_username": 7}, OBJECT_ID),
    ],
)
def test_the_user_has_a_name_in_any_case(
    verify: Verify, token: Callable[..., str], changes: dict[str, Any], username: str
) -> None:
    assert verify(token(**changes)).username == username
