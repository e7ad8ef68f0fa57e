"""The front door: find out what a request wants, who asks, and turn refusals into answers."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from subscriptions.sandbox import batch, identifiers, tokens
from subscriptions.sandbox.behaviour import Behaviour
from subscriptions.sandbox.clock import Clock
from subscriptions.sandbox.control import Control
from subscriptions.sandbox.delta import Delta
from subscriptions.sandbox.errors import DropConnectionError, EntraProblem, GraphProblem
from subscriptions.sandbox.faults import Faults
from subscriptions.sandbox.identity import GRAPH_NAMES, Identity
from subscriptions.sandbox.limits import Limits
from subscriptions.sandbox.operations import Operations
from subscriptions.sandbox.reads import Reads, not_played
from subscriptions.sandbox.recording import RecordedRequest, record
from subscriptions.sandbox.sign_in import SignIn

_LOGGER = logging.getLogger(__name__)
_GRAPH = "/<any('v1.0', beta):version>"
_LOGIN = "/<tenant>"
_ROUTES = Map(
    [
        Rule("/", endpoint="home", methods=["GET"]),
        Rule("/sandbox/<action>", endpoint="control", methods=["GET", "POST"]),
        Rule("/sandbox/keys/rotate", endpoint="rotate", methods=["POST"]),
        Rule("/devicelogin", endpoint="devicelogin", methods=["GET", "POST"]),
        Rule(f"{_LOGIN}/.well-known/openid-configuration", endpoint="metadata_v1", methods=["GET"]),
        Rule(f"{_LOGIN}/v2.0/.well-known/openid-configuration", endpoint="metadata_v2", methods=["GET"]),
        Rule(f"{_LOGIN}/discovery/keys", endpoint="jwks", methods=["GET"]),
        Rule(f"{_LOGIN}/discovery/v2.0/keys", endpoint="jwks", methods=["GET"]),
        Rule(f"{_LOGIN}/oauth2/v2.0/token", endpoint="token", methods=["POST"]),
        Rule(f"{_LOGIN}/oauth2/v2.0/authorize", endpoint="authorize", methods=["GET", "POST"]),
        Rule(f"{_LOGIN}/oauth2/v2.0/logout", endpoint="logout", methods=["GET"]),
        Rule(f"{_LOGIN}/oauth2/v2.0/devicecode", endpoint="devicecode", methods=["POST"]),
        Rule(f"{_GRAPH}/$batch", endpoint="batch", methods=["POST"]),
        Rule(f"{_GRAPH}/subscriptions", endpoint="create", methods=["POST"]),
        Rule(f"{_GRAPH}/subscriptions", endpoint="list", methods=["GET"]),
        Rule(f"{_GRAPH}/subscriptions/<id>", endpoint="get", methods=["GET"]),
        Rule(f"{_GRAPH}/subscriptions/<id>", endpoint="update", methods=["PATCH"]),
        Rule(f"{_GRAPH}/subscriptions/<id>", endpoint="delete", methods=["DELETE"]),
        Rule(f"{_GRAPH}/subscriptions/<id>/reauthorize", endpoint="reauthorize", methods=["POST"]),
        Rule(f"{_GRAPH}/organization", endpoint="organization", methods=["GET"]),
        Rule(f"{_GRAPH}/me", endpoint="me", methods=["GET"]),
        Rule(f"{_GRAPH}/users", endpoint="users", methods=["GET"]),
        Rule(f"{_GRAPH}/users/<name>", endpoint="user", methods=["GET"]),
        Rule(f"{_GRAPH}/users/delta", endpoint="delta", methods=["GET"], defaults={"path": "users"}),
        Rule(f"{_GRAPH}/<path:path>/delta", endpoint="delta", methods=["GET"]),
        Rule(f"{_GRAPH}/<path:path>", endpoint="resource"),
    ],
    strict_slashes=False,
    merge_slashes=False,
    redirect_defaults=False,
)
_LIMITED = frozenset({"create", "list", "get", "update", "delete", "reauthorize"})


@dataclass(frozen=True, kw_only=True)
class Web:
    """Answer every request that reaches the sandbox."""

    clock: Clock
    identity: Identity
    sign_in: SignIn
    operations: Operations
    reads: Reads
    delta: Delta
    control: Control
    faults: Faults
    limits: Limits
    requests: list[RecordedRequest]
    behaviour: Behaviour

    def answer(self, request: Request, *, is_batched: bool = False) -> Response:
        """Answer one request and record it.

        Raises:
            DropConnectionError: a fault wants the connection to end.
        """
        status = None
        try:
            fault = None if request.path.startswith("/sandbox") else self.faults.take(request)
            real = partial(self._checked, request)
            response = fault.apply(real) if fault else real()
            status = response.status_code
        finally:
            self.requests.append(record(request, status=status, at=self.clock.now(), is_batched=is_batched))
        return response

    def _checked(self, request: Request) -> Response:
        request_id = identifiers.of_request()
        client_request_id = request.headers.get("client-request-id", request_id)
        try:
            response = self._routed(request)
        except EntraProblem as problem:
            document = problem.document(now=self.clock.now())
            response = _refusal(problem.status, document, {})
        except GraphProblem as problem:
            document = problem.document(
                request_id=request_id, client_request_id=client_request_id, now=self.clock.now()
            )
            response = _refusal(problem.status, document, problem.headers)
        response.headers["request-id"] = request_id
        response.headers["client-request-id"] = client_request_id
        return response

    def _routed(self, request: Request) -> Response:
        try:
            endpoint, values = _ROUTES.bind(request.host, url_scheme="https").match(
                request.path, request.method
            )
        except MethodNotAllowed as error:
            raise GraphProblem(
                status=405, code="MethodNotAllowed", message="Specified HTTP method is not allowed."
            ) from error
        except HTTPException as error:
            raise not_played(request) from error
        try:
            return self._open(request, endpoint, values) or self._for_caller(request, endpoint, dict(values))
        except (GraphProblem, EntraProblem, DropConnectionError):
            raise
        except Exception as error:
            _LOGGER.exception("sandbox failed method=%s endpoint=%s", request.method, endpoint)
            raise GraphProblem(
                status=500, code="InternalServerError", message="The sandbox itself failed; see its log."
            ) from error

    def _open(self, request: Request, endpoint: str, values: Mapping[str, str]) -> Response | None:
        doors: dict[str, Callable[..., Response]] = {
            "home": partial(self.control.home, request),
            "control": partial(self.control.act, request),
            "rotate": partial(self.control.act, request, action="rotate"),
            "devicelogin": partial(self.sign_in.device_page, request),
            "metadata_v1": partial(self.identity.metadata, request, version="1.0"),
            "metadata_v2": partial(self.identity.metadata, request, version="2.0"),
            "jwks": lambda tenant: self.identity.jwks(),  # noqa: ARG005 - all tenants share the keys
            "token": partial(self.identity.token, request),
            "authorize": partial(self.sign_in.authorize, request),
            "logout": partial(self.sign_in.logout, request),
            "devicecode": partial(self.sign_in.device_code, request),
        }
        return doors[endpoint](**values) if endpoint in doors else None

    def _for_caller(self, request: Request, endpoint: str, values: dict[str, str]) -> Response:
        caller = tokens.authenticate(
            request.headers.get("Authorization", ""),
            keys=self.identity.keys,
            tenants=self.identity.tenants,
            audiences=GRAPH_NAMES | {request.host_url.rstrip("/")},
            now=self.clock.now(),
        )
        if self.behaviour.enforce_limits and endpoint in _LIMITED:
            self.limits.check(
                request,
                application_id=caller.application.client_id,
                tenant_id=caller.tenant_id,
                now=self.clock.now(),
            )
        if endpoint in _LIMITED:
            operation: Callable[..., Response] = getattr(self.operations, endpoint)
            return operation(request, caller, **values)
        version = values.pop("version")
        doors: dict[str, Callable[..., Response]] = {
            "batch": lambda: batch.answer(request, version=version, call=self._batched),
            "organization": lambda: self.reads.organization(request, caller),
            "me": lambda: self.reads.me(caller),
            "users": lambda: self.reads.users(caller),
            "user": lambda name: self.reads.user(caller, name),
            "delta": lambda path: self.delta.answer(request, caller, version=version, path=path),
            "resource": lambda path: self.reads.resource(request, caller, path),
        }
        return doors[endpoint](**values)

    def _batched(self, request: Request) -> Response:
        return self.answer(request, is_batched=True)


def _refusal(status: int, document: Mapping[str, object], headers: Mapping[str, str]) -> Response:
    response = Response(json.dumps(document), status=status, content_type="application/json")
    response.headers.extend(headers)
    return response
