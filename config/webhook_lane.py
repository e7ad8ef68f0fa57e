"""Takes Graph's deliveries before Django is asked: for each, its layers would cost more than the insert."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.db import close_old_connections, connection

from config import request_ids
from notifications.urls import WEBHOOKS
from notifications.views import webhook

Application = Callable[..., Iterable[bytes]]


class WebhookLane:
    """A WSGI application before another, which gets what is no delivery: the handshake, and all for people.

    `settle_in` is called in each process before its first delivery: a server may fork after it has loaded this.
    """

    def __init__(self, application: Application, *, settle_in: Callable[[], None] = lambda: None) -> None:
        self._application = application
        self._settle_in = settle_in
        self._settled_process = 0
        self._endpoints = {f"/{address}": endpoint for address, endpoint in WEBHOOKS.items()}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Take a delivery, or pass the request on."""
        endpoint = self._endpoints.get(environ.get("PATH_INFO", ""))
        is_delivery = environ["REQUEST_METHOD"] == "POST" and "validationToken" not in environ.get(
            "QUERY_STRING", ""
        )
        if endpoint is None or not is_delivery:
            return self._application(environ, start_response)
        if self._settled_process != os.getpid():
            self._settled_process = os.getpid()
            self._settle_in()
        try:
            with request_ids.RequestId(environ) as request_id:
                answer = webhook.take(environ, endpoint=endpoint)
        finally:
            # As Django does after each request, where somebody had to be looked up.
            if connection.connection is not None:
                close_old_connections()
        start_response(answer.status_line, [(request_ids.HEADER, request_id), *answer.headers])
        return (answer.body,)
