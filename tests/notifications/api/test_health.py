"""The API's health, its description and its tokens."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from notifications.models import ApiToken
from subscriptions.models import Alert

Caller = Callable[..., APIClient]
RIGHTS = ("subscriptions.view_subscription", "subscriptions.view_alert")


def test_an_open_alert_is_not_all_right(caller: Caller) -> None:
    now = datetime.now(UTC)
    Alert.objects.create(
        kind="silent", key="k", title="Too quiet", raised_at=now, last_seen_at=now, announced_at=now
    )

    answer = caller(*RIGHTS).get("/api/v1/health/").json()

    assert (answer["is_all_right"], answer["open_alerts"]) == (False, ["Too quiet"])


def test_where_nobody_has_looked_nothing_is_called_all_right(caller: Caller) -> None:
    answer = caller(*RIGHTS).get("/api/v1/health/").json()

    assert (answer["is_all_right"], answer["watched_at"]) == (False, None)


def test_the_description_names_every_address(caller: Caller) -> None:
    described = caller().get("/api/v1/schema/?format=json").json()

    assert {"/api/v1/notifications/", "/api/v1/subscriptions/", "/api/v1/health/"} <= set(described["paths"])
    assert not [path for path in described["paths"] if "webhook" in path]


def test_a_stranger_does_not_get_the_description(client: Client, db: None) -> None:
    assert client.get("/api/v1/schema/").status_code == 401


def test_the_documentation_needs_nothing_from_elsewhere(administrator: Client) -> None:
    page = administrator.get("/api/v1/docs/").content.decode()

    assert "<style" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_token_that_has_ended_is_refused(client: APIClient, db: None) -> None:
    _, token = ApiToken.objects.create(User.objects.create_superuser("tool"), expiry=timedelta(seconds=-1))

    answer = client.get("/api/v1/notifications/", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 401


def test_the_command_makes_a_token_that_works(client: APIClient, db: None) -> None:
    User.objects.create_superuser("tool")
    out = StringIO()

    call_command("create_api_token", "--user", "tool", "--days", "1", "--json", stdout=out)

    made = json.loads(out.getvalue())
    answer = client.get("/api/v1/notifications/", headers={"Authorization": f"Bearer {made['token']}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "arguments",
    [("--user", "nobody"), ("--user", "tool", "--days", "0"), ("--user", "tool", "--days", "367")],
)
def test_the_command_says_what_is_wrong(db: None, arguments: tuple[str, ...]) -> None:
    User.objects.create_user("tool")

    with pytest.raises(CommandError) as caught:
        call_command("create_api_token", *arguments)

    assert caught.value.returncode == 2
