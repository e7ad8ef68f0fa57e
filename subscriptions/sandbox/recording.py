"""What arrived at the sandbox and how it was answered, without the secrets it carried."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from werkzeug.wrappers import Request

_WITHHELD = frozenset({"authorization", "cookie"})


@dataclass(frozen=True, kw_only=True)
class RecordedRequest:
    """One call; `body` is None unless it was JSON, since forms carry credentials. Times are the sandbox's."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    body: object = field(repr=False)
    status: int | None
    at: datetime
    is_batched: bool


def record(request: Request, *, status: int | None, at: datetime, is_batched: bool) -> RecordedRequest:
    """Return the record of a call; a status of None means that the connection was dropped."""
    return RecordedRequest(
        method=request.method,
        path=request.path,
        query=request.args.to_dict(),
        headers={name: "withheld" if name.lower() in _WITHHELD else value for name, value in request.headers},
        body=_json_body(request),
        status=status,
        at=at,
        is_batched=is_batched,
    )


def _json_body(request: Request) -> object:
    if request.mimetype != "application/json":
        return None
    try:
        return json.loads(request.get_data())
    except (ValueError, RecursionError):
        return None
