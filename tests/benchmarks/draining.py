"""Drain the inbox once as a worker does, and print counts, the time of its work and its highest memory as JSON."""

import json
import resource
import time

import django

django.setup()

from django.utils import timezone  # noqa: E402 -- after the set-up, like all below

from notifications.services import processing  # noqa: E402

began_at = time.time()
summary = processing.process(clock=timezone.now)
ended_at = time.time()
print(
    json.dumps(
        {
            "accepted": summary.accepted,
            "errors": summary.errors[:3],
            "began_at": began_at,
            "ended_at": ended_at,
            "memory_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        }
    )
)
