"""JSON batching: protocol notes section 2a."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from subscriptions.sandbox import Sandbox

JSON = {"Content-Type": "application/json"}


def _batch(client: Any, *items: dict[str, Any]) -> dict[str, dict[str, Any]]:
    response = client.call("POST", "/$batch", json={"requests": list(items)})
    assert response.status_code == 200
    return {one["id"]: one for one in response.json()["responses"]}


def _get(identifier: str, **changes: Any) -> dict[str, Any]:
    return {"id": identifier, "method": "GET", "url": "/subscriptions/none", **changes}


def test_each_item_has_its_own_answer(
    client: Any, create: Callable[..., requests.Response], sandbox: Sandbox, soon: str
) -> None:
    created = create().json()["id"]
    renew = {"method": "PATCH", "headers": JSON, "body": {"expirationDateTime": soon}}

    answers = _batch(
        client,
        {"id": "1", "url": f"/subscriptions/{created}", **renew},
        {"id": "2", "url": "/subscriptions/none", **renew},
        {"id": "3", "method": "DELETE", "url": f"subscriptions/{created}"},
    )

    assert {key: one["status"] for key, one in answers.items()} == {"1": 200, "2": 404, "3": 204}
    assert answers["2"]["body"]["error"]["code"] == "ResourceNotFound"
    assert "body" not in answers["3"]
    assert [one.is_batched for one in sandbox.requests[-4:]] == [True, True, True, False]


def test_answers_come_in_another_order(client: Any) -> None:
    items = [_get(str(number)) for number in range(3)]

    responses = client.call("POST", "/$batch", json={"requests": items}).json()["responses"]

    assert [one["id"] for one in responses] == ["2", "1", "0"]


def test_a_failed_dependency_gives_424_and_the_order_of_items_does_not_matter(client: Any) -> None:
    answers = _batch(client, _get("b", dependsOn=["a"]), _get("a"), _get("c", url="/organization"))

    assert [answers[key]["status"] for key in "abc"] == [404, 424, 200]


def test_a_throttled_item_carries_its_own_retry_after(client: Any, sandbox: Sandbox) -> None:
    sandbox.add_fault(path="/organization", status=429, headers={"Retry-After": "2.128"}, body={"error": {}})

    answers = _batch(client, _get("1", url="/organization"), _get("2", url="/organization"))

    assert (answers["1"]["status"], answers["2"]["status"]) == (429, 200)
    assert answers["1"]["headers"]["Retry-After"] == "2.128"


def test_a_body_needs_its_content_type(client: Any) -> None:
    item = {"id": "1", "method": "PATCH", "url": "/subscriptions/none", "body": {"expirationDateTime": "x"}}

    assert _batch(client, item)["1"]["status"] == 400


@pytest.mark.parametrize("url", ["https://graph.microsoft.com/v1.0/me", "/$batch"])
def test_an_item_must_be_relative_and_no_batch(client: Any, url: str) -> None:
    assert _batch(client, _get("1", url=url))["1"]["status"] == 400


@pytest.mark.parametrize(
    "requests_",
    [
        None,
        [],
        ["text"],
        [_get("1"), _get("1")],
        [_get(str(number)) for number in range(21)],
        [{"id": 1, "method": "GET", "url": "/me"}],
        [_get("1", method="BREW")],
        [_get("1", dependsOn=["2"])],
        [_get("1", dependsOn=["2"]), _get("2", dependsOn=["1"])],
        [_get("1", headers="text")],
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_envelope_that_cannot_be_understood_is_refused_whole(client: Any, requests_: Any) -> None:
    response = client.call("POST", "/$batch", json={"requests": requests_})

    assert response.status_code == 400


def test_twenty_items_are_allowed(client: Any) -> None:
    assert len(_batch(client, *(_get(str(number)) for number in range(20)))) == 20
