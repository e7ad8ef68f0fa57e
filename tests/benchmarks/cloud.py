"""A Microsoft cloud in a process of its own: many tenants, subscriptions that exist already, and a delay on each call.

    python -m tests.benchmarks.cloud --tenants 20 --each 250 --delay 0.05 --facts FILE [--limits]

`/benchmark/calls` tells how many HTTP calls came to Graph, and how many writes were refused for their number.
"""

import json
import signal
import threading
import time
import uuid
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from werkzeug.wrappers import Request, Response

from subscriptions.sandbox import Sandbox
from subscriptions.sandbox.paths import canonical
from subscriptions.sandbox.stored import StoredSubscription
from subscriptions.sandbox.tenants import Application

CALLS = "/benchmark/calls"
URL = "http://127.0.0.1:1/webhooks/graph/notifications"
LEFT = timedelta(hours=12)


def main() -> None:
    """Serve until SIGTERM."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, required=True)
    parser.add_argument("--each", type=int, required=True, help="subscriptions in each tenant")
    parser.add_argument("--delay", type=float, required=True, help="seconds for each HTTP call")
    parser.add_argument("--limits", action="store_true", help="refuse what exceeds Graph's limits")
    parser.add_argument("--facts", type=Path, required=True)
    options = parser.parse_args()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    with Sandbox() as sandbox:
        sandbox.enforce_limits = options.limits
        tenants = [_tenant(sandbox, number, options.each) for number in range(options.tenants)]
        slow = _Slow(sandbox, options.delay)
        sandbox._server.answer = slow.answer
        facts = {
            "url": sandbox.url,
            "ca_bundle": str(sandbox.ca_bundle),
            "tenants": tenants,
        }
        part = options.facts.with_suffix(".part")
        part.write_text(json.dumps(facts))
        part.rename(options.facts)
        stopped.wait()


def _tenant(sandbox: Sandbox, number: int, each: int) -> dict[str, Any]:
    tenant = sandbox.add_tenant(f"Tenant {number}", domain=f"tenant{number}.example")
    application = sandbox.add_application(
        client_id=str(uuid.uuid4()), tenant_ids=[tenant.id], client_secret=f"secret-of-{number}"
    )
    stored = [_stored(sandbox, application, tenant.id) for _ in range(each)]
    for one in stored:
        sandbox._shelf.add(one, lambda _: None)
    return {
        "id": tenant.id,
        "client_id": application.client_id,
        "client_secret": f"secret-of-{number}",
        "subscriptions": [{"id": one.id, "resource": one.resource} for one in stored],
    }


def _stored(sandbox: Sandbox, application: Application, tenant_id: str) -> StoredSubscription:
    now = sandbox.clock.now()
    resource = f"/users/{uuid.uuid4()}/messages"
    return StoredSubscription(
        id=str(uuid.uuid4()),
        tenant_id=tenant_id,
        application_id=application.client_id,
        creator_id=application.service_principal_id,
        user_id=None,
        version="v1.0",
        resource=resource,
        path=canonical(resource),
        change_type="updated",
        notification_url=URL,
        lifecycle_notification_url=URL,
        expires_at=now + LEFT,
        client_state="state",
        include_resource_data=False,
        encryption_certificate=None,
        encryption_certificate_id=None,
        latest_supported_tls_version="v1_2",
        notification_query_options=None,
        notification_url_app_id=None,
        preferences=frozenset(),
        created_at=now,
    )


class _Slow:
    """Answers as the sandbox does, later, and counts."""

    def __init__(self, sandbox: Sandbox, delay: float) -> None:
        self._sandbox = sandbox
        self._delay = delay
        self._answer: Callable[[Request], Response] = sandbox._server.answer

    def answer(self, request: Request) -> Response:
        if request.path == CALLS:
            return Response(json.dumps(self._counts()), content_type="application/json")
        time.sleep(self._delay)
        return self._answer(request)

    def _counts(self) -> dict[str, int]:
        to_graph = [one for one in self._sandbox.requests if one.path.startswith(("/v1.0/", "/beta/"))]
        return {
            "calls": sum(not one.is_batched for one in to_graph),
            "throttled": sum(one.status == 429 for one in to_graph),
        }


if __name__ == "__main__":
    main()
