"""WSGI entry point: `gunicorn config.wsgi -k gthread --threads 8`."""

import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest  # noqa: E402 -- after the set-up, like all below
from django.utils.http import parse_header_parameters  # noqa: E402

from config import processors  # noqa: E402
from config.webhook_lane import WebhookLane  # noqa: E402
from notifications.services import engine  # noqa: E402
from notifications.services.watching import uptime  # noqa: E402


class Utf8Request(WSGIRequest):
    """Reads addresses and forms as UTF-8, whatever charset the sender names.

    Django reads the query in the charset of the content type. One that is no text encoding, such as `zlib`, would end
    in an error before any view is asked, and a body in UTF-16 would spoil the handshake's token.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        """Take the content type but for its charset."""
        self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))


class Handler(WSGIHandler):
    """Django's handler with requests of our own."""

    request_class = Utf8Request


application = WebhookLane(Handler(), settle_in=processors.keep_to_one)

# What an earlier process left in the inbox is taken up at once, not when the next delivery comes.
engine.start()
uptime.start()
