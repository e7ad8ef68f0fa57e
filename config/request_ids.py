"""Gives each request an id that its answer and every line of the log about it carry."""

import random
import re
from collections.abc import Callable, Mapping
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


class RequestId:
    """The id of one request, in its WSGI environment `meta`: the one that came, if it is sane, or a new one."""

    __slots__ = ("_text", "_token")

    def __init__(self, meta: Mapping[str, Any]) -> None:
        unverified = meta.get(_IN_META, "")
        is_sane = unverified and _SANE.fullmatch(unverified)
        self._text = unverified if is_sane else f"{random.getrandbits(128):032x}"

    def __enter__(self) -> str:
        self._token = _current.set(self._text)
        return self._text

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


class RequestIdMiddleware:
    """Gives each request its id, and returns it with the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, with the id."""
        with RequestId(request.META) as request_id:
            response = self._get_response(request)
        response.headers[HEADER] = request_id
        return response
