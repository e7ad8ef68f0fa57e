"""WSGI entry point: `gunicorn config.wsgi -k gthread --threads 8`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

from notifications.services import engine  # noqa: E402 -- models can be imported once the apps are loaded

# What an earlier process left in the inbox is taken up at once, not when the next delivery comes.
engine.start()
