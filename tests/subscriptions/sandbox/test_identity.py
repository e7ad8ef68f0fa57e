"""Sign-in: metadata, keys, and the token endpoint with every grant and every refusal."""

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from subscriptions.sandbox import Application, FederatedCredential, Sandbox

REDIRECT = "http://localhost:5000/signed-in"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def _secret_form(sandbox: Sandbox, **changes: str) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_id": sandbox.application.client_id,
        "client_secret": sandbox.application.client_secret,
        "scope": f"{sandbox.graph_url}/.default",
        **changes,
    }


def _get(client: Any, url: str) -> dict[str, Any]:
    document: dict[str, Any] = client.call("GET", url).json()
    return document


@pytest.mark.parametrize("middle", ["", "/v2.0"])
def test_metadata_lead_to_the_keys(stranger: Any, sandbox: Sandbox, middle: str) -> None:
    address = f"{sandbox.login_url}/common{middle}/.well-known/openid-configuration"

    metadata = _get(stranger, address)

    assert metadata["token_endpoint"].startswith(sandbox.login_url)
    assert [key["kty"] for key in _get(stranger, metadata["jwks_uri"])["keys"]] == ["RSA"]


def test_rotated_keys_sign_at_once_and_the_one_before_stays_published(
    stranger: Any, sandbox: Sandbox
) -> None:
    address = f"{sandbox.login_url}/common/discovery/v2.0/keys"
    before = _get(stranger, address)["keys"][0]["kid"]

    kid = sandbox.rotate_signing_keys()

    assert [key["kid"] for key in _get(stranger, address)["keys"]] == [kid, before]
    assert jwt.get_unverified_header(sandbox.validation_token())["kid"] == kid


def test_an_application_token_carries_its_roles(stranger: Any, sandbox: Sandbox) -> None:
    answer = stranger.log_in(sandbox.tenant_id, "token", **_secret_form(sandbox)).json()

    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert answer["expires_in"] == 3599
    assert claims["aud"] == sandbox.graph_url
    assert claims["tid"] == sandbox.tenant_id
    assert "Mail.Read" in claims["roles"]


def test_an_application_token_reads_the_organization(client: Any, sandbox: Sandbox) -> None:
    document = client.call("GET", "/organization").json()

    assert document["value"][0]["id"] == sandbox.tenant_id


@pytest.mark.parametrize(
    ("tenant", "changes", "code", "error"),
    [
        ("T", {"client_secret": "wrong"}, 7000215, "invalid_client"),
        ("T", {"client_secret": ""}, 7000218, "invalid_client"),
        ("T", {"client_id": "8f3b2c1d-64a7-4b59-91e0-2d7c5f0a3e61"}, 700016, "unauthorized_client"),
        ("T", {"client_id": ""}, 900144, "invalid_request"),
        ("nowhere.example", {}, 90002, "invalid_request"),
        ("T", {"grant_type": "password"}, 70003, "unsupported_grant_type"),
        ("T", {"scope": "Mail.Read"}, 1002012, "invalid_scope"),
        ("T", {"scope": "https://vault.example/.default"}, 500011, "invalid_resource"),
        (
            "T",
            {"client_assertion": "no.jwt.here", "client_assertion_type": ASSERTION},
            50027,
            "invalid_client",
        ),
    ],
)
def test_a_wrong_token_request_is_refused_in_entras_words(
    stranger: Any, sandbox: Sandbox, tenant: str, changes: dict[str, str], code: int, error: str
) -> None:
    name = sandbox.tenant_id if tenant == "T" else tenant

    response = stranger.log_in(name, "token", **_secret_form(sandbox, **changes))

    document = response.json()
    assert response.status_code in (400, 401)
    assert (document["error"], document["error_codes"]) == (error, [code])
    assert document["error_description"].startswith(f"AADSTS{code}: ")
    assert "Trace ID" in document["error_description"]
    assert sandbox.application.client_secret not in response.text


def test_an_expired_secret_is_named_as_such(stranger: Any, sandbox: Sandbox) -> None:
    application = sandbox.add_application(secret_expires_at=sandbox.clock.now() + timedelta(days=1))
    form = _secret_form(sandbox, client_id=application.client_id, client_secret=application.client_secret)
    before = stranger.log_in(sandbox.tenant_id, "token", **form)

    sandbox.advance(timedelta(days=2))

    after = stranger.log_in(sandbox.tenant_id, "token", **form)
    assert before.status_code == 200
    assert after.json()["error_codes"] == [7000222]


