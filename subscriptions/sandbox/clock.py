"""The sandbox's own clock: real time plus whatever a test has skipped."""

import threading
from datetime import UTC, datetime, timedelta


class Clock:
    """Tell the time in the sandbox, which `advance` may move forward."""

    def __init__(self) -> None:
        self._skipped = timedelta()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the sandbox's present as an aware UTC datetime."""
        return datetime.now(UTC) + self._skipped

    def advance(self, step: timedelta) -> datetime:
        """Skip `step` of time and return the new present."""
        with self._lock:
            self._skipped += step
        return self.now()


def as_graph_time(at: datetime) -> str:
    """Write a moment as Graph does in its replies: UTC, `Z`, seven fraction digits unless there are none."""
    text = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{at.microsecond:06d}0Z" if at.microsecond else f"{text}Z"


def as_notification_time(at: datetime) -> str:
    """Write a moment as Graph does in notifications: always seven fraction digits."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def parse_time(text: str) -> datetime:
    """Read a DateTimeOffset with up to seven fraction digits; one without an offset counts as UTC.

    Raises:
        ValueError: the text is not a moment in time.
    """
    if "T" not in text:
        raise ValueError("not a DateTimeOffset")
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
