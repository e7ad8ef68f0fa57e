"""What is said when no answer comes."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from werkzeug.wrappers import Request, Response

from subscriptions.graph import probe
from subscriptions.graph.probe import Probe
from subscriptions.services import handshake
from subscriptions.services.findings import Finding, Status

SHORT = timedelta(seconds=1)


def explained(url: str, **options: Any) -> Finding:
    (finding,) = handshake.explain(probe.play_handshake(url, **options))
    return finding


@contextmanager
def listening(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve one connection with `talk`."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                talk(connection)

        thread = Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join()


def test_a_name_that_does_not_resolve_is_told() -> None:
    finding = explained("https://graph-subscriptions.invalid/", limit=2 * SHORT)

    assert finding.status == Status.ERROR
    assert "does not resolve (DNS)" in finding.message


def test_a_refused_connection_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    finding = explained(f"http://127.0.0.1:{port}/")

    assert "connection was refused" in finding.message


def test_an_address_that_swallows_connections_is_told_within_the_limit() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        with socket.create_connection(address):
            started = time.monotonic()

            finding = explained(f"http://127.0.0.1:{address[1]}/", limit=SHORT)

    assert "No connection came about" in finding.message
    assert time.monotonic() - started < 2 * SHORT.total_seconds()


def test_a_server_that_does_not_answer_in_time_is_told(serve: Callable[..., str]) -> None:
    def sleep(_request: Request) -> Response:
        time.sleep(2 * SHORT.total_seconds())
        return Response()

    finding = explained(serve(sleep), limit=SHORT)

    assert "no answer within 10 seconds" in finding.message
    assert "gthread" in finding.advice


def test_an_answer_that_drips_is_cut_off_at_the_limit() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        for _ in range(60):
            try:
                connection.sendall(b"x")
            except OSError:
                return
            time.sleep(0.05)

    with listening(drip) as url:
        started = time.monotonic()

        finding = explained(url, limit=SHORT)

        assert time.monotonic() - started < 2 * SHORT.total_seconds()
    assert "no answer within 10 seconds" in finding.message


def test_a_connection_that_breaks_off_is_told() -> None:
    with listening(socket.socket.close) as url:
        finding = explained(url)

    assert "broke off without an HTTP answer" in finding.message


def test_a_certificate_of_an_authority_that_is_trusted_passes(
    serve: Callable[..., str], authority: Any
) -> None:
    finding = explained(serve(context=authority.context()), ca_bundle=authority.bundle)

    assert finding.status == Status.OK


def test_a_self_signed_certificate_is_told(serve: Callable[..., str], authority: Any) -> None:
    finding = explained(serve(context=authority.context(self_signed=True)))

    assert "self-signed" in finding.message


def test_an_authority_that_nobody_knows_is_told(serve: Callable[..., str], authority: Any) -> None:
    finding = explained(serve(context=authority.context()))

    assert "authority that is trusted" in finding.message
    assert "intermediate certificate" in finding.advice


@pytest.mark.parametrize(
    ("starts", "words"),
    [(timedelta(days=-9), "has expired"), (timedelta(days=9), "not valid yet")],
)
def test_a_certificate_outside_its_time_is_told(
    serve: Callable[..., str], authority: Any, starts: timedelta, words: str
) -> None:
    finding = explained(serve(context=authority.context(starts=starts)), ca_bundle=authority.bundle)

    assert words in finding.message


@pytest.mark.parametrize("host", ["other.example", "127.0.0.2"])
def test_a_certificate_for_another_host_is_told(serve: Callable[..., str], authority: Any, host: str) -> None:
    finding = explained(serve(context=authority.context(host=host)), ca_bundle=authority.bundle)

    assert "another host name" in finding.message


def test_https_to_a_server_without_tls_is_told(serve: Callable[..., str]) -> None:
    finding = explained(serve().replace("http://", "https://"))

    assert "speaks no TLS" in finding.message


def test_a_server_that_refuses_tls_1_2_is_told(serve: Callable[..., str], authority: Any) -> None:
    context = authority.context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3

    finding = explained(serve(context=context), ca_bundle=authority.bundle)

    assert "refuses TLS 1.2" in finding.message


def test_a_server_that_asks_for_a_client_certificate_is_told(
    serve: Callable[..., str], authority: Any
) -> None:
    context = authority.context()
    context.verify_mode = ssl.CERT_REQUIRED

    finding = explained(serve(context=context), ca_bundle=authority.bundle)

    assert "No TLS connection came about" in finding.message
    assert "client certificate" in finding.advice


def test_a_name_that_leads_to_a_private_address_is_warned_of() -> None:
    played = Probe(
        url="https://hooks.example/", token="t", query="q", addresses=("10.0.0.7",), failure="refused"
    )

    findings = handshake.explain(played)

    assert [finding.status for finding in findings] == [Status.ERROR, Status.WARNING]
    assert "10.0.0.7, which the internet cannot reach" in findings[1].message


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://hooks.example/", "20.20.32.8"),
        ("http://127.0.0.1/", "127.0.0.1"),
        ("http://localhost/", "::1"),
    ],
)
def test_a_public_address_and_one_written_out_are_not_warned_of(url: str, address: str) -> None:
    played = Probe(url=url, token="t", query="q", addresses=(address,), failure="refused")

    assert len(handshake.explain(played)) == 1
