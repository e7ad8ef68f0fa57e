"""Drain the inbox once as a worker does, and print counts, the times of its work and its highest memory as JSON."""

import json
import resource
import time
from pathlib import Path

import django

django.setup()

from django.db import connection  # noqa: E402 -- after the set-up, like all below
from django.utils import timezone  # noqa: E402

from notifications.services import processing  # noqa: E402


def server_seconds() -> float:
    """Return the processor time of the server process of our connection; 0 where there is none on this host."""
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid if connection.vendor == "postgresql" else 0
    schedule = Path(f"/proc/{pid}/schedstat")
    return int(schedule.read_text().split()[0]) / 1e9 if schedule.exists() else 0.0


before = server_seconds()
began_at, began = time.time(), time.process_time()
summary = processing.process(clock=timezone.now)
ended_at = time.time()
print(
    json.dumps(
        {
            "accepted": summary.accepted,
            "errors": summary.errors[:3],
            "began_at": began_at,
            "ended_at": ended_at,
            "worker_seconds": time.process_time() - began,
            "server_seconds": server_seconds() - before,
            "memory_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        }
    )
)
