"""The settings of this app as one value."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django.fixtures import Settings

from subscriptions import conf

GUID = "7d1b5c90-3e84-4f2a-b6d7-0c9e8f1a2b34"
SIGN_IN = {"SIGN_IN_TENANT_ID": GUID, "SIGN_IN_CLIENT_ID": GUID, "SIGN_IN_CLIENT_SECRET": "never-shown"}


def test_the_addresses_that_graph_calls_follow_from_the_public_one(settings: Settings) -> None:
    settings.PUBLIC_BASE_URL = "https://graph.example.org"

    found = conf.configuration()

    assert found.notification_url == "https://graph.example.org/webhooks/graph/notifications"
    assert found.lifecycle_notification_url == "https://graph.example.org/webhooks/graph/lifecycle"


def test_a_custom_cloud_is_taken_without_slashes_at_the_end(settings: Settings, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    settings.CUSTOM_GRAPH_URL = "https://graph.example.org/"
    settings.CUSTOM_LOGIN_URL = "https://login.example.org//"
    settings.CUSTOM_CA_BUNDLE = str(bundle)

    found = conf.configuration()

    assert (found.custom_graph_url, found.custom_login_url) == (
        "https://graph.example.org",
        "https://login.example.org",
    )
    assert found.custom_ca_bundle == bundle


def test_application_ids_are_compared_in_lower_case(settings: Settings) -> None:
    settings.CHANGE_TRACKING_APP_IDS = ["ABC"]

    assert conf.configuration().change_tracking_app_ids == {"abc"}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"CUSTOM_GRAPH_URL": "https://graph.example.org"}, "together"),
        ({"CUSTOM_LOGIN_URL": "https://login.example.org"}, "together"),
        (
            {"CUSTOM_GRAPH_URL": "http://graph.example.org", "CUSTOM_LOGIN_URL": "https://l.example.org"},
            "CUSTOM_GRAPH_URL must begin with https",
        ),
        (
            {"CUSTOM_GRAPH_URL": "https://graph.example.org", "CUSTOM_LOGIN_URL": "login.example.org"},
            "CUSTOM_LOGIN_URL must begin with https",
        ),
        ({"CUSTOM_CA_BUNDLE": "/no/such/file"}, "/no/such/file, which is not a file"),
        ({"CHANGE_TRACKING_APP_IDS": []}, "at least one application id"),
        ({"ALERT_WEBHOOK_URL": "hooks.example.org/secret"}, "ALERT_WEBHOOK_URL must be an address"),
        ({"ALERT_WEBHOOK_URL": "file:///etc/passwd"}, "ALERT_WEBHOOK_URL must be an address"),
        ({"RENEWAL_HEARTBEAT_URL": "https://[broken"}, "RENEWAL_HEARTBEAT_URL must be an address"),
        ({"ALERT_WEBHOOK_FORMAT": "discord"}, "one of json, slack, teams"),
        ({"SIGN_IN_TENANT_ID": GUID}, "SIGN_IN_CLIENT_SECRET together"),
        ({**SIGN_IN, "SIGN_IN_CLIENT_SECRET": ""}, "SIGN_IN_CLIENT_SECRET together"),
        ({**SIGN_IN, "SIGN_IN_TENANT_ID": "common"}, "SIGN_IN_TENANT_ID must be an ID"),
        ({**SIGN_IN, "SIGN_IN_TENANT_ID": "contoso.example"}, "SIGN_IN_TENANT_ID must be an ID"),
        ({**SIGN_IN, "SIGN_IN_CLIENT_ID": "our app"}, "SIGN_IN_CLIENT_ID must be an ID"),
        ({**SIGN_IN, "SIGN_IN_CLOUD": "moon"}, "SIGN_IN_CLOUD must be one of"),
        ({**SIGN_IN, "SIGN_IN_CLOUD": "custom"}, "SIGN_IN_CLOUD=custom needs"),
    ],
)
def test_what_does_not_fit_is_refused(settings: Settings, changes: dict[str, object], text: str) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)

    with pytest.raises(ImproperlyConfigured, match=text):
        conf.configuration()


def test_the_value_prints_no_key(settings: Settings) -> None:
    shown = repr(conf.configuration())

    assert not [key for key in settings.FIELD_ENCRYPTION_KEYS if key in shown]


def test_the_secret_of_the_sign_in_is_not_shown(settings: Settings) -> None:
    for name, value in SIGN_IN.items():
        setattr(settings, name, value)

    assert "never-shown" not in repr(conf.configuration())


def test_addresses_that_are_secrets_are_not_shown(settings: Settings) -> None:
    settings.ALERT_WEBHOOK_URL = settings.RENEWAL_HEARTBEAT_URL = "https://hooks.example.org/secret"

    assert "secret" not in repr(conf.configuration())


def test_a_wrong_address_is_not_repeated(settings: Settings) -> None:
    settings.ALERT_WEBHOOK_URL = "htps://hooks.example.org/secret"

    with pytest.raises(ImproperlyConfigured) as caught:
        conf.configuration()

    assert "secret" not in str(caught.value)
