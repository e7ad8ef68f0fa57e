"""Graph's own request limits on subscriptions, for tests of throttling that is not staged.

Source: https://learn.microsoft.com/graph/throttling-limits (2026-02-06).
"""

import threading
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta

from werkzeug.wrappers import Request

from subscriptions.sandbox.errors import GraphProblem

WINDOW = timedelta(seconds=20)
# Calls in a window, of one app in one tenant.
GRAPH_LIMITS: Mapping[str, int] = {"write": 500, "reauthorize": 1000, "get": 500, "list": 25}


class Limits:
    """Count calls in a sliding window; safe to use from several threads."""

    def __init__(self) -> None:
        self.allowed = dict(GRAPH_LIMITS)
        self._lock = threading.Lock()
        self._calls: dict[tuple[str, str, str], deque[datetime]] = {}

    def check(self, request: Request, *, application_id: str, tenant_id: str, now: datetime) -> None:
        """Count a call.

        Raises:
            GraphProblem: 429 with a decimal Retry-After, if the window is full.
        """
        kind = _kind(request)
        with self._lock:
            calls = self._calls.setdefault((application_id, tenant_id, kind), deque())
            while calls and calls[0] + WINDOW <= now:
                calls.popleft()
            if len(calls) < self.allowed[kind]:
                calls.append(now)
                return
            wait = calls[0] + WINDOW - now
        raise GraphProblem(
            status=429,
            code="TooManyRequests",
            message="Too many requests",
            headers={"Retry-After": f"{max(wait.total_seconds(), 0.001):.3f}"},
        )


def _kind(request: Request) -> str:
    if request.path.endswith("/reauthorize"):
        return "reauthorize"
    if request.method != "GET":
        return "write"
    return "list" if request.path.rstrip("/").endswith("/subscriptions") else "get"
