"""/metrics: who may read it."""

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from pytest_django.fixtures import Settings

from notifications import conf
from notifications.views.metrics import PERMISSIONS

pytestmark = pytest.mark.django_db

TOKEN = "a-token-that-nobody-guesses"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", f"Bearer {TOKEN}", "Basic YTpi"])
def test_without_a_token_set_there_is_nothing_for_strangers(header: str) -> None:
    assert Client().get("/metrics", headers={"Authorization": header}).status_code == 404


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", "Bearer \xff", TOKEN]
)
def test_a_wrong_token_is_refused(header: str, settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN

    answer = Client().get("/metrics", headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="metrics"'
    assert answer.content == b""


def test_the_token_opens_it(settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN

    answer = Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})

    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    assert b"# TYPE gsm_deliveries gauge" in answer.content


@pytest.mark.parametrize(
    ("is_staff", "permissions", "status"),
    [(False, PERMISSIONS, 404), (True, (), 404), (True, PERMISSIONS[:1], 404), (True, PERMISSIONS, 200)],
)
def test_staff_may_look_with_the_permissions_to_see_the_rows(
    is_staff: bool, permissions: tuple[str, ...], status: int, client: Client
) -> None:
    user = User.objects.create_user("someone", is_staff=is_staff)
    names = [name.partition(".")[2] for name in permissions]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)

    assert client.get("/metrics").status_code == status


def test_prometheus_is_not_redirected_to_https(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True

    assert Client().get("/metrics").status_code == 404


def test_a_token_that_can_be_guessed_stops_the_start(settings: Settings) -> None:
    settings.METRICS_TOKEN = "short"

    with pytest.raises(ImproperlyConfigured, match="METRICS_TOKEN must have at least 20 characters"):
        conf.configuration()