def test_an_application_is_unknown_in_other_tenants(stranger: Any, sandbox: Sandbox) -> None:
    other = sandbox.add_tenant("Fabrikam", domain="fabrikam.example")

    response = stranger.log_in(other.domain, "token", **_secret_form(sandbox))

    assert response.json()["error_codes"] == [700016]


@pytest.fixture
def with_certificate(
    sandbox: Sandbox, make_certificate: Callable[..., x509.Certificate]
) -> tuple[Application, x509.Certificate]:
    """An application that proves itself by certificate."""
    certificate = make_certificate()
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    return sandbox.add_application(certificate_pem=pem), certificate


def _assertion(
    sandbox: Sandbox, client_id: str, key: rsa.RSAPrivateKey, certificate: x509.Certificate, **changes: Any
) -> str:
    now = datetime.now(UTC)
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": f"{sandbox.login_url}/{sandbox.tenant_id}/oauth2/v2.0/token",
        "nbf": int(now.timestamp()),
        "exp": int((now + timedelta(minutes=10)).timestamp()),
        **changes,
    }
    thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).decode().rstrip("=")
    return jwt.encode(claims, key, algorithm="PS256", headers={"x5t#S256": thumbprint})


def _assertion_form(sandbox: Sandbox, client_id: str, assertion: str) -> dict[str, str]:
    form = _secret_form(sandbox, client_id=client_id, client_assertion=assertion)
    del form["client_secret"]
    return form | {"client_assertion_type": ASSERTION}


def test_a_certificate_proves_an_application(
    stranger: Any,
    sandbox: Sandbox,
    rsa_key: rsa.RSAPrivateKey,
    with_certificate: tuple[Application, x509.Certificate],
) -> None:
    application, certificate = with_certificate
    assertion = _assertion(sandbox, application.client_id, rsa_key, certificate)

    form = _assertion_form(sandbox, application.client_id, assertion)

    assert stranger.log_in(sandbox.tenant_id, "token", **form).status_code == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exp": 1, "nbf": 0}, 700024),
        ({"exp": "soon"}, 700024),
        ({"aud": "https://elsewhere.example"}, 700023),
        ({"sub": "another"}, 700021),
    ],
)
def test_an_assertion_must_be_in_time_and_meant_for_us(
    stranger: Any,
    sandbox: Sandbox,
    rsa_key: rsa.RSAPrivateKey,
    with_certificate: tuple[Application, x509.Certificate],
    changes: dict[str, Any],
    code: int,
) -> None:
    application, certificate = with_certificate
    assertion = _assertion(sandbox, application.client_id, rsa_key, certificate, **changes)

    response = stranger.log_in(
        sandbox.tenant_id, "token", **_assertion_form(sandbox, application.client_id, assertion)
    )

    assert response.json()["error_codes"] == [code]


def test_an_unregistered_certificate_is_refused(
    stranger: Any,
    sandbox: Sandbox,
    rsa_key: rsa.RSAPrivateKey,
    make_certificate: Callable[..., x509.Certificate],
) -> None:
    client_id = sandbox.application.client_id
    assertion = _assertion(sandbox, client_id, rsa_key, make_certificate())

    response = stranger.log_in(sandbox.tenant_id, "token", **_assertion_form(sandbox, client_id, assertion))

    assert response.json()["error_codes"] == [700027]


def test_an_assertion_signed_by_another_key_is_refused(
    stranger: Any, sandbox: Sandbox, with_certificate: tuple[Application, x509.Certificate]
) -> None:
    application, certificate = with_certificate
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assertion = _assertion(sandbox, application.client_id, other, certificate)

    response = stranger.log_in(
        sandbox.tenant_id, "token", **_assertion_form(sandbox, application.client_id, assertion)
    )

    assert response.json()["error_codes"] == [700027]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"iss": "https://other.example"}, 700211),
        ({"sub": "system:serviceaccount:other"}, 700213),
        ({"aud": "api://other"}, 700212),
    ],
)
def test_a_federated_token_proves_an_application_if_all_of_it_is_registered(
    stranger: Any, sandbox: Sandbox, rsa_key: rsa.RSAPrivateKey, changes: dict[str, str], code: int | None
) -> None:
    trusted = FederatedCredential(
        issuer="https://cluster.example",
        subject="system:serviceaccount:hooks",
        public_key=rsa_key.public_key(),
    )
    application = sandbox.add_application(federated_credential=trusted)
    ends = int(datetime.now(UTC).timestamp()) + 600
    claims = {"iss": trusted.issuer, "sub": trusted.subject, "aud": trusted.audience, "exp": ends, **changes}
    form = _assertion_form(sandbox, application.client_id, jwt.encode(claims, rsa_key, algorithm="RS256"))

    document = stranger.log_in(sandbox.tenant_id, "token", **form).json()

    assert document.get("error_codes") == ([code] if code else None)


