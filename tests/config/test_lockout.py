"""Passwords cannot be tried without end."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from config.client_address import client_address

pytestmark = pytest.mark.django_db

RIGHT = "a-long-password"
LOGIN = "/admin/login/"


@pytest.fixture
def try_password(client: Client) -> Any:
    """Return a function that tries a password for the administrator, from an address."""
    User.objects.create_superuser("admin", "", RIGHT)

    def try_password(password: str, *, address: str = "192.0.2.1", name: str = "admin") -> Any:
        return Client(REMOTE_ADDR=address).post(LOGIN, {"username": name, "password": password})

    return try_password


def test_after_five_wrong_passwords_the_right_one_does_not_serve_either(try_password: Any) -> None:
    answers = [try_password("wrong") for _ in range(5)]

    locked = try_password(RIGHT)

    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]
    assert locked.status_code == 429
    assert "Locked for a while" in locked.content.decode()
    assert "default-src 'none'" in locked["Content-Security-Policy"]


def test_nobody_locks_the_administrator_out_from_elsewhere(try_password: Any) -> None:
    for _ in range(6):
        try_password("wrong", address="198.51.100.7")

    assert try_password(RIGHT).status_code == 302


def test_the_right_password_forgets_the_wrong_ones(try_password: Any) -> None:
    for password in ["wrong"] * 4 + [RIGHT] + ["wrong"] * 4:
        try_password(password)

    assert try_password(RIGHT).status_code == 302


def test_names_that_do_not_exist_are_locked_alike(try_password: Any) -> None:
    assert [try_password("wrong", name="nobody").status_code for _ in range(6)][-2:] == [429, 429]


def test_an_operator_can_open_the_lock(try_password: Any) -> None:
    for _ in range(6):
        try_password("wrong")

    call_command("axes_reset_username", "admin", verbosity=0)

    assert try_password(RIGHT).status_code == 302


@pytest.mark.parametrize(
    ("https", "header", "address"),
    [
        (False, "203.0.113.9", "192.0.2.1"),
        (True, "203.0.113.9", "203.0.113.9"),
        (True, "10.0.0.1, 203.0.113.9", "203.0.113.9"),
        (True, "", "192.0.2.1"),
    ],
    ids=["no-proxy", "proxy", "forged-before-the-proxy", "no-header"],
)
def test_the_address_is_the_one_that_the_proxy_saw(
    settings: Settings, https: bool, header: str, address: str
) -> None:
    settings.HTTPS = https
    request = RequestFactory().get(LOGIN, REMOTE_ADDR="192.0.2.1", headers={"X-Forwarded-For": header})

    assert client_address(request) == address
