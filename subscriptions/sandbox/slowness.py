"""Endpoints that answer too slowly: for them, notifications are thrown away.

Source: https://learn.microsoft.com/graph/change-notifications-delivery-webhooks (2026-04-22).
"""

import threading
from collections import deque
from datetime import datetime, timedelta
from urllib.parse import urlsplit

WINDOW = timedelta(minutes=10)
TOO_LONG = timedelta(seconds=10)
MOST = 0.15


class Slowness:
    """Remember the answers of the last ten minutes, by host; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[str, deque[tuple[datetime, bool]]] = {}

    def note(self, address: str, took: timedelta, *, at: datetime) -> None:
        """Remember one answer."""
        with self._lock:
            answers = self._answers.setdefault(urlsplit(address).netloc, deque())
            answers.append((at, took > TOO_LONG))

    def discards(self, address: str, *, now: datetime) -> bool:
        """Tell whether more than 15 % of the answers of the last ten minutes took over ten seconds."""
        with self._lock:
            answers = self._answers.get(urlsplit(address).netloc, deque())
            while answers and answers[0][0] + WINDOW <= now:
                answers.popleft()
            slow = sum(is_slow for _, is_slow in answers)
            return bool(slow) and slow / len(answers) > MOST
