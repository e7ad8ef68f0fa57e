"""Calls to the operator's own addresses: strict about answers, silent about the address."""

import threading
from collections.abc import Callable, Iterator

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from subscriptions.graph import outgoing
from subscriptions.graph.errors import GraphError, UnreachableError
from subscriptions.sandbox import Sandbox

Serve = Callable[..., str]


@pytest.fixture
def seen() -> list[Request]:
    """Return what came."""
    return []


@pytest.fixture
def serve(seen: list[Request]) -> Iterator[Serve]:
    """Return a function that answers with these statuses, one after the other, and returns the address."""
    servers = []

    def start(*statuses: int) -> str:
        waiting = list(statuses)

        @Request.application
        def answer(request: Request) -> Response:
            request.get_data()
            seen.append(request)
            return Response(status=waiting.pop(0), headers={"Location": "http://127.0.0.1:1/"})

        server = make_server("127.0.0.1", 0, answer, threaded=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/hook/secret-path?key=secret-key"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_body_is_posted_as_json(serve: Serve, seen: list[Request]) -> None:
    outgoing.post(serve(202), {"text": "ü"})

    assert (seen[0].method, seen[0].content_type, seen[0].json) == ("POST", "application/json", {"text": "ü"})


@pytest.mark.parametrize("status", [302, 400, 404, 500])
def test_any_other_answer_is_an_error_that_names_the_host_alone(serve: Serve, status: int) -> None:
    with pytest.raises(GraphError) as caught:
        outgoing.post(serve(status), {})

    assert str(caught.value) == f"{status}: 127.0.0.1 did not take it."


def test_an_address_where_nobody_is_is_an_error_that_names_the_host_alone() -> None:
    with pytest.raises(UnreachableError) as caught:
        outgoing.post("http://127.0.0.1:1/secret-path", {})

    assert "secret" not in str(caught.value)


def test_an_authority_of_the_organisation_is_trusted(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(sandbox.ca_bundle))

    outgoing.get(sandbox.url, tries=1, pause_seconds=0)


def test_an_unknown_authority_is_not(sandbox: Sandbox) -> None:
    with pytest.raises(UnreachableError):
        outgoing.get(sandbox.url, tries=3, pause_seconds=0)


def test_what_may_pass_is_tried_again(serve: Serve, seen: list[Request]) -> None:
    outgoing.get(serve(503, 429, 200), tries=3, pause_seconds=0)

    assert [request.method for request in seen] == ["GET"] * 3


@pytest.mark.parametrize(("statuses", "count"), [((404, 200), 1), ((503, 503, 200), 2)])
def test_what_does_not_pass_is_given_up(
    serve: Serve, seen: list[Request], statuses: tuple[int, ...], count: int
) -> None:
    with pytest.raises(GraphError):
        outgoing.get(serve(*statuses), tries=2, pause_seconds=0)

    assert len(seen) == count
