"""The entries of the catalogue, read once from resources.json."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Any

PARAMETER = re.compile(r"\{([A-Za-z-]+)\}")


@dataclass(frozen=True, kw_only=True)
class Permissions:
    """Permissions for each kind of access, from least to most privileged.

    An empty tuple means that Graph does not offer that access, None that Microsoft's pages do not say.
    """

    delegated_work: tuple[str, ...] | None
    delegated_personal: tuple[str, ...] | None
    application: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One path that Graph can watch, with what Microsoft's pages say about it.

    Empty `change_types` or `api_versions` and a life of None mean that the pages do not say, or disagree.
    `notes` are sentences for an administrator; `source` names the Microsoft pages.
    """

    path: str
    title: str
    description: str
    workload: str
    resource_type: str
    api_versions: tuple[str, ...]
    change_types: tuple[str, ...]
    rich_data: bool | None
    rich_data_requires_select: bool
    max_expiration: timedelta | None
    max_expiration_rich: timedelta | None
    lifecycle_url_required_after: timedelta | None
    lifecycle_events: tuple[str, ...]
    permissions: Permissions
    delta_path: str | None
    superseded_by: str | None
    retires_on: date | None
    notes: str
    source: str
    parameters: tuple[str, ...]

    @property
    def is_delegated_only(self) -> bool:
        """Tell whether only a signed-in user may watch this."""
        delegated = self.permissions.delegated_work or self.permissions.delegated_personal
        return self.permissions.application == () and bool(delegated)

    @property
    def is_application_only(self) -> bool:
        """Tell whether only an application may watch this."""
        delegated = (self.permissions.delegated_work, self.permissions.delegated_personal)
        return bool(self.permissions.application) and delegated == ((), ())

    @property
    def is_beta_only(self) -> bool:
        """Tell whether Microsoft publishes this for beta and not for v1.0."""
        return self.api_versions == ("beta",)

    @property
    def is_rich_only(self) -> bool:
        """Tell whether content must be included: no life without content is published."""
        return bool(self.rich_data) and self.max_expiration is None and self.max_expiration_rich is not None

    @property
    def names_no_item(self) -> bool:
        """Tell whether notifications say that something changed there, but not what.

        Source: onedrive-change-notifications-overview (2026): read the changes by delta.
        """
        return self.resource_type in {"driveItem", "list"}

    @property
    def is_retired(self) -> bool:
        """Tell whether Microsoft has replaced this path or set a date for its end."""
        return self.superseded_by is not None or self.retires_on is not None


@cache
def entries() -> tuple[Entry, ...]:
    """Return the whole catalogue, in its own order, workload by workload."""
    text = resources.files(__package__).joinpath("resources.json").read_text(encoding="utf-8")
    return tuple(_entry(record) for record in json.loads(text))


def workloads() -> tuple[str, ...]:
    """Return the names of the workloads in the order of the catalogue, each once."""
    return tuple(dict.fromkeys(entry.workload for entry in entries()))


def search(text: str) -> tuple[Entry, ...]:
    """Return the entries that contain every word of `text`, best first; all of them for an empty text.

    Case does not matter. Words found in title and path count for more than those in the rest.
    """
    words = text.casefold().split()
    found = [entry for entry in entries() if _has_all(words, _everything(entry))]
    return tuple(sorted(found, key=lambda entry: not _has_all(words, f"{entry.title} {entry.path}")))


def _has_all(words: list[str], text: str) -> bool:
    folded = text.casefold()
    return all(word in folded for word in words)


def _everything(entry: Entry) -> str:
    permissions = (
        *(entry.permissions.delegated_work or ()),
        *(entry.permissions.delegated_personal or ()),
        *(entry.permissions.application or ()),
    )
    facts = (entry.title, entry.path, entry.description, entry.workload, entry.resource_type, entry.notes)
    return " ".join((*facts, *permissions))


def _entry(record: Mapping[str, Any]) -> Entry:
    permissions = {kind: _names(names) for kind, names in record["permissions"].items()}
    retires_on = record["retires_on"]
    return Entry(
        path=record["path"],
        title=record["title"],
        description=record["description"],
        workload=record["workload"],
        resource_type=record["resource_type"],
        api_versions=tuple(record["api_versions"] or ()),
        change_types=tuple(record["change_types"] or ()),
        rich_data=record["rich_data"],
        rich_data_requires_select=record["rich_data_requires_select"],
        max_expiration=_minutes(record["max_expiration_minutes"]),
        max_expiration_rich=_minutes(record["max_expiration_minutes_rich"]),
        lifecycle_url_required_after=_minutes(record["lifecycle_url_required_after_minutes"]),
        lifecycle_events=tuple(record["lifecycle_events"]),
        permissions=Permissions(**permissions),
        delta_path=record["delta_path"],
        superseded_by=record["superseded_by"],
        retires_on=None if retires_on is None else date.fromisoformat(retires_on),
        notes=" ".join(record["notes"]),
        source=record["source"],
        parameters=tuple(PARAMETER.findall(record["path"])),
    )


def _names(names: list[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)


def _minutes(number: int | None) -> timedelta | None:
    return None if number is None else timedelta(minutes=number)
