"""How gunicorn serves the product; each value may be overridden on its command line."""

import os
import sys
from typing import Any

bind = os.environ.get("BIND", "0.0.0.0:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_PROCESSES", "2"))
# The handshake needs a second thread: while a click waits for Graph, Graph calls back.
threads = int(os.environ.get("WEB_THREADS", "8"))
# Longer than any click that waits for Graph; Graph itself gives up after ten seconds.
timeout = 120
graceful_timeout = 30
keepalive = 75
# A worker's sign of life in memory, not on a disk that may be slow.
worker_tmp_dir = "/dev/shm"  # noqa: S108 -- made with an unguessable name by gunicorn
# Nobody here commands it by a socket, and it would lie in a home directory that is not there or cannot be written.
control_socket_disable = True
# Neither queries nor where somebody came from: a sign-in's code and searches in content stand in them.
access_log_format = '%(h)s "%(m)s %(U)s %(H)s" %(s)s %(B)s'
# Leftovers of months go with their process; not all processes at once.
max_requests = 100_000
max_requests_jitter = 20_000


def post_worker_init(worker: Any) -> None:
    """Keep a process that has its secrets from a vault: the one in its place would ask again.

    gunicorn ends altogether when one cannot start, and the vault may be away just then.
    """
    if any(name.endswith("_VAULT") for name in os.environ):
        worker.max_requests = sys.maxsize


if os.environ.get("LOG_FORMAT") == "json":
    # What gunicorn itself has to say, in the form of the product's own lines.
    logconfig_dict = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "config.logs.JsonFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"level": "INFO", "handlers": []},
        "loggers": {
            "gunicorn.error": {"level": "INFO", "handlers": ["stderr"], "propagate": False},
            "gunicorn.access": {"level": "INFO", "handlers": ["stderr"], "propagate": False},
        },
    }
