"""HTTPS: trust, time-outs, redirects, and failures in plain words."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from subscriptions.graph.errors import UnreachableError
from subscriptions.graph.transport import Transport, shared
from subscriptions.sandbox import Sandbox


@pytest.fixture
def transport(sandbox: Sandbox) -> Transport:
    """Return a transport that trusts the stand-in."""
    return Transport(sandbox.ca_bundle)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Keep a port on which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def failure(transport: Transport, url: str, *, method: str = "POST") -> UnreachableError:
    with pytest.raises(UnreachableError) as caught:
        transport.send(method, url, read_timeout_seconds=0.3, changes_something=method != "GET")
    return caught.value


def test_a_certificate_of_an_unknown_authority_is_refused(sandbox: Sandbox) -> None:
    error = failure(Transport(None), sandbox.url)

    assert (error.kind, error.outcome_unknown, error.is_transient) == ("tls", False, False)


def test_the_bundle_of_the_cloud_beats_that_of_the_environment(
    sandbox: Sandbox, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")

    assert transport.send("GET", sandbox.url, read_timeout_seconds=5).status_code == 200


def test_without_an_own_bundle_that_of_the_environment_counts(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(sandbox.ca_bundle))

    assert Transport(None).send("GET", sandbox.url, read_timeout_seconds=5).status_code == 200


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_that_cannot_be_read_is_a_matter_of_trust(
    sandbox: Sandbox, tmp_path: Path, content: str | None
) -> None:
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_text(content)

    assert failure(Transport(bundle), sandbox.url).kind == "tls"


def test_a_name_that_does_not_resolve() -> None:
    error = failure(Transport(None), "https://nobody.invalid/")

    assert (error.kind, error.outcome_unknown) == ("dns", False)
    assert "nobody.invalid" in str(error)


def test_a_port_on_which_nobody_listens(closed_port: int) -> None:
    error = failure(Transport(None), f"https://127.0.0.1:{closed_port}/")

    assert (error.kind, error.outcome_unknown) == ("refused", False)


@pytest.mark.parametrize(("method", "outcome_unknown"), [("POST", True), ("GET", False)])
def test_an_answer_that_does_not_come_in_time(
    sandbox: Sandbox, transport: Transport, method: str, outcome_unknown: bool
) -> None:
    sandbox.add_fault(path="/v1.0/", status=200, delay=1)

    error = failure(transport, f"{sandbox.url}/v1.0/subscriptions", method=method)

    assert (error.kind, error.outcome_unknown) == ("timeout", outcome_unknown)


def test_a_connection_that_breaks_off(sandbox: Sandbox, transport: Transport) -> None:
    sandbox.add_fault(path="/v1.0/", drop=True)

    error = failure(transport, f"{sandbox.url}/v1.0/subscriptions")

    assert (error.kind, error.outcome_unknown) == ("connection", True)


def test_plain_http_is_not_spoken(sandbox: Sandbox, transport: Transport) -> None:
    error = failure(transport, sandbox.url.replace("https", "http"))

    assert "TLS" in str(error)


def test_a_redirect_is_not_followed(sandbox: Sandbox, transport: Transport) -> None:
    sandbox.add_fault(path="/v1.0/", status=302, headers={"Location": f"{sandbox.url}/elsewhere"})

    response = transport.send("GET", f"{sandbox.url}/v1.0/subscriptions", read_timeout_seconds=5)

    assert response.status_code == 302
    assert "/elsewhere" not in [call.path for call in sandbox.requests]


def test_a_netrc_entry_does_not_replace_the_authorization(
    sandbox: Sandbox, transport: Transport, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password word\n")
    monkeypatch.setenv("NETRC", str(netrc))

    prepared = transport.send(
        "GET", sandbox.url, headers={"Authorization": "Bearer ours"}, read_timeout_seconds=5
    ).request

    assert prepared.headers["Authorization"] == "Bearer ours"


def test_cookies_are_not_kept(sandbox: Sandbox, transport: Transport) -> None:
    sandbox.add_fault(path="/v1.0/", status=200, headers={"Set-Cookie": "a=b; Path=/"})
    transport.send("GET", f"{sandbox.url}/v1.0/subscriptions", read_timeout_seconds=5)

    second = transport.send("GET", f"{sandbox.url}/v1.0/subscriptions", read_timeout_seconds=5)

    assert "Cookie" not in second.request.headers


def test_a_password_in_a_proxy_or_address_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, closed_port: int
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:pass-word@127.0.0.1:{closed_port}")

    error = failure(Transport(None), "https://name:pass-word@graph.example/")

    assert "pass-word" not in f"{error!r} {error.__cause__!r}"
    assert not error.outcome_unknown


def test_who_asks_in_the_same_minute_shares_connections(sandbox: Sandbox) -> None:
    def asked_at(seconds: float) -> Transport:
        return shared(sandbox.ca_bundle, clock=lambda: seconds)

    one = asked_at(60.0)

    assert asked_at(119.0) is one
    assert asked_at(120.0) is not one


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_speaks_through_connections_of_its_own(sandbox: Sandbox) -> None:
    before = shared(sandbox.ca_bundle, clock=lambda: 0.0)

    pid = os.fork()
    if pid == 0:
        os._exit(shared(sandbox.ca_bundle, clock=lambda: 0.0) is before)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