def _authorize(stranger: Any, sandbox: Sandbox, **changes: str) -> requests.Response:
    parameters = {
        "client_id": sandbox.application.client_id,
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "scope": "openid offline_access User.Read",
        "state": "s1",
        "prompt": "none",
        "login_hint": sandbox.users[0].username,
        **changes,
    }
    url = f"{sandbox.login_url}/{sandbox.tenant_id}/oauth2/v2.0/authorize"
    answer: requests.Response = stranger.call("GET", url, params=parameters, allow_redirects=False)
    return answer


def _code(response: requests.Response) -> dict[str, str]:
    query = parse_qs(urlsplit(response.headers["Location"]).query)
    return {name: values[0] for name, values in query.items()}


def _code_form(sandbox: Sandbox, code: str, **changes: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "client_id": sandbox.application.client_id,
        "client_secret": sandbox.application.client_secret,
        "code": code,
        "redirect_uri": REDIRECT,
        **changes,
    }


def test_a_user_signs_in_by_authorization_code_with_pkce(stranger: Any, sandbox: Sandbox) -> None:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(b"verifier").digest()).decode().rstrip("=")
    granted = _code(
        _authorize(stranger, sandbox, code_challenge=challenge, code_challenge_method="S256", nonce="n1")
    )

    wrong = stranger.log_in("common", "token", **_code_form(sandbox, granted["code"], code_verifier="guess"))
    granted = _code(
        _authorize(stranger, sandbox, code_challenge=challenge, code_challenge_method="S256", nonce="n1")
    )
    form = _code_form(sandbox, granted["code"], code_verifier="verifier", client_info="1")
    answer = stranger.log_in("common", "token", **form).json()

    assert granted["state"] == "s1"
    assert wrong.json()["error_codes"] == [501481]
    identity = jwt.decode(answer["id_token"], options={"verify_signature": False})
    assert (identity["oid"], identity["nonce"]) == (sandbox.users[0].id, "n1")
    assert answer["refresh_token"]
    assert answer["client_info"]


def test_a_code_serves_once(stranger: Any, sandbox: Sandbox) -> None:
    form = _code_form(sandbox, _code(_authorize(stranger, sandbox))["code"])

    first, second = (stranger.log_in("common", "token", **form) for _ in range(2))

    assert first.status_code == 200
    assert second.json()["error_codes"] == [54005]


def test_a_code_lives_ten_minutes(stranger: Any, sandbox: Sandbox) -> None:
    form = _code_form(sandbox, _code(_authorize(stranger, sandbox))["code"])

    sandbox.advance(timedelta(minutes=11))

    assert stranger.log_in("common", "token", **form).json()["error_codes"] == [70008]


def test_a_code_is_bound_to_its_reply_address(stranger: Any, sandbox: Sandbox) -> None:
    form = _code_form(sandbox, _code(_authorize(stranger, sandbox))["code"], redirect_uri=f"{REDIRECT}/x")

    assert stranger.log_in("common", "token", **form).json()["error_codes"] == [500112]


def test_a_silent_sign_in_without_a_user_is_refused(stranger: Any, sandbox: Sandbox) -> None:
    assert _code(_authorize(stranger, sandbox, login_hint=""))["error"] == "login_required"


def test_an_unregistered_reply_address_gets_nothing(stranger: Any, sandbox: Sandbox) -> None:
    response = _authorize(stranger, sandbox, redirect_uri="https://thief.example/")

    assert response.status_code == 400
    assert response.json()["error_codes"] == [50011]


def test_a_scope_without_consent_is_refused(stranger: Any, sandbox: Sandbox) -> None:
    answer = _code(_authorize(stranger, sandbox, scope="openid Mail.ReadWrite.Everything"))

    assert answer["error_description"].startswith("AADSTS65001")


