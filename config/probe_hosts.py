"""Lets probes and Prometheus name the host as they reach it, often by a bare address."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase


class ProbeHostMiddleware:
    """Takes the public host for the named one where no answer depends on it: ALLOWED_HOSTS guards all else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, whatever host a probe has named."""
        if request.path_info in settings.PROBE_PATHS:
            request.META["HTTP_HOST"] = (
                settings.ALLOWED_HOSTS[0].lstrip(".") if settings.ALLOWED_HOSTS else ""
            )
        return self._get_response(request)
