"""What is explained at start-up."""

import pytest
from django.core.checks import CheckMessage
from pytest_django.fixtures import Settings

from subscriptions import checks


def ids_of(found: list[CheckMessage]) -> list[str | None]:
    return [one.id for one in found]


def test_settings_that_fit_give_nothing_to_say() -> None:
    assert checks.settings_fit_together(None) == []


def test_settings_that_contradict_each_other_are_an_error(settings: Settings) -> None:
    settings.CUSTOM_GRAPH_URL = "https://graph.example.org"

    [error] = checks.settings_fit_together(None)

    assert error.id == "subscriptions.E001"
    assert "CUSTOM_LOGIN_URL" in str(error.msg)


@pytest.mark.parametrize(
    ("url", "ids"),
    [("https://graph.example.org", []), ("http://127.0.0.1:8000", ["subscriptions.W001"])],
)
def test_an_address_that_graph_cannot_call_is_a_warning(settings: Settings, url: str, ids: list[str]) -> None:
    settings.PUBLIC_BASE_URL = url

    assert ids_of(checks.graph_can_reach_us(None)) == ids


def test_contradicting_settings_are_told_once(settings: Settings) -> None:
    settings.CUSTOM_GRAPH_URL = "https://graph.example.org"

    assert checks.graph_can_reach_us(None) == []


@pytest.mark.parametrize(
    ("admins", "backend", "ids"),
    [
        ([], "dummy", []),
        ([("ops", "ops@example.org")], "smtp", []),
        ([("ops", "ops@example.org")], "dummy", ["subscriptions.W002"]),
    ],
)
def test_administrators_that_no_server_can_reach_are_a_warning(
    settings: Settings, admins: list[tuple[str, str]], backend: str, ids: list[str]
) -> None:
    settings.ADMINS = admins
    settings.EMAIL_BACKEND = f"django.core.mail.backends.{backend}.EmailBackend"

    assert ids_of(checks.mail_can_be_sent(None)) == ids


@pytest.mark.parametrize(
    ("url", "hosts", "ids"),
    [
        ("https://graph.example.org", ["graph.example.org"], []),
        ("https://graph.example.org:8443", [".example.org"], []),
        ("http://[::1]:8000", ["[::1]"], []),
        ("https://graph.example.org", ["other.example.org", "localhost"], ["subscriptions.W005"]),
    ],
)
def test_a_host_that_is_not_answered_is_a_warning(
    settings: Settings, url: str, hosts: list[str], ids: list[str]
) -> None:
    settings.PUBLIC_BASE_URL, settings.ALLOWED_HOSTS = url, hosts

    assert ids_of(checks.graph_is_answered_at_its_address(None)) == ids


@pytest.mark.parametrize(
    ("url", "https", "ids"),
    [
        ("https://graph.example.org", True, []),
        ("http://127.0.0.1:8000", False, []),
        ("https://graph.example.org", False, ["subscriptions.W003"]),
    ],
)
def test_sign_in_without_encryption_is_a_warning(
    settings: Settings, url: str, https: bool, ids: list[str]
) -> None:
    settings.PUBLIC_BASE_URL, settings.SECURE_SSL_REDIRECT = url, https

    assert ids_of(checks.passwords_travel_encrypted(None)) == ids


@pytest.mark.parametrize(
    ("engine", "generated", "ids"),
    [
        ("sqlite3", ["SECRET_KEY"], []),
        ("postgresql", [], []),
        ("postgresql", ["FIELD_ENCRYPTION_KEYS"], ["subscriptions.W004"]),
    ],
)
def test_keys_of_one_host_beside_a_shared_database_are_a_warning(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, engine: str, generated: list[str], ids: list[str]
) -> None:
    settings.GENERATED_SECRETS = generated
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", f"django.db.backends.{engine}")

    assert ids_of(checks.hosts_share_their_keys(None)) == ids


@pytest.mark.parametrize(("engine", "ids"), [("sqlite3", ["subscriptions.I001"]), ("postgresql", [])])
def test_how_far_sqlite_goes_is_said(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, engine: str, ids: list[str]
) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", f"django.db.backends.{engine}")

    assert ids_of(checks.one_machine_is_enough(None)) == ids


@pytest.mark.parametrize(
    ("admins", "url", "ids"),
    [
        ([("a", "a@example.org")], "", []),
        ([], "https://hooks.example.org/1", []),
        ([], "", ["subscriptions.I002"]),
    ],
)
def test_alerts_that_nobody_is_told_are_mentioned(
    settings: Settings, admins: list[tuple[str, str]], url: str, ids: list[str]
) -> None:
    settings.ADMINS, settings.ALERT_WEBHOOK_URL = admins, url

    assert ids_of(checks.somebody_is_told(None)) == ids
