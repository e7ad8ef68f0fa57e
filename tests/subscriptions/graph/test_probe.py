"""The handshake as Graph plays it, whether a second request is answered, and the clock of the sign-in service."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from subscriptions.graph import clouds, probe, probe_connection
from subscriptions.sandbox import authority

SENT_BY_GRAPH = "POST", "text/plain; charset=utf-8", b""
BOOT = timedelta(seconds=60)


@contextmanager
def serving(answer: Callable[[Request], Response], **options: object) -> Iterator[int]:
    server = make_server("127.0.0.1", 0, Request.application(answer), threaded=True, **options)  # type: ignore[arg-type]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_it_is_sent_as_graph_sends_it() -> None:
    seen: list[tuple[str, str, bytes]] = []
    queries: list[bytes] = []

    def answer(request: Request) -> Response:
        seen.append((request.method, request.headers["Content-Type"], request.get_data()))
        queries.append(request.query_string)
        return Response(request.args["validationToken"])

    with serving(answer) as port:
        played = probe.play_handshake(f"http://127.0.0.1:{port}/hooks?key=1")

    assert seen == [SENT_BY_GRAPH]
    assert queries[0].startswith(b"key=1&validationToken=")
    assert played.reply is not None
    assert played.reply.body == played.token.encode()


def test_the_token_holds_what_careless_code_alters() -> None:
    with serving(lambda _request: Response()) as port:
        played = probe.play_handshake(f"http://127.0.0.1:{port}/")

    assert all(character in played.token for character in " %+:&<\"'\u00fc")
    assert "+" in played.query
    assert parse_qs(played.query)["validationToken"] == [played.token]


def test_each_handshake_has_its_own_token_and_shows_it_to_nobody() -> None:
    with serving(lambda _request: Response()) as port:
        first, second = (probe.play_handshake(f"http://127.0.0.1:{port}/") for _ in range(2))

    assert first.token != second.token
    assert first.token not in repr(first)
    assert first.query not in repr(first)


@pytest.mark.parametrize(
    ("root", "host"),
    [("https://hooks.example", "hooks.example"), ("https://hooks.example:8443", "hooks.example:8443")],
)
def test_the_host_header_leaves_the_usual_port_out(root: str, host: str) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = probe_connection._http_over(ours, urlsplit(root))

        connection.request("POST", "/")

        assert f"Host: {host}\r\n".encode() in theirs.recv(1000)


def test_no_redirect_is_followed() -> None:
    asked: list[str] = []

    def answer(request: Request) -> Response:
        asked.append(request.path)
        return Response(status=301, headers={"Location": "/elsewhere"})

    with serving(answer) as port:
        played = probe.play_handshake(f"http://127.0.0.1:{port}/hooks")

    assert asked == ["/hooks"]
    assert played.reply is not None
    assert played.reply.status == 301


def test_a_huge_answer_is_not_read_to_its_end() -> None:
    with serving(lambda _request: Response(b"x" * 1_000_000)) as port:
        played = probe.play_handshake(f"http://127.0.0.1:{port}/")

    assert played.reply is not None
    assert len(played.reply.body) == probe.MAX_BODY_BYTES


def test_a_host_without_a_listener_answers_no_second_request() -> None:
    with serving(lambda _request: Response()) as port:
        url = f"http://127.0.0.1:{port}/"

    assert probe.second_answer(url) == "none"


@contextmanager
def gunicorn(directory: Path, repository: Path, *options: str) -> Iterator[tuple[str, Path]]:
    """Run the product under gunicorn, and yield the webhook's URL and the log."""
    log = directory / "gunicorn.log"
    command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", "127.0.0.1:0", *options]
    environment = {**os.environ, "VAR_DIR": str(directory), "DATABASE_URL": ""}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    with ExitStack() as stack:
        output = stack.enter_context(log.open("wb"))
        process = stack.enter_context(
            subprocess.Popen(command, cwd=repository, env=environment, stdout=output, stderr=output)
        )
        stack.callback(process.terminate)
        yield f"{_address(process, log)}/webhooks/graph/notifications", log


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    while process.poll() is None:
        found = re.search(r"Listening at: (\S+)", log.read_text())
        if found:
            return found[1]
    raise AssertionError(log.read_text())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("-k", "sync", "-w", "1"), "afterwards"),
        (("-k", "gthread", "--threads", "1"), "afterwards"),
        (("-k", "gthread", "--threads", "2"), "meanwhile"),
    ],
)
def test_one_worker_thread_is_told_from_more(
    tmp_path: Path, repository: Path, options: tuple[str, ...], expected: str
) -> None:
    with gunicorn(tmp_path, repository, *options) as (url, log):
        booted = probe.play_handshake(url, limit=BOOT)

        answer = probe.second_answer(url, hold=timedelta(seconds=1.5))

        assert booted.reply is not None
    assert answer == expected
    # The first request was broken off: neither stored, nor tried to be in a database without tables.
    assert "delivery not stored" not in log.read_text()


def offset(tmp_path: Path, date: str) -> timedelta | None:
    class Handler(WSGIRequestHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:  # noqa: ARG002 -- inherited
            return date

    context, bundle = authority.server_context(tmp_path, "127.0.0.1")
    with serving(lambda _request: Response(), ssl_context=context, request_handler=Handler) as port:
        root = f"https://127.0.0.1:{port}"
        return probe.clock_offset(clouds.custom(root, root, bundle))


@pytest.mark.parametrize("seconds", [600, 0, -600])
def test_the_clock_is_compared_by_the_date_of_the_answer(tmp_path: Path, seconds: int) -> None:
    theirs_at = datetime.now(UTC) + timedelta(seconds=seconds)

    found = offset(tmp_path, format_datetime(theirs_at, usegmt=True))

    assert found is not None
    assert abs(found.total_seconds() - seconds) < 3


@pytest.mark.parametrize("date", ["", "today"])
def test_a_date_that_is_none_gives_no_offset(tmp_path: Path, date: str) -> None:
    assert offset(tmp_path, date) is None
