"""The real settings plus the few values that tests need."""

import os
import tempfile

# Keys and database of a test run are thrown away with it.
os.environ["VAR_DIR"] = os.environ.get("TEST_VAR_DIR") or tempfile.mkdtemp(prefix="gsm-tests-")

from config.settings import *  # noqa: F403
from config.settings import DATABASES, VAR_DIR

# Tests drain the inbox themselves: a thread of its own would race with their transactions.
EMBEDDED_WORKER = False
CELERY_BROKER_URL = ""
MEASURE_ENDPOINT = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# A file, not memory: the live server's threads then meet SQLite's real locks.
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
# Each test's client makes the middleware anew: listing all static files beforehand would take a fifth of its time.
WHITENOISE_AUTOREFRESH = True
