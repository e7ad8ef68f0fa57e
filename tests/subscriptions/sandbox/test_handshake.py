"""The validation of endpoints: protocol notes section 3."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
import requests

from subscriptions.sandbox import Sandbox

Creator = Callable[..., requests.Response]


def test_each_url_gets_a_request_of_its_own_even_if_both_are_the_same(create: Creator, receiver: Any) -> None:
    response = create(lifecycleNotificationUrl=receiver.url)

    assert response.status_code == 201
    assert len({each["validationToken"] for each in receiver.handshakes}) == 2


def test_the_urls_own_query_is_kept(create: Creator, receiver: Any) -> None:
    create()

    assert receiver.handshakes[0]["key"] == "7"


def test_the_token_cannot_survive_a_second_decoding(create: Creator, receiver: Any) -> None:
    create()

    token = receiver.handshakes[0]["validationToken"]
    assert all(sign in token for sign in (" ", "%", "+", "\u00e9"))


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"handshake_status": 202}, "must respond with 200 OK"),
        ({"handshake_status": 307}, "must respond with 200 OK"),
        ({"handshake_status": 500}, "must respond with 200 OK"),
        ({"handshake_type": "text/html"}, "must respond with Content-Type text/plain"),
        ({"echo": lambda token: token + " "}, "must exactly match validationToken"),
        ({"echo": quote}, "must exactly match validationToken"),
        ({"echo": lambda token: f'"{token}"'}, "must exactly match validationToken"),
        ({"delay": 0.4}, "Subscription validation request timed out"),
    ],
)
def test_an_endpoint_that_answers_wrongly_gets_no_subscription(
    create: Creator, receiver: Any, sandbox: Sandbox, fault: dict[str, Any], text: str
) -> None:
    sandbox.handshake_time_limit = timedelta(seconds=0.2)
    for name, value in fault.items():
        setattr(receiver, name, value)

    response = create()

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "ValidationError"
    assert text in response.json()["error"]["message"]
    assert not sandbox.subscriptions


def test_an_endpoint_that_nobody_serves_is_refused(create: Creator) -> None:
    response = create(notificationUrl="http://127.0.0.1:1/hook")

    assert response.json()["error"]["message"].startswith("Subscription validation request failed.")


def test_an_endpoint_whose_certificate_is_not_trusted_is_refused(create: Creator, sandbox: Sandbox) -> None:
    response = create(notificationUrl=f"{sandbox.url}/hook")

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "ValidationError"
