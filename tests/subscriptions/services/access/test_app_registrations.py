"""Register an app: three kinds of credential, and what cannot be right is refused."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from django.core.exceptions import ValidationError

from subscriptions.keys import certificates as keys
from subscriptions.models import AppRegistration, Subscription
from subscriptions.sandbox import FederatedCredential, Sandbox
from subscriptions.services.access import app_registrations
from subscriptions.services.access.app_registrations import NewCredential
from subscriptions.services.connection import test_connection as check_connection

pytestmark = pytest.mark.django_db

CLIENT_ID = "11111111-2222-3333-4444-555555555555"
SECRET = NewCredential(client_secret="never-to-be-seen")
Register = Callable[..., AppRegistration]


@pytest.fixture
def register(custom_cloud: Sandbox) -> Register:
    """Return a function that registers an app; keyword arguments change the values."""

    def register(**changes: Any) -> AppRegistration:
        values: dict[str, Any] = {
            "name": "Contoso",
            "cloud": "custom",
            "tenant_id": custom_cloud.tenant_id,
            "client_id": CLIENT_ID,
            "credential": SECRET,
        }
        return app_registrations.register(**(values | changes))

    return register


def connects(app_registration: AppRegistration) -> str:
    report = check_connection(app_registration, now=datetime.now(UTC), actor="test")
    return "connected" if report.succeeded else report.message


def test_a_secret_is_kept_without_blanks_around_it(register: Register) -> None:
    register(credential=NewCredential(client_secret="  value \n"))

    row = AppRegistration.objects.get()
    assert (row.credential_type, row.client_secret.reveal()) == ("client_secret", "value")


def test_a_certificate_signs_in(register: Register, sandbox: Sandbox, key_pair: keys.KeyPair) -> None:
    app = sandbox.add_application(certificate_pem=key_pair.certificate_pem)
    pem = key_pair.private_key_pem + key_pair.certificate_pem

    row = register(client_id=app.client_id, credential=NewCredential(pem=pem))

    assert row.credential_type == "certificate"
    assert connects(row) == "connected"


def test_an_encrypted_key_needs_its_password(register: Register, key_pair: keys.KeyPair) -> None:
    key = load_pem_private_key(key_pair.private_key_pem.encode(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame"))
    pem = locked.decode() + key_pair.certificate_pem

    with pytest.raises(ValidationError, match="Give its password"):
        register(credential=NewCredential(pem=pem))
    with pytest.raises(ValidationError, match="password is wrong"):
        register(credential=NewCredential(pem=pem, pem_password="wrong"))
    assert register(credential=NewCredential(pem=pem, pem_password="open sesame")).pk


def test_a_federated_token_signs_in_and_is_read_anew(
    register: Register, sandbox: Sandbox, key_pair: keys.KeyPair, tmp_path: Path
) -> None:
    key = keys.load_private_key(key_pair.private_key_pem)
    trust = FederatedCredential(issuer="https://issuer.example", subject="us", public_key=key.public_key())
    app = sandbox.add_application(federated_credential=trust)
    file = tmp_path / "token"
    claims = {
        "iss": trust.issuer,
        "sub": "us",
        "aud": trust.audience,
        "exp": datetime.now(UTC) + timedelta(hours=1),
    }
    row = register(client_id=app.client_id, credential=NewCredential(federated_token_file=str(file)))

    before = connects(row)
    file.write_text(jwt.encode(claims, key, algorithm="RS256"))
    after = connects(row)

    assert "cannot be read" in before
    assert after == "connected"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"name": ""}, "cannot be blank"),
        ({"cloud": "moon"}, "not a valid choice"),
        ({"tenant_id": "contoso"}, "Directory"),
        ({"client_id": "app"}, "Application"),
        ({"credential": NewCredential()}, "Give a client secret"),
        ({"credential": NewCredential(client_secret="  ")}, "Give a client secret"),
        ({"credential": NewCredential(client_secret="a", pem="b")}, "one credential only"),
        ({"credential": NewCredential(client_secret="a", federated_token_file="/b")}, "one credential only"),
        ({"credential": NewCredential(pem="nonsense")}, "There is no PEM"),
        ({"credential": NewCredential(federated_token_file="token")}, "beginning with /"),
    ],
)
def test_a_wrong_value_is_refused_and_nothing_is_saved(
    register: Register, changes: dict[str, Any], text: str
) -> None:
    with pytest.raises(ValidationError, match=text):
        register(**changes)
    assert not AppRegistration.objects.exists()


def test_ids_are_kept_in_one_spelling(register: Register) -> None:
    row = register(client_id=f" {CLIENT_ID.upper()} ", tenant_id=" Contoso.Example ")

    assert (row.client_id, row.tenant_id) == (CLIENT_ID, "contoso.example")


def test_the_same_name_gets_the_new_values(register: Register, key_pair: keys.KeyPair) -> None:
    first = register(credential=NewCredential(pem=key_pair.private_key_pem + key_pair.certificate_pem))
    second = register()

    row = AppRegistration.objects.get()
    assert first.pk == second.pk == row.pk
    assert (row.credential_type, row.credential_certificate) == ("client_secret", "")
    assert not row.credential_private_key


def test_a_refused_change_leaves_the_old_values(register: Register) -> None:
    register()

    with pytest.raises(ValidationError):
        register(tenant_id="contoso", credential=NewCredential(client_secret="new"))

    assert AppRegistration.objects.get().client_secret.reveal() == "never-to-be-seen"


def test_one_client_id_under_two_names_is_refused(register: Register) -> None:
    register()

    with pytest.raises(ValidationError, match="already registered"):
        register(name="Again")


def test_a_credential_to_be_prints_no_secret() -> None:
    shown = repr(NewCredential(client_secret="s3", pem="p3m", pem_password="pw3"))

    assert not [secret for secret in ("s3", "p3m", "pw3") if secret in shown]


def test_a_new_credential_lets_the_next_run_try_what_the_old_one_kept_from_it(
    register: Register, make_subscription: Callable[..., Subscription]
) -> None:
    row = make_subscription()
    other = make_subscription(resource="/users/u2/messages")
    later = datetime.now(UTC) + timedelta(hours=1)
    Subscription.objects.update(renew_at=later)
    Subscription.objects.filter(pk=row.pk).update(failures=3, error_cause="credential")

    app = row.app_registration
    register(name=app.name, client_id=app.client_id, tenant_id=app.tenant_id)

    row.refresh_from_db()
    other.refresh_from_db()
    assert row.renew_at is not None
    assert row.renew_at < later
    assert other.renew_at == later
