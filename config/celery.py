"""What `celery -A config worker` starts."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from notifications.services import engine  # noqa: E402 -- after the set-up

app = engine.celery_application()
