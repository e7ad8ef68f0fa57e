"""Access tokens for apps, by real MSAL against the stand-in."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from subscriptions.graph import clouds, errors, tokens
from subscriptions.graph.clouds import Cloud
from subscriptions.graph.tokens import AccessToken, ClientCertificate, ClientSecret, FederatedToken
from subscriptions.sandbox import FederatedCredential, Sandbox

Acquire = Callable[..., AccessToken]


@pytest.fixture
def acquire(sandbox: Sandbox, cloud: Cloud) -> Acquire:
    """Return a way to get a token for the ready application, any part of it changed."""

    def acquire(**changes: Any) -> AccessToken:
        values: dict[str, Any] = {
            "cloud": cloud,
            "tenant_id": sandbox.tenant_id,
            "client_id": sandbox.application.client_id,
            "credential": ClientSecret(secret=sandbox.application.client_secret),
        }
        return tokens.acquire_for_app(**(values | changes))

    return acquire


@pytest.fixture(scope="session")
def key() -> rsa.RSAPrivateKey:
    """Make one key for all tests that need one."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def certificate(key: rsa.RSAPrivateKey) -> ClientCertificate:
    """Return a self-signed certificate with its key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "subscription manager")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return ClientCertificate(
        private_key_pem=pem.decode(),
        certificate_pem=signed.public_bytes(serialization.Encoding.PEM).decode(),
    )


def token_requests(sandbox: Sandbox) -> int:
    return sum(call.path.endswith("/oauth2/v2.0/token") for call in sandbox.requests)


def refused(acquire: Acquire, **changes: Any) -> errors.TokenRefusedError:
    with pytest.raises(errors.TokenRefusedError) as caught:
        acquire(**changes)
    return caught.value


def test_a_secret_gets_a_token_for_graph(acquire: Acquire, sandbox: Sandbox, cloud: Cloud) -> None:
    token = acquire()

    claims = tokens.unverified_claims_of(token.value)
    assert claims["aud"] == cloud.graph_url
    assert claims["tid"] == sandbox.tenant_id
    assert "User.Read.All" in claims["roles"]
    assert timedelta(minutes=50) < token.expires_at - datetime.now(UTC) < timedelta(minutes=100)


def test_a_token_is_kept_while_it_lasts(acquire: Acquire, sandbox: Sandbox) -> None:
    first, second = acquire(), acquire()

    assert first.value == second.value
    assert token_requests(sandbox) == 1


def test_a_fresh_token_is_fetched_on_demand(acquire: Acquire, sandbox: Sandbox) -> None:
    acquire()

    acquire(force=True)

    assert token_requests(sandbox) == 2


def test_another_secret_does_not_get_the_token_of_the_first(acquire: Acquire) -> None:
    acquire()

    error = refused(acquire, credential=ClientSecret(secret="another"))

    assert error.aadsts_code == 7000215


def test_an_app_in_another_tenant_has_a_token_of_its_own(acquire: Acquire, sandbox: Sandbox) -> None:
    acquire()

    error = refused(acquire, tenant_id="5a1c7e90-3b64-4f0e-9d27-1f8c0b6e2a11")

    assert error.aadsts_code == 90002
    assert error.status == 400
    assert token_requests(sandbox) == 1


def test_a_wrong_secret_is_explained_without_showing_it(acquire: Acquire) -> None:
    error = refused(acquire, credential=ClientSecret(secret="secret-never-to-be-seen"))

    assert (error.error, error.aadsts_code, error.code) == ("invalid_client", 7000215, "AADSTS7000215")
    assert "in place of its value" in error.explanation
    assert "Trace ID" not in error.message
    assert not error.is_transient
    assert "secret-never-to-be-seen" not in f"{error!r} {error} {vars(error)} {error.__cause__!r}"


def test_an_unknown_app_is_explained(acquire: Acquire) -> None:
    error = refused(acquire, client_id="00000000-0000-4000-8000-000000000000")

    assert error.aadsts_code == 700016


def test_an_echoed_secret_is_taken_out(acquire: Acquire, sandbox: Sandbox) -> None:
    sandbox.add_fault(
        path="/token",
        status=401,
        body={"error": "echo-me", "error_description": "AADSTS7000215: echo-me is wrong.\r\nTrace ID: 1"},
    )

    error = refused(acquire, credential=ClientSecret(secret="echo-me"))

    assert error.message == "AADSTS7000215: [removed] is wrong."
    assert error.error == "[removed]"


def test_a_refusal_is_asked_about_again_on_demand(acquire: Acquire, sandbox: Sandbox) -> None:
    body = {"error": "unauthorized_client", "error_description": "AADSTS700016: Not there yet."}
    sandbox.add_fault(path="/token", status=400, body=body)
    refused(acquire)

    assert acquire(force=True).value


def test_a_certificate_signs_with_ps256_and_is_accepted(
    acquire: Acquire, sandbox: Sandbox, certificate: ClientCertificate
) -> None:
    application = sandbox.add_application(certificate_pem=certificate.certificate_pem)

    token = acquire(client_id=application.client_id, credential=certificate)

    assert tokens.unverified_claims_of(token.value)["appid"] == application.client_id


def test_a_certificate_that_is_not_registered_is_explained(
    acquire: Acquire, certificate: ClientCertificate
) -> None:
    error = refused(acquire, credential=certificate)

    assert error.aadsts_code == 700027


@pytest.mark.parametrize("part", ["private_key_pem", "certificate_pem"])
def test_a_certificate_that_cannot_be_read_is_explained(
    acquire: Acquire, certificate: ClientCertificate, part: str
) -> None:
    broken = replace(certificate, **{part: "-----BEGIN NOTHING-----\nword-never-to-be-seen"})

    error = refused(acquire, credential=broken)

    assert "PEM" in error.message
    assert "word-never-to-be-seen" not in f"{error!r} {error.__cause__!r}"


def test_a_federated_token_is_read_anew_at_each_use(
    acquire: Acquire, sandbox: Sandbox, key: rsa.RSAPrivateKey, tmp_path: Path
) -> None:
    application = sandbox.add_application(
        federated_credential=FederatedCredential(
            issuer="https://issuer.example", subject="workload", public_key=key.public_key()
        )
    )
    path = tmp_path / "token"
    credential = FederatedToken(path=path)
    claims = {
        "iss": "https://issuer.example",
        "sub": "workload",
        "aud": "api://AzureADTokenExchange",
        "exp": datetime.now(UTC) + timedelta(minutes=5),
    }
    path.write_text(jwt.encode(claims | {"sub": "nobody"}, key, algorithm="RS256"))
    assert refused(acquire, client_id=application.client_id, credential=credential).aadsts_code == 700213
    path.write_text(jwt.encode(claims, key, algorithm="RS256") + "\n")

    token = acquire(client_id=application.client_id, credential=credential)

    assert token.value


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe"])
def test_a_federated_token_file_without_a_token_is_explained(
    acquire: Acquire, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)

    error = refused(acquire, credential=FederatedToken(path=path))

    assert str(path) in error.message


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [(429, {"Retry-After": "7"}, 7), (503, {"Retry-After": "7"}, 7), (429, {}, None)],
)
@pytest.mark.parametrize("path", ["/token", "openid-configuration"])
def test_a_busy_sign_in_service_says_how_long(
    acquire: Acquire,
    sandbox: Sandbox,
    path: str,
    status: int,
    headers: dict[str, str],
    seconds: int | None,
) -> None:
    sandbox.add_fault(path=path, status=status, headers=headers, body="<html>Busy</html>")

    with pytest.raises(errors.ThrottledError) as caught:
        acquire()

    assert caught.value.retry_after == (timedelta(seconds=seconds) if seconds else None)
    assert caught.value.is_transient


def test_what_was_busy_is_asked_again_at_once(acquire: Acquire, sandbox: Sandbox) -> None:
    sandbox.add_fault(path="/token", status=429, headers={"Retry-After": "60"})
    with pytest.raises(errors.ThrottledError):
        acquire()

    assert acquire().value


@pytest.mark.parametrize("path", ["/token", "openid-configuration"])
def test_a_failing_sign_in_service_passes(acquire: Acquire, sandbox: Sandbox, path: str) -> None:
    sandbox.add_fault(path=path, status=500, body="<html>Oops</html>")

    error = refused(acquire)

    assert error.is_transient
    assert error.status == 500


@pytest.mark.parametrize("path", ["/token", "openid-configuration"])
@pytest.mark.parametrize(
    ("status", "body"),
    [(200, "<html>Sign in</html>"), (404, "<html></html>"), (302, ""), (302, "{}"), (200, "[]")],
)
def test_what_is_not_entras_answer_is_told_apart(
    acquire: Acquire, sandbox: Sandbox, path: str, status: int, body: str
) -> None:
    sandbox.add_fault(path=path, status=status, body=body)

    with pytest.raises(errors.UnexpectedAnswerError):
        acquire()


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"authorization_endpoint": "https://x.example/a", "token_endpoint": "nonsense"},
        {"authorization_endpoint": "https://x.example/a", "token_endpoint": None},
    ],
)
def test_metadata_that_msal_cannot_use_is_explained(
    acquire: Acquire, sandbox: Sandbox, document: dict[str, Any]
) -> None:
    sandbox.add_fault(path="openid-configuration", status=200, body=json.dumps(document))

    assert "metadata" in refused(acquire).message


def test_a_secret_is_not_sent_without_tls(acquire: Acquire, sandbox: Sandbox) -> None:
    endpoint = sandbox.login_url.replace("https", "http") + "/t/oauth2/v2.0/token"
    sandbox.add_fault(
        path="openid-configuration",
        status=200,
        body={"authorization_endpoint": endpoint, "token_endpoint": endpoint},
    )

    with pytest.raises(errors.GraphError):
        acquire()
    assert token_requests(sandbox) == 0


def test_an_untrusted_sign_in_service_is_not_asked(acquire: Acquire, sandbox: Sandbox) -> None:
    stranger = clouds.custom(sandbox.graph_url, sandbox.login_url, None)

    with pytest.raises(errors.UnreachableError) as caught:
        acquire(cloud=stranger)
    assert caught.value.kind == "tls"


def test_a_region_in_the_environment_does_not_lead_past_the_cloud(
    acquire: Acquire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MSAL_FORCE_REGION", "westeurope")

    assert acquire().value


def test_credentials_and_tokens_do_not_show_themselves(
    acquire: Acquire, sandbox: Sandbox, certificate: ClientCertificate
) -> None:
    token = acquire()

    assert token.value not in repr(token)
    assert sandbox.application.client_secret not in repr(
        ClientSecret(secret=sandbox.application.client_secret)
    )
    assert "PRIVATE KEY" not in repr(certificate)


@pytest.mark.parametrize("text", ["", "opaque", "a.b.c", "eyJhbGciOiJub25lIn0.W10."])
def test_a_token_that_is_no_jwt_has_no_claims(text: str) -> None:
    assert tokens.unverified_claims_of(text) == {}


def test_a_held_token_serves_on_when_it_cannot_be_refreshed_early(acquire: Acquire, sandbox: Sandbox) -> None:
    body = {"token_type": "Bearer", "access_token": "held", "expires_in": 3600, "refresh_in": -1}
    sandbox.add_fault(path="/token", status=200, body=body)
    acquire()
    sandbox.add_fault(path="/token", status=500)

    assert acquire().value == "held"
    assert token_requests(sandbox) == 2


def test_only_the_applications_used_last_are_kept(cloud: Cloud) -> None:
    applications = tokens._Applications()
    credential = ClientSecret(secret="s")
    kept, dropped = (applications.get(cloud, "t", name, credential) for name in ("kept", "dropped"))
    for number in range(tokens.MAX_APPLICATIONS - 1):
        applications.get(cloud, "t", f"other-{number}", credential)
        assert applications.get(cloud, "t", "kept", credential) is kept

    assert applications.get(cloud, "t", "dropped", credential) is not dropped
