"""Sessions end by age and by idleness, whatever the user does."""

import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from config.session_limits import SEEN, SIGNED_IN

pytestmark = pytest.mark.django_db

MINUTE = 60
HOUR = 60 * MINUTE


@pytest.fixture
def administrator_since(client: Client) -> Any:
    """Return a function that signs in an administrator some seconds ago, seen last some seconds ago."""
    client.force_login(User.objects.create_superuser("admin"))

    def since(*, signed_in: float, seen: float) -> Client:
        session = client.session
        session[SIGNED_IN], session[SEEN] = time.time() - signed_in, time.time() - seen
        session.save()
        return client

    return since


@pytest.mark.parametrize(
    ("signed_in", "seen", "is_in"),
    [
        (0, 0, True),
        (11 * HOUR, 59 * MINUTE, True),
        (13 * HOUR, 0, False),
        (2 * HOUR, 61 * MINUTE, False),
    ],
    ids=["new", "within-both", "too-old", "too-idle"],
)
def test_a_session_ends_by_its_limits(
    administrator_since: Any, signed_in: float, seen: float, is_in: bool
) -> None:
    client = administrator_since(signed_in=signed_in, seen=seen)

    answer = client.get("/admin/auth/user/")

    assert answer.status_code == (200 if is_in else 302)
    assert ("_auth_user_id" in client.session) == is_in


def test_what_is_asked_for_keeps_a_session_from_idling(administrator_since: Any) -> None:
    client = administrator_since(signed_in=2 * HOUR, seen=50 * MINUTE)

    client.get("/admin/auth/user/")

    assert time.time() - client.session[SEEN] < MINUTE
    assert time.time() - client.session[SIGNED_IN] > HOUR


def test_the_sign_of_life_is_written_once_a_minute(
    administrator_since: Any, django_assert_num_queries: Any
) -> None:
    client = administrator_since(signed_in=HOUR, seen=MINUTE / 2)
    before = client.session[SEEN]

    client.get("/admin/auth/user/")

    assert client.session[SEEN] == before


def test_the_limits_are_those_of_the_settings(administrator_since: Any, settings: Settings) -> None:
    settings.SESSION_IDLE_SECONDS = 5 * MINUTE

    assert administrator_since(signed_in=HOUR, seen=6 * MINUTE).get("/admin/").status_code == 302


def test_the_api_counts_alike(administrator_since: Any) -> None:
    client = administrator_since(signed_in=13 * HOUR, seen=0)

    assert client.get("/api/v1/subscriptions/").status_code in {401, 403}
