"""Answers that refuse: Graph's error envelope, Entra's error document, and a connection that just ends."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

_CODE = re.compile(r"AADSTS(\d+)")


class DropConnectionError(Exception):
    """End the connection without an answer, as a fault asked for."""


@dataclass(kw_only=True, eq=False)
class GraphProblem(Exception):  # noqa: N818 - it is the answer of a healthy server, not a failure of ours
    """A refusal by Graph."""

    status: int
    code: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self, *, request_id: str, client_request_id: str, now: datetime) -> dict[str, object]:
        """Return the error envelope of section 10 of the protocol notes.

        Source: https://learn.microsoft.com/graph/errors (2021).
        """
        inner = {
            "date": now.strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": request_id,
            "client-request-id": client_request_id,
        }
        return {"error": {"code": self.code, "message": self.message, "innerError": inner}}


@dataclass(kw_only=True, eq=False)
class EntraProblem(Exception):  # noqa: N818 - see GraphProblem
    """A refusal by the token endpoint; `description` begins with its AADSTS code."""

    error: str
    description: str
    status: int = 400

    def document(self, *, now: datetime) -> dict[str, object]:
        """Return Entra's error document, with fresh trace and correlation ids."""
        trace_id, correlation_id = str(uuid.uuid4()), str(uuid.uuid4())
        timestamp = now.strftime("%Y-%m-%d %H:%M:%SZ")
        found = _CODE.match(self.description)
        return {
            "error": self.error,
            "error_description": f"{self.description} Trace ID: {trace_id} Correlation ID: {correlation_id} "
            f"Timestamp: {timestamp}",
            "error_codes": [int(found[1])] if found else [],
            "timestamp": timestamp,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
        }


def invalid_request(message: str) -> GraphProblem:
    """Return the 400 that Graph gives to a request which must be changed before it is sent again."""
    return GraphProblem(status=400, code="InvalidRequest", message=message)


def refused_operation(operation: str, status: int, reason: str) -> GraphProblem:
    """Return an ExtensionError: the refusal of the workload behind Graph, in its own frame of words."""
    phrase = {400: "BadRequest", 403: "Forbidden", 404: "NotFound"}[status]
    message = f"Operation: {operation}; Exception: [Status Code: {phrase}; Reason: {reason}]"
    return GraphProblem(status=status, code="ExtensionError", message=message)


def object_not_found() -> GraphProblem:
    """Return the 404 for a subscription that is not, or no longer, there."""
    return GraphProblem(status=404, code="ResourceNotFound", message="The object was not found.")
