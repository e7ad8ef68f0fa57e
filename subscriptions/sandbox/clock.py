"""The sandbox's own clock: real time plus whatever a test has skipped."""

import re
import threading
from datetime import UTC, datetime, timedelta

_DATE_TIME_OFFSET = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,12})?)?(Z|[+-]\d\d:\d\d)")


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
    """Read an Edm.DateTimeOffset, whose offset or `Z` must be there, as UTC.

    Raises:
        ValueError: the text is no such moment.
    """
    if not _DATE_TIME_OFFSET.fullmatch(text):
        raise ValueError("not an Edm.DateTimeOffset")
    return datetime.fromisoformat(text).astimezone(UTC)
