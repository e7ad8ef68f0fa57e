"""Our own endpoint, served in this process so that it lives in the same time; it can be taken away."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.wsgi import get_wsgi_application
from werkzeug.serving import WSGIRequestHandler, make_server

from notifications.services.intake import endpoint_health
from tests.benchmarks.month import clock


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 -- the inherited name
        """Log nothing."""


@dataclass(kw_only=True)
class Webhook:
    """Whether Graph finds us; if not, what stands in front of us says so. `takes` is how long an answer takes."""

    is_up: bool = True
    takes: timedelta = timedelta()


@contextmanager
def serving(port: int) -> Iterator[Webhook]:
    """Serve the product on a port of 127.0.0.1."""
    webhook = Webhook()
    product: Any = get_wsgi_application()

    def answer(environment: Any, start_response: Any) -> Iterable[bytes]:
        if webhook.is_up:
            answer: Iterable[bytes] = product(environment, start_response)
            if webhook.takes:
                # The product measures with a clock that does not jump: it is told what it would have measured.
                clock.skip(webhook.takes)
                endpoint_health.note_answer(webhook.takes, now=clock.now())
            return answer
        start_response("502 Bad Gateway", [("Content-Type", "text/html")])
        return [b"<html>"]

    server = make_server("127.0.0.1", port, answer, threaded=True, request_handler=_Silent)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield webhook
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
