"""The Content-Security-Policy of every answer, by the names and in the form of Django 6.

On Django 6 this module goes: import `CSP` from `django.utils.csp`, and name `django.middleware.csp` in MIDDLEWARE.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

HEADER = "Content-Security-Policy"
# Under DEBUG Django shows these with a page that carries its own scripts.
SHOWN_BY_DEBUG = {404, 500}


class CSP(StrEnum):
    """Sources that are words of the policy itself."""

    NONE = "'none'"
    SELF = "'self'"


class ContentSecurityPolicyMiddleware:
    """Adds the policy of SECURE_CSP unless the answer brings its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        directives: Mapping[str, Sequence[str]] = settings.SECURE_CSP
        self._policy = "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, with the policy."""
        response = self._get_response(request)
        if not (settings.DEBUG and response.status_code in SHOWN_BY_DEBUG):
            response.headers.setdefault(HEADER, self._policy)
        return response
