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
