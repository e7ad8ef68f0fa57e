"""JSON batching: up to twenty calls in one envelope, answered in any order.

Source: https://learn.microsoft.com/graph/json-batching (2021).
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from subscriptions.sandbox.errors import GraphProblem
from subscriptions.sandbox.intake import json_object

MOST_ITEMS = 20
_FAILED = 400
_METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})


@dataclass(frozen=True, kw_only=True)
class _Item:
    id: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: object
    depends_on: tuple[str, ...]


def answer(request: Request, *, version: str, call: Callable[[Request], Response]) -> Response:
    """Answer a batch; `call` answers one item as if it had come by itself.

    Raises:
        GraphProblem: 400 for an envelope that cannot be understood.
    """
    items = _items(json_object(request).get("requests"))
    answers: dict[str, dict[str, object]] = {}
    for item in _ordered(items):
        is_blocked = any(_status(answers[name]) >= _FAILED for name in item.depends_on)
        answers[item.id] = _blocked(item) if is_blocked else _answered(item, request, version, call)
    # Graph promises no order, so the last comes first and nobody can rely on positions.
    document = {"responses": list(reversed(answers.values()))}
    return Response(json.dumps(document), content_type="application/json")


def _items(unchecked: object) -> list[_Item]:
    if not isinstance(unchecked, list) or not unchecked:
        raise _invalid("The batch request must have a non-empty array 'requests'.")
    if len(unchecked) > MOST_ITEMS:
        raise _invalid(f"Number of batch request steps exceeds the maximum value of {MOST_ITEMS}.")
    items = [_item(one) for one in unchecked]
    if len({item.id for item in items}) != len(items):
        raise _invalid("The ids of batch requests must be unique.")
    return items


def _item(unchecked: object) -> _Item:
    if not isinstance(unchecked, dict):
        raise _invalid("Each batch request must be an object.")
    identifier, url = unchecked.get("id"), unchecked.get("url")
    method = str(unchecked.get("method", "")).upper()
    headers, depends_on = unchecked.get("headers") or {}, unchecked.get("dependsOn") or []
    is_formed = isinstance(headers, dict) and isinstance(depends_on, list)
    if not isinstance(identifier, str) or not isinstance(url, str) or method not in _METHODS or not is_formed:
        raise _invalid("Each batch request needs a string id, a method and a url.")
    return _Item(
        id=identifier,
        method=method,
        url=url,
        headers={str(name): str(value) for name, value in headers.items()},
        body=unchecked.get("body"),
        depends_on=tuple(str(name) for name in depends_on),
    )


def _ordered(items: Sequence[_Item]) -> list[_Item]:
    waiting, done = list(items), list[_Item]()
    while waiting:
        ready = [item for item in waiting if set(item.depends_on) <= {one.id for one in done}]
        if not ready:
            raise _invalid("dependsOn names an unknown request or forms a circle.")
        done += ready
        waiting = [item for item in waiting if item not in ready]
    return done


def _answered(
    item: _Item, envelope: Request, version: str, call: Callable[[Request], Response]
) -> dict[str, object]:
    address = urlsplit(item.url)
    if address.netloc or address.path.strip("/").startswith("$batch"):
        return _refusal(item, 400, "BadRequest", "The url of a batch request must be relative and no batch.")
    names = {name.lower() for name in item.headers}
    if item.body is not None and "content-type" not in names:
        message = "A batch request with a body needs the header Content-Type."
        return _refusal(item, 400, "BadRequest", message)
    response = call(_request(item, envelope, version))
    headers = {"Content-Type": "application/json"}
    headers |= {
        name: value
        for name, value in response.headers.items()
        if name not in ("Content-Type", "Content-Length")
    }
    document: dict[str, object] = {"id": item.id, "status": response.status_code, "headers": headers}
    content = response.get_data()
    if content:
        document["body"] = _body(response, content)
    return document


def _body(response: Response, content: bytes) -> object:
    # What is no JSON travels in a batch as Base64.
    return (
        json.loads(content) if response.mimetype == "application/json" else base64.b64encode(content).decode()
    )


def _request(item: _Item, envelope: Request, version: str) -> Request:
    path, _, query = item.url.lstrip("/").partition("?")
    headers = [(name, value) for name, value in item.headers.items() if name.lower() != "authorization"]
    headers.append(("Authorization", envelope.headers.get("Authorization", "")))
    builder = EnvironBuilder(
        path=f"/{version}/{path}",
        query_string=query,
        base_url=envelope.host_url,
        method=item.method,
        headers=headers,
        data=b"" if item.body is None else json.dumps(item.body).encode(),
    )
    try:
        return builder.get_request()
    finally:
        builder.close()


def _status(document: Mapping[str, object]) -> int:
    status = document["status"]
    return status if isinstance(status, int) else _FAILED


def _blocked(item: _Item) -> dict[str, object]:
    return _refusal(item, 424, "FailedDependency", "A request that this one depends on has failed.")


def _refusal(item: _Item, status: int, code: str, message: str) -> dict[str, object]:
    headers = {"Content-Type": "application/json"}
    body = {"error": {"code": code, "message": message}}
    return {"id": item.id, "status": status, "headers": headers, "body": body}


def _invalid(message: str) -> GraphProblem:
    return GraphProblem(status=400, code="BadRequest", message=f"Invalid batch payload format. {message}")
