"""Times as they are typed or stand in an address."""

from datetime import UTC, datetime

from django.utils.dateparse import parse_datetime


def read(text: str) -> datetime:
    """Return the time that a text names; without an offset it is UTC, without an hour it is midnight.

    Raises:
        ValueError: it names none.

    """
    try:
        at = parse_datetime(text) or parse_datetime(f"{text}T00:00:00")
        if at:
            return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        # A thirteenth month, or a time that no calendar here holds.
        pass
    raise ValueError(f"“{text}” is not a time such as 2026-11-17 10:00:00.")
