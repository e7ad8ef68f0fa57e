"""Create many subscriptions from a CSV file: good lines are created, each bad one is told with its number."""

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TextIO

from subscriptions.graph.errors import GraphError
from subscriptions.models import Subscription
from subscriptions.services import wishes
from subscriptions.services.creation import create, submit
from subscriptions.services.errors import BusyError, UseCaseError, WishExistsError
from subscriptions.services.outcomes import told

REQUIRED_COLUMNS = ("app", "resource", "change_type")
COLUMNS = (*REQUIRED_COLUMNS, "rich", "certificate", "account", "minutes")
YES = {"1", "true", "yes", "y"}
NO = {"", "0", "false", "no", "n"}
# Digits of a number of minutes; Python refuses to read very long ones.
LONGEST_NUMBER = 9


class WrongFileError(UseCaseError):
    """The file is no CSV, or its header is another one."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line that gave a subscription."""

    number: int
    subscription: Subscription


@dataclass(frozen=True, kw_only=True)
class FailedLine:
    """A line that gave none, and why."""

    number: int
    resource: str
    error: str


@dataclass(kw_only=True)
class Report:
    """What became of each line."""

    created: list[Line] = field(default_factory=list)
    existing: list[Line] = field(default_factory=list)
    failed: list[FailedLine] = field(default_factory=list)


def create_many(
    file: TextIO, *, clock: Callable[[], datetime], actor: str, max_lines: int | None = None
) -> Report:
    """Create what the lines of `file` name; what is there already is left as it is, so a file may be used twice.

    Raises:
        WrongFileError: the file is no CSV, its header is another one, or it has more than `max_lines`; nothing is sent.

    """
    rows = _rows(file)
    if max_lines is not None and len(rows) > max_lines:
        raise WrongFileError(
            f"The file has {len(rows)} lines, more than the {max_lines} that one page takes. "
            "Use the command create_subscription --from-csv, or several files."
        )
    report = Report()
    for number, row in rows:
        try:
            subscription, is_new = create_or_find(_wished(row, now=clock()), now=clock(), actor=actor)
        except (GraphError, UseCaseError) as error:
            resource = row.get("resource") or ""
            report.failed.append(FailedLine(number=number, resource=resource, error=told(error)))
        else:
            lines = report.created if is_new else report.existing
            lines.append(Line(number=number, subscription=subscription))
    return report


def create_or_find(subscription: Subscription, *, now: datetime, actor: str) -> tuple[Subscription, bool]:
    """Create what is wished, or return what is there already; say whether it was created now.

    One that an earlier run saved and Graph did not get, or refused, is sent again.

    Raises:
        GraphError: Graph refused or did not answer; the row says why and is kept.

    """
    try:
        return create(subscription, now=now, actor=actor), True
    except WishExistsError as error:
        existing = error.existing
    if existing.status == Subscription.Status.ACTIVE:
        return existing, False
    try:
        return submit(existing, now=now, actor=actor), True
    except BusyError:
        existing.refresh_from_db()
        return existing, False


def _rows(file: TextIO) -> list[tuple[int, dict[str, str]]]:
    """Return the lines with their numbers."""
    try:
        reader = csv.DictReader(file, strict=True)
        header = [name.strip() for name in reader.fieldnames or ()]
        unknown, missing = set(header) - set(COLUMNS), set(REQUIRED_COLUMNS) - set(header)
        if unknown or missing:
            raise WrongFileError(
                f"The header must be {','.join(COLUMNS)} (the last four may be absent). "
                f"Missing: {', '.join(sorted(missing)) or 'none'}; "
                f"unknown: {', '.join(sorted(unknown)) or 'none'}."
            )
        reader.fieldnames = header
        return [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise WrongFileError(f"The file cannot be read as CSV: {error}.") from error


def _wished(row: dict[str, str], *, now: datetime) -> Subscription:
    if None in row:
        raise wishes.WrongWishError("The line has more columns than the header.")
    values = {name: (row.get(name) or "").strip() for name in COLUMNS}
    rich = values["rich"].lower()
    if rich not in YES | NO:
        raise wishes.WrongWishError(f"The column rich holds {rich!r}; use yes or no.")
    minutes = values["minutes"]
    if minutes and not (minutes.isascii() and minutes.isdigit() and len(minutes) <= LONGEST_NUMBER):
        raise wishes.WrongWishError(f"The column minutes holds {minutes!r}; use a whole number.")
    return wishes.named(
        app=values["app"],
        resource=values["resource"],
        change_type=values["change_type"],
        is_rich=rich in YES,
        certificate=values["certificate"],
        account=values["account"],
        minutes=int(minutes) if minutes else None,
        now=now,
    )
