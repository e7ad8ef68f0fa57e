"""WSGI entry point: `gunicorn config.wsgi -k gthread --threads 8`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest  # noqa: E402 -- after the set-up, like all below

from notifications.services import engine, uptime  # noqa: E402


class Utf8Request(WSGIRequest):
    """Reads addresses and forms as UTF-8, whatever charset the sender names.

    Django reads the query in the charset of the content type. One that is no text encoding, such as `zlib`, would end
    in an error before any view is asked, and a body in UTF-16 would spoil the handshake's token.
    """

    @property
    def encoding(self) -> str | None:
        """Leave the choice to Django, which is UTF-8."""
        return None

    @encoding.setter
    def encoding(self, value: str | None) -> None:
        """Pass over what the sender names."""


class Handler(WSGIHandler):
    """Django's handler with requests of our own."""

    request_class = Utf8Request


application = Handler()

# What an earlier process left in the inbox is taken up at once, not when the next delivery comes.
engine.start()
uptime.start()
