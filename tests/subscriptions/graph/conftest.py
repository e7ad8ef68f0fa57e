"""The stand-in for Microsoft's cloud, a webhook for its handshake, and a client that notes what it does."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from subscriptions.graph import clouds, tokens
from subscriptions.graph.client import GraphClient
from subscriptions.graph.clouds import Cloud
from subscriptions.graph.documents import CallRecord, SubscriptionRequest
from subscriptions.sandbox import Sandbox


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """Start a stand-in."""
    with Sandbox(port=0, directory=tmp_path / "sandbox") as sandbox:
        yield sandbox


@pytest.fixture
def cloud(sandbox: Sandbox) -> Cloud:
    """Return the stand-in's addresses and trust."""
    return clouds.custom(sandbox.graph_url, sandbox.login_url, sandbox.ca_bundle)


@pytest.fixture
def naps() -> list[float]:
    """Return the seconds that a client would have slept."""
    return []


@pytest.fixture
def calls() -> list[CallRecord]:
    """Return what a client reported of its calls."""
    return []


@pytest.fixture
def forced() -> list[bool]:
    """Return, for each token asked for, whether it had to be fresh."""
    return []


@pytest.fixture
def access_token(sandbox: Sandbox, cloud: Cloud, forced: list[bool]) -> Callable[[bool], str]:
    """Return a source of real tokens."""
    credential = tokens.ClientSecret(secret=sandbox.application.client_secret)

    def access_token(force: bool) -> str:
        forced.append(force)
        return tokens.acquire_for_app(
            cloud, sandbox.tenant_id, sandbox.application.client_id, credential, force=force
        ).value

    return access_token


@pytest.fixture
def client(
    cloud: Cloud, access_token: Callable[[bool], str], naps: list[float], calls: list[CallRecord]
) -> GraphClient:
    """Return a client that sleeps only on paper."""
    return GraphClient(cloud=cloud, access_token=access_token, on_call=calls.append, sleep=naps.append)


@pytest.fixture(scope="session")
def webhook() -> Iterator[str]:
    """Serve an endpoint that passes Graph's handshake, and return its address."""

    @Request.application
    def echo(request: Request) -> Response:
        return Response(request.args.get("validationToken", ""), content_type="text/plain")

    server = make_server("127.0.0.1", 0, echo, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/notifications"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def make_request(webhook: str) -> Callable[..., SubscriptionRequest]:
    """Return a builder of requests that the stand-in accepts."""

    def make(**changes: Any) -> SubscriptionRequest:
        values: dict[str, Any] = {
            "resource": "/users",
            "change_type": "updated",
            "notification_url": webhook,
            "expires_at": datetime.now(UTC) + timedelta(hours=2),
            "client_state": "state-never-to-be-seen",
        }
        return SubscriptionRequest(**(values | changes))

    return make
