"""Test connection: what is wrong, in plain words."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pytest_django.fixtures import Settings

from subscriptions.models import AppRegistration, Operation
from subscriptions.sandbox import Sandbox
from subscriptions.services.connection import ConnectionReport
from subscriptions.services.connection import test_connection as check_connection

pytestmark = pytest.mark.django_db

Check = Callable[..., ConnectionReport]


@pytest.fixture
def check(app_registration: AppRegistration, now: datetime) -> Check:
    """Return a function that tests the connection, with some columns of the app registration changed."""

    def check(**changes: str) -> ConnectionReport:
        for name, value in changes.items():
            setattr(app_registration, name, value)
        return check_connection(app_registration, now=now, actor="alice")

    return check


def test_success_names_the_permissions_and_is_kept(check: Check, now: datetime) -> None:
    report = check()

    row = AppRegistration.objects.get()
    assert report.succeeded
    assert report.message.startswith("Connected. The app has 0 subscriptions at Graph.")
    assert "AiEnterpriseInteraction.Read.All" in report.message or " more." in report.message
    assert (row.checked_at, row.check_succeeded, row.check_message) == (now, True, report.message)


def test_it_is_on_the_log(check: Check) -> None:
    check()

    operation = Operation.objects.get()
    assert (operation.action, operation.actor, operation.status_code) == ("test", "alice", 200)


def test_a_token_without_permissions_is_remarked(
    check: Check, sandbox: Sandbox, app_registration: AppRegistration
) -> None:
    sandbox.grant(app_registration.client_id, roles=[])

    assert "carries no application permission yet" in check().message


def test_a_refused_list_is_told_apart_from_signing_in(check: Check, sandbox: Sandbox) -> None:
    body = {"error": {"code": "ExtensionError", "message": "Access denied"}}
    sandbox.add_fault(path="/subscriptions", status=403, body=body)

    report = check()

    assert not report.succeeded
    assert "Signing in works, but Graph refuses" in report.message
    assert "admin consent" in report.message


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"client_secret": "a-wrong-secret-value"}, "The client secret is wrong"),
        ({"tenant_id": "00000000-0000-0000-0000-000000000001"}, "The tenant was not found"),
        ({"client_id": "00000000-0000-0000-0000-000000000001"}, "The client id is not known"),
        (
            {"credential_type": "federated_token_file", "federated_token_file": "/nowhere/token"},
            "/nowhere/token cannot be read",
        ),
        ({"credential_type": "certificate"}, "PEM texts of one pair"),
    ],
)
def test_a_wrong_value_is_named(check: Check, changes: dict[str, str], text: str) -> None:
    report = check(**changes)

    assert not report.succeeded
    assert text in report.message
    assert "a-wrong-secret-value" not in report.message
    assert AppRegistration.objects.get().check_succeeded is False


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://no-such-host.invalid", "host name could not be resolved"),
        ("https://127.0.0.1:1", "refused the connection"),
    ],
)
def test_an_address_that_does_not_answer_is_explained(
    check: Check, settings: Settings, url: str, text: str
) -> None:
    settings.CUSTOM_GRAPH_URL = settings.CUSTOM_LOGIN_URL = url
    report = check()

    assert not report.succeeded
    assert text in report.message


def test_an_untrusted_certificate_is_explained(check: Check, settings: Settings) -> None:
    settings.CUSTOM_CA_BUNDLE = ""

    assert "certificate is not trusted" in check().message


def test_a_cloud_without_settings_is_explained(check: Check, settings: Settings) -> None:
    settings.CUSTOM_GRAPH_URL = settings.CUSTOM_LOGIN_URL = ""

    assert "CUSTOM_GRAPH_URL and CUSTOM_LOGIN_URL are not set" in check().message


def test_a_secret_that_does_not_open_is_explained(
    check: Check, settings: Settings, app_registration: AppRegistration
) -> None:
    app_registration.refresh_from_db()
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    assert "FIELD_ENCRYPTION_KEYS" in check().message


def test_a_mended_secret_is_tried_at_once(check: Check, app_registration: AppRegistration) -> None:
    right = app_registration.client_secret.reveal()

    reports = [check(client_secret=secret).succeeded for secret in (right, "wrong", right)]

    assert reports == [True, False, True]


def test_an_unreadable_ca_bundle_is_explained(check: Check, settings: Settings, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("no certificate")
    settings.CUSTOM_CA_BUNDLE = str(bundle)

    assert "Check the CA bundle" in check().message


def test_a_permission_that_a_subscription_lacks_is_named(
    check: Check, sandbox: Sandbox, app_registration: AppRegistration
) -> None:
    app_registration.subscriptions.create(resource="/users/1/messages", change_type="created")
    sandbox.grant(app_registration.client_id, roles=["User.Read.All"])

    message = check().message

    assert "Missing for its subscriptions: Mail.Read." in message
    assert "Grant admin consent" in message


def test_a_permission_that_is_there_is_not_asked_for(
    check: Check, sandbox: Sandbox, app_registration: AppRegistration
) -> None:
    app_registration.subscriptions.create(resource="/users/1/messages", change_type="created")
    sandbox.grant(app_registration.client_id, roles=["Mail.Read"])

    assert "Missing" not in check().message
