"""What the tests of the use cases share: wishes, the time, and what the stand-in was asked."""

import re
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from subscriptions.models import AppRegistration, Subscription
from subscriptions.sandbox import RecordedRequest, Sandbox
from subscriptions.sandbox.stored import StoredSubscription

Asked = Callable[..., list[RecordedRequest]]
MAILBOX = "/users/9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3/messages"


@pytest.fixture
def now() -> datetime:
    """Return the time of a test: real, since the stand-in and its tokens live in real time."""
    return datetime.now(UTC)


@pytest.fixture
def make_wish(app_registration: AppRegistration, webhook: str) -> Callable[..., Subscription]:
    """Return a function that builds a subscription that is not saved yet."""

    def make(**changes: Any) -> Subscription:
        wish = {"app_registration": app_registration, "resource": MAILBOX, "change_type": "created,updated"}
        return Subscription(**(wish | changes))

    return make


@pytest.fixture
def asked(sandbox: Sandbox) -> Asked:
    """Return a function that lists what the stand-in was asked about subscriptions by some method."""

    def asked(method: str, path: str = r"/subscriptions(/[^/]*)?$") -> list[RecordedRequest]:
        return [one for one in sandbox.requests if one.method == method and re.search(path, one.path)]

    return asked


@pytest.fixture
def at_once() -> Callable[..., list[Any]]:
    """Return a function that calls another in several threads at the same moment, and returns what came of each."""

    def at_once(function: Callable[[], Any], *, threads: int = 2) -> list[Any]:
        barrier = threading.Barrier(threads)
        results: list[Any] = []

        def run() -> None:
            barrier.wait()
            try:
                results.append(function())
            except Exception as error:  # noqa: BLE001 -- the test looks at it
                results.append(error)
            finally:
                connection.close()

        workers = [threading.Thread(target=run) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return results

    return at_once


@pytest.fixture
def watched_webhook(settings: Any) -> Iterator[Callable[[Callable[[], None]], None]]:
    """Return a function that has another one called, on a connection of its own, while Graph shakes hands."""
    watchers: list[Callable[[], None]] = []

    @Request.application
    def echo(request: Request) -> Response:
        for watcher in watchers:
            watcher()
        connection.close()
        return Response(request.args["validationToken"], content_type="text/plain")

    server = make_server("127.0.0.1", 0, echo, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    settings.PUBLIC_BASE_URL = f"http://127.0.0.1:{server.server_port}"
    yield watchers.append
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def put_at_graph(sandbox: Sandbox) -> Callable[..., StoredSubscription]:
    """Return a function that puts a changed copy of a subscription at Graph, as somebody else would have made it."""

    def put(like: Subscription, **changes: Any) -> StoredSubscription:
        original = sandbox.subscriptions[str(like.graph_id)]
        copy = replace(original, **{"id": str(uuid.uuid4()), "client_state": "theirs", **changes})
        sandbox._shelf.add(copy, lambda _: None)
        return copy

    return put
