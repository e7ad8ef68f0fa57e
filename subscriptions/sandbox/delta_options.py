"""What a delta query was asked for beyond its path; the tokens carry it from page to page.

Source: https://learn.microsoft.com/graph/delta-query-overview (2025-04-30) and the delta page of each resource (2026).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from werkzeug.wrappers import Request

from subscriptions.sandbox.errors import invalid_request

_CONDITION = re.compile(
    r"(?:id eq '(?P<id>[^']*)'|lastModifiedDateTime gt (?P<after>[0-9TZ:.+-]+))", re.IGNORECASE
)
_ALWAYS = frozenset({"id", "@odata.type", "@odata.id", "@odata.etag", "@removed", "deleted"})


@dataclass(frozen=True, kw_only=True)
class Options:
    """The choices of one delta query; what is empty was not asked for."""

    select: frozenset[str] = frozenset()
    only_id: str = ""
    modified_after: datetime | None = None
    begins: datetime | None = None
    ends: datetime | None = None

    @classmethod
    def of(cls, request: Request) -> Self:
        """Read them from the first call.

        Raises:
            GraphProblem: 400 for a filter that no delta query takes.
        """
        options = {name.lstrip("$"): value for name, value in request.args.items()}
        found: dict[str, str] = {}
        for condition in filter(None, options.get("filter", "").split(" and ")):
            match = _CONDITION.fullmatch(condition.strip())
            if match is None:
                raise invalid_request("The query filter is not supported by a delta query.")
            found |= {name: value for name, value in match.groupdict().items() if value}
        return cls(
            select=frozenset(name.strip().lower() for name in options.get("select", "").split(",") if name),
            only_id=found.get("id", "").lower(),
            modified_after=_moment(found.get("after")),
            begins=_moment(options.get("startDateTime")),
            ends=_moment(options.get("endDateTime")),
        )

    def admits(self, identifier: str, content: Mapping[str, object], at: datetime) -> bool:
        """Tell whether an item as it is after a change at `at` belongs to the answer."""
        if self.only_id and identifier.lower() != self.only_id:
            return False
        if self.modified_after and at <= self.modified_after:
            return False
        start = content.get("start")
        begins = _moment(start.get("dateTime")) if isinstance(start, dict) else None
        if begins is None or self.begins is None or self.ends is None:
            return True
        return self.begins <= begins <= self.ends

    def shaped(self, document: Mapping[str, object]) -> dict[str, object]:
        """Return what was selected of an item."""
        if not self.select:
            return dict(document)
        return {
            name: value
            for name, value in document.items()
            if name in _ALWAYS or name.lower().removesuffix("@delta") in self.select
        }


def _moment(text: object) -> datetime | None:
    if not isinstance(text, str) or not text:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid_request(f"'{text}' is no time.") from error
    return read if read.tzinfo else read.replace(tzinfo=UTC)
