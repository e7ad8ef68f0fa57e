"""Trouble on request: throttling, outages, odd answers, slowness and broken connections."""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from werkzeug.wrappers import Request, Response

from subscriptions.sandbox.errors import DropConnectionError


@dataclass(kw_only=True, eq=False)
class Fault:
    """One kind of trouble for the requests that match.

    `path` is a regular expression searched in the path with its query; an empty `method` matches all.
    `delay` is in seconds. `times` is how often it happens, None = until it is cleared. With `act` the
    sandbox does what was asked before the trouble, so that the caller cannot know. With `drop` the
    connection ends without an answer. Without `status` and `drop` the real answer is only late.
    """

    method: str = ""
    path: str = ""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] | str = ""
    delay: float = 0
    times: int | None = 1
    act: bool = False
    drop: bool = False
    used: int = 0

    def matches(self, request: Request) -> bool:
        """Tell whether this trouble is meant for the request and not used up."""
        is_left = self.times is None or self.used < self.times
        is_method = self.method.upper() in ("", request.method)
        return is_left and is_method and re.search(self.path, request.full_path.rstrip("?")) is not None

    def apply(self, answer: Callable[[], Response]) -> Response:
        """Return the troubled answer in place of the real one.

        Raises:
            DropConnectionError: the connection is to end.
        """
        is_plain = self.status is None and not self.drop
        real = answer() if self.act or is_plain else None
        time.sleep(self.delay)
        if self.drop:
            raise DropConnectionError
        return real if real is not None and is_plain else self._response()

    def _response(self) -> Response:
        is_text = isinstance(self.body, str)
        content = self.body if is_text else json.dumps(self.body)
        kind = "text/html; charset=utf-8" if is_text else "application/json"
        response = Response(str(content), status=self.status, content_type=kind)
        response.headers.extend(self.headers)
        return response


class Faults:
    """The faults in force, oldest first; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Put a fault in force."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Lift all faults."""
        with self._lock:
            self._faults.clear()

    def take(self, request: Request) -> Fault | None:
        """Return the first fault that matches, and count it as used."""
        with self._lock:
            for fault in self._faults:
                if fault.matches(request):
                    fault.used += 1
                    return fault
        return None
