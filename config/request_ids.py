"""Gives each request an id that its answer and every line of the log about it carry."""

import random
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.http import HttpRequest, HttpResponseBase

HEADER = "X-Request-ID"
_IN_META = "HTTP_X_REQUEST_ID"
# What a proxy sends is kept so that its log and ours meet; what could forge or break a line is not.
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+/-]{7,127}")

_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """Return the id of the request that is being answered; empty outside of one."""
    return _current.get()


@contextmanager
def of(meta: Mapping[str, Any]) -> Iterator[str]:
    """Let a request have the id that came, if it is sane, or a new one; `meta` is its WSGI environment."""
    unverified = meta.get(_IN_META, "")
    request_id = unverified if _SANE.fullmatch(unverified) else f"{random.getrandbits(128):032x}"
    token = _current.set(request_id)
    try:
        yield request_id
    finally:
        _current.reset(token)


class RequestIdMiddleware:
    """Gives each request its id, and returns it with the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, with the id."""
        with of(request.META) as request_id:
            response = self._get_response(request)
        response.headers[HEADER] = request_id
        return response
