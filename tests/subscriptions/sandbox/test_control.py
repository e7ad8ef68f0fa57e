"""The sandbox's own controls over HTTP, and its life."""

import contextlib
import http.client
import ssl
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from subscriptions.sandbox import Sandbox


def test_the_front_page_says_what_this_is(stranger: Any, sandbox: Sandbox) -> None:
    page = stranger.call("GET", f"{sandbox.url}/")

    assert sandbox.tenant_id in page.text
    assert sandbox.application.client_secret not in page.text


def test_a_change_made_over_http_is_delivered(
    create: Callable[..., requests.Response], stranger: Any, sandbox: Sandbox
) -> None:
    create(resource="/users/U/events")

    body = {"resource": "/users/U/events/e1", "changeType": "updated", "content": {"subject": "Hello"}}
    answer = stranger.call("POST", f"{sandbox.url}/sandbox/changes", json=body)
    sandbox.flush(5)

    assert answer.json() == {"id": "e1", "path": "users/U/events/e1"}
    assert stranger.call("GET", f"{sandbox.url}/sandbox/deliveries").json()[0]["status"] == 202


def test_a_lifecycle_notice_can_be_sent_over_http(
    create: Callable[..., requests.Response], stranger: Any, receiver: Any, sandbox: Sandbox
) -> None:
    created = create(lifecycleNotificationUrl=receiver.url).json()["id"]

    body = {"subscriptionId": created, "lifecycleEvent": "subscriptionRemoved"}
    stranger.call("POST", f"{sandbox.url}/sandbox/lifecycle", json=body)
    sandbox.flush(5)

    assert receiver.items[0]["lifecycleEvent"] == "subscriptionRemoved"
    assert stranger.call("GET", f"{sandbox.url}/sandbox/state").json()["subscriptions"] == []


def test_faults_clock_and_keys_obey_http(client: Any, sandbox: Sandbox) -> None:
    control = f"{sandbox.url}/sandbox"
    before = sandbox.clock.now()

    client.call("POST", f"{control}/faults", json={"path": "/organization", "status": 500, "times": None})
    broken = client.call("GET", "/organization")
    client.call("POST", f"{control}/faults", json={})
    whole = client.call("GET", "/organization")
    client.call("POST", f"{control}/clock", json={"seconds": 3600})
    kid = client.call("POST", f"{control}/keys/rotate").json()["kid"]

    assert (broken.status_code, whole.status_code) == (500, 200)
    assert (sandbox.clock.now() - before).total_seconds() >= 3600
    assert kid == jwt.get_unverified_header(sandbox.validation_token())["kid"]
    assert len(client.call("GET", f"{control}/requests").json()) == len(sandbox.requests)


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("changes", {}),
        ("changes", {"resource": "/users/U/events", "changeType": "painted"}),
        ("lifecycle", {"subscriptionId": "none", "lifecycleEvent": "missed"}),
        ("faults", {"colour": "red"}),
        ("clock", {"seconds": "many"}),
    ],
)
def test_a_control_that_is_not_understood_answers_400(
    stranger: Any, sandbox: Sandbox, action: str, body: dict[str, Any]
) -> None:
    assert stranger.call("POST", f"{sandbox.url}/sandbox/{action}", json=body).status_code == 400


def test_an_unknown_control_answers_404(stranger: Any, sandbox: Sandbox) -> None:
    assert stranger.call("GET", f"{sandbox.url}/sandbox/coffee").status_code == 404


def test_a_directory_keeps_the_ca_the_signing_key_and_the_ids_over_a_restart(tmp_path: Path) -> None:
    with Sandbox(directory=tmp_path) as first:
        first.rotate_signing_keys()
        signed_by = jwt.get_unverified_header(first.validation_token())["kid"]
        before = (first.tenant_id, first.application.client_secret, first.users, first.places)
        certificate = first.ca_bundle.read_bytes()
    with Sandbox(directory=tmp_path) as second:
        after = (second.tenant_id, second.application.client_secret, second.users, second.places)

        assert after == before
        assert second.ca_bundle.read_bytes() == certificate
        assert jwt.get_unverified_header(second.validation_token())["kid"] == signed_by


def test_private_files_are_for_their_owner_only(tmp_path: Path) -> None:
    with Sandbox(directory=tmp_path):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    names = ("ca-key.pem", "server.pem", "signing-key.pem", "seed")
    assert {name: modes[name] for name in names} == dict.fromkeys(names, 0o600)


def test_two_sandboxes_do_not_trust_each_other(sandbox: Sandbox) -> None:
    with Sandbox() as other, pytest.raises(requests.exceptions.SSLError):
        requests.get(other.url, verify=str(sandbox.ca_bundle), timeout=5)


def test_its_certificate_passes_the_strict_checks_of_newer_pythons(sandbox: Sandbox) -> None:
    context = ssl.create_default_context(cafile=str(sandbox.ca_bundle))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    connection = http.client.HTTPSConnection(sandbox.url.removeprefix("https://"), context=context)

    with contextlib.closing(connection):
        connection.request("GET", "/")

        assert connection.getresponse().status == 200


def test_a_taken_port_is_reported(sandbox: Sandbox) -> None:
    with pytest.raises(OSError, match="in use"):
        Sandbox(port=int(sandbox.url.rpartition(":")[2]))