def test_the_consent_page_lists_the_people_and_redirects(stranger: Any, sandbox: Sandbox) -> None:
    page = _authorize(stranger, sandbox, prompt="select_account")
    chosen = stranger.call(
        "POST", page.url, data={"username": sandbox.users[2].username}, allow_redirects=False
    )

    assert "Zo\u00eb Lindqvist" in page.text
    assert _code(chosen)["code"]


def _refresh(stranger: Any, sandbox: Sandbox, token: str) -> dict[str, Any]:
    document: dict[str, Any] = stranger.log_in(
        "common",
        "token",
        grant_type="refresh_token",
        client_id=sandbox.application.client_id,
        refresh_token=token,
    ).json()
    return document


def test_a_refresh_token_serves_until_it_expires_or_is_revoked(stranger: Any, sandbox: Sandbox) -> None:
    form = _code_form(sandbox, _code(_authorize(stranger, sandbox))["code"])
    token = stranger.log_in("common", "token", **form).json()["refresh_token"]

    renewed = _refresh(stranger, sandbox, token)
    sandbox.advance(timedelta(days=91))
    expired = _refresh(stranger, sandbox, token)
    sandbox.revoke_sign_ins(sandbox.users[0].id)
    revoked = _refresh(stranger, sandbox, token)

    assert renewed["refresh_token"] != token
    assert expired["error_codes"] == [700082]
    assert revoked["error_codes"] == [50173]


def test_an_unknown_refresh_token_is_refused(stranger: Any, sandbox: Sandbox) -> None:
    assert _refresh(stranger, sandbox, "guess")["error"] == "invalid_grant"


def test_a_device_code_waits_for_its_user(stranger: Any, sandbox: Sandbox) -> None:
    client_id = sandbox.application.client_id
    started = stranger.log_in("common", "devicecode", client_id=client_id, scope="User.Read").json()
    form = {"grant_type": DEVICE_CODE, "client_id": client_id, "device_code": started["device_code"]}

    pending = stranger.log_in("common", "token", **form).json()
    approval = {"user_code": started["user_code"], "username": sandbox.users[0].username}
    stranger.call("POST", started["verification_uri"], data=approval)
    granted = stranger.log_in("common", "token", **form).json()

    assert pending["error"] == "authorization_pending"
    assert granted["scope"] == "User.Read"


@pytest.mark.parametrize("outcome", ["authorization_declined", "expired_token"])
def test_a_device_code_may_be_refused_or_forgotten(stranger: Any, sandbox: Sandbox, outcome: str) -> None:
    client_id = sandbox.application.client_id
    started = stranger.log_in("common", "devicecode", client_id=client_id, scope="User.Read").json()
    form = {"grant_type": DEVICE_CODE, "client_id": client_id, "device_code": started["device_code"]}

    if outcome == "expired_token":
        sandbox.advance(timedelta(minutes=16))
    else:
        sandbox.approve_device_code(started["user_code"], None)

    assert stranger.log_in("common", "token", **form).json()["error"] == outcome


def test_an_unknown_user_code_is_said_to_be_unknown(stranger: Any, sandbox: Sandbox) -> None:
    response = stranger.call("POST", f"{sandbox.url}/devicelogin", data={"user_code": "NOPE"})

    assert response.status_code == 400
    assert not sandbox.approve_device_code("NOPE", sandbox.users[0])


def test_a_signed_in_user_reads_me_and_an_application_does_not(
    stranger: Any, client: Any, sandbox: Sandbox
) -> None:
    user = sandbox.users[3]

    mine = stranger.as_user(user.username).call("GET", "/me")

    assert mine.json()["userPrincipalName"] == user.username
    assert client.call("GET", "/me").status_code == 400


def test_reads_need_their_permission(stranger: Any, client: Any, sandbox: Sandbox) -> None:
    poor = stranger.as_application(sandbox.add_application(roles=["Mail.Read"]))
    path = f"/users/{sandbox.users[0].username}"

    refused = poor.call("GET", path)

    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "Authorization_RequestDenied"
    assert client.call("GET", path).json()["displayName"] == sandbox.users[0].name
    assert client.call("GET", "/users/nobody").status_code == 404
    assert len(client.call("GET", "/users").json()["value"]) == len(sandbox.users)
