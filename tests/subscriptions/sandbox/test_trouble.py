"""Faults on request and Graph's own limits."""

import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests

from subscriptions.sandbox import Sandbox


def test_a_fault_happens_as_often_as_asked(client: Any, sandbox: Sandbox) -> None:
    fault = sandbox.add_fault(
        method="GET", path="/organization", status=503, headers={"Retry-After": "1"}, body="<html>", times=2
    )

    responses = [client.call("GET", "/organization") for _ in range(3)]

    assert [one.status_code for one in responses] == [503, 503, 200]
    assert responses[0].headers["Retry-After"] == "1"
    assert responses[0].headers["Content-Type"].startswith("text/html")
    assert fault.used == 2


def test_a_fault_leaves_other_calls_alone_and_can_be_cleared(client: Any, sandbox: Sandbox) -> None:
    sandbox.add_fault(method="POST", path="/subscriptions$", status=500, times=None)

    assert client.call("GET", "/organization").status_code == 200
    assert client.call("POST", "/subscriptions", json={}).status_code == 500
    sandbox.clear_faults()
    assert client.call("POST", "/subscriptions", json={}).status_code == 400


def test_a_connection_can_be_dropped_after_the_deed_is_done(
    create: Callable[..., requests.Response], sandbox: Sandbox
) -> None:
    sandbox.add_fault(method="POST", path="/subscriptions", drop=True, act=True)

    with pytest.raises(requests.ConnectionError):
        create()

    assert len(sandbox.subscriptions) == 1
    assert sandbox.requests[-1].status is None


def test_an_answer_can_be_late(client: Any, sandbox: Sandbox) -> None:
    sandbox.add_fault(path="/organization", delay=timedelta(seconds=0.1))
    started = time.monotonic()

    response = client.call("GET", "/organization")

    assert response.status_code == 200
    assert time.monotonic() - started >= 0.1


def test_limits_count_each_kind_of_call_and_say_how_long_to_wait(client: Any, sandbox: Sandbox) -> None:
    sandbox.enforce_limits = True
    sandbox.limits.allowed["list"] = 2

    statuses = [client.call("GET", "/subscriptions").status_code for _ in range(2)]
    refused = client.call("GET", "/subscriptions")
    other_kind = client.call("GET", "/subscriptions/none")
    sandbox.advance(timedelta(seconds=20))
    later = client.call("GET", "/subscriptions")

    assert statuses == [200, 200]
    assert refused.status_code == 429
    assert 0 < float(refused.headers["Retry-After"]) <= 20
    assert other_kind.status_code == 404
    assert later.status_code == 200


def test_connections_are_kept_alive_and_survive_refusals(client: Any, sandbox: Sandbox) -> None:
    client.call("GET", "/subscriptions", headers={"Authorization": ""})
    client.call("POST", "/subscriptions", data=b"{")
    client.call("GET", "/organization")

    [pool] = client.session.get_adapter(sandbox.url).poolmanager.pools._container.values()
    assert pool.num_connections == 1


def test_a_silent_connection_does_not_block_others(client: Any, sandbox: Sandbox) -> None:
    port = int(sandbox.url.rpartition(":")[2])

    with socket.create_connection(("127.0.0.1", port)):
        assert client.call("GET", "/organization").status_code == 200


def test_a_body_may_come_in_chunks(client: Any) -> None:
    headers = {"Content-Type": "application/json"}

    response = client.call("POST", "/subscriptions", headers=headers, data=iter([b'{"surp', b'rise": 1}']))

    assert "surprise" in response.json()["error"]["message"]


@pytest.mark.parametrize(("length", "status"), [(str(10**9), 413), ("-1", 400)])
def test_a_body_of_impossible_length_is_refused(sandbox: Sandbox, length: str, status: int) -> None:
    context = ssl.create_default_context(cafile=str(sandbox.ca_bundle))
    connection = http.client.HTTPSConnection(sandbox.url.removeprefix("https://"), context=context)

    with contextlib.closing(connection):
        connection.putrequest("POST", "/v1.0/subscriptions")
        connection.putheader("Content-Length", length)
        connection.endheaders()

        assert connection.getresponse().status == status
