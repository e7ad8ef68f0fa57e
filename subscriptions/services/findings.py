"""What a check found: one sentence on how it is, one on what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One result: `check` is what was looked at, `subject` which one; all texts may be shown to staff."""

    check: str
    subject: str
    status: Status
    message: str
    advice: str = ""


def good(check: str, subject: str, message: str) -> Finding:
    """Say that something is as it should be."""
    return Finding(check=check, subject=subject, status=Status.OK, message=message)


def warning(check: str, subject: str, message: str, advice: str) -> Finding:
    """Say that something works, or cannot be judged, and deserves a look."""
    return Finding(check=check, subject=subject, status=Status.WARNING, message=message, advice=advice)


def error(check: str, subject: str, message: str, advice: str) -> Finding:
    """Say that something does not work."""
    return Finding(check=check, subject=subject, status=Status.ERROR, message=message, advice=advice)
