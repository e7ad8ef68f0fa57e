"""The sandbox's own controls over HTTP, for those who drive it from outside its process."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from werkzeug.wrappers import Request, Response

from subscriptions.sandbox.clock import Clock, as_graph_time
from subscriptions.sandbox.delivery import Delivery
from subscriptions.sandbox.errors import GraphProblem
from subscriptions.sandbox.faults import Fault
from subscriptions.sandbox.intake import json_object
from subscriptions.sandbox.recording import RecordedRequest
from subscriptions.sandbox.stored import StoredSubscription
from subscriptions.sandbox.tenants import Application, Tenants
from subscriptions.sandbox.world import Change

_HOME = """Graph sandbox

A local stand-in for Microsoft Graph and its sign-in. Everything here is invented; nothing leaves this machine
except the notifications that its subscriptions ask for.

Graph       {url}/v1.0 and {url}/beta
Sign-in     {url}/{tenant_id}/v2.0
CA          {ca_bundle}
Tenant id   {tenant_id}
Client id   {client_id}

Controls (JSON): POST /sandbox/changes, /sandbox/lifecycle, /sandbox/faults, /sandbox/clock, /sandbox/keys/rotate;
GET /sandbox/state, /sandbox/requests, /sandbox/deliveries
"""


class Controlled(Protocol):
    """What the controls need of a sandbox; see `Sandbox` for what each member means."""

    clock: Clock
    tenants: Tenants
    tenant_id: str
    ca_bundle: Path

    @property
    def application(self) -> Application: ...  # noqa: D102 - see Sandbox

    @property
    def subscriptions(self) -> Mapping[str, StoredSubscription]: ...  # noqa: D102

    @property
    def requests(self) -> Sequence[RecordedRequest]: ...  # noqa: D102

    @property
    def deliveries(self) -> Sequence[Delivery]: ...  # noqa: D102

    def make_change(  # noqa: D102
        self, resource_path: str, change_type: str, content: Mapping[str, object] | None = None
    ) -> Change: ...

    def send_lifecycle(self, subscription_id: str, event: str) -> None: ...  # noqa: D102

    def put_fault(self, fault: Fault) -> Fault: ...  # noqa: D102

    def clear_faults(self) -> None: ...  # noqa: D102

    def advance(self, step: timedelta) -> datetime: ...  # noqa: D102

    def rotate_signing_keys(self) -> str: ...  # noqa: D102


class Control:
    """Act on a sandbox as its Python interface would."""

    def __init__(self, sandbox: Controlled) -> None:
        self._sandbox = sandbox

    def home(self, request: Request) -> Response:
        """Say what this is."""
        sandbox = self._sandbox
        text = _HOME.format(
            url=request.host_url.rstrip("/"),
            tenant_id=sandbox.tenant_id,
            client_id=sandbox.application.client_id,
            ca_bundle=sandbox.ca_bundle,
        )
        return Response(text, content_type="text/plain; charset=utf-8")

    def act(self, request: Request, action: str) -> Response:
        """Do or show what a control asks for.

        Raises:
            GraphProblem: 404 for an unknown control, 400 for what it cannot understand.
        """
        shown: dict[str, Callable[[], object]] = {
            "state": self._state,
            "requests": lambda: [asdict(one) for one in self._sandbox.requests],
            "deliveries": lambda: [asdict(one) for one in self._sandbox.deliveries],
        }
        done: dict[str, Callable[[dict[str, object]], Mapping[str, object]]] = {
            "changes": self._change,
            "lifecycle": self._lifecycle,
            "faults": self._fault,
            "clock": self._clock,
            "rotate": lambda body: {"kid": self._sandbox.rotate_signing_keys()},  # noqa: ARG005 - nothing to say
        }
        if request.method == "GET" and action in shown:
            return _json(shown[action]())
        if request.method == "POST" and action in done:
            return self._done(done[action], request)
        raise GraphProblem(status=404, code="NotFound", message=f"There is no control '{action}'.")

    def _done(self, act: Callable[[dict[str, object]], Mapping[str, object]], request: Request) -> Response:
        body = json_object(request) if request.get_data() else {}
        try:
            return _json(act(body))
        except (KeyError, TypeError, ValueError) as error:
            raise GraphProblem(status=400, code="BadRequest", message=f"Not understood: {error}") from error

    def _state(self) -> object:
        sandbox = self._sandbox
        return {
            "now": as_graph_time(sandbox.clock.now()),
            "tenant_id": sandbox.tenant_id,
            "client_id": sandbox.application.client_id,
            "subscriptions": [one.as_json(reveals_state=False) for one in sandbox.subscriptions.values()],
            "users": [asdict(one) for one in sandbox.tenants.users.values()],
        }

    def _change(self, body: dict[str, object]) -> Mapping[str, object]:
        content = body.get("content")
        change = self._sandbox.make_change(
            str(body["resource"]),
            str(body["changeType"]),
            content if isinstance(content, dict) else None,
        )
        return {"id": change.item.id, "path": "/".join(change.item.path)}

    def _lifecycle(self, body: dict[str, object]) -> Mapping[str, object]:
        self._sandbox.send_lifecycle(str(body["subscriptionId"]), str(body["lifecycleEvent"]))
        return {}

    def _fault(self, body: dict[str, object]) -> Mapping[str, object]:
        if not body:
            self._sandbox.clear_faults()
        else:
            # JSON from outside: a wrong name becomes a TypeError, which is answered with 400.
            self._sandbox.put_fault(Fault(**body))  # type: ignore[arg-type]
        return {}

    def _clock(self, body: dict[str, object]) -> Mapping[str, object]:
        now = self._sandbox.advance(timedelta(seconds=float(str(body["seconds"]))))
        return {"now": as_graph_time(now)}


def _json(document: object) -> Response:
    return Response(json.dumps(document, default=str), content_type="application/json")
