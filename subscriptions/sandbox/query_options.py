"""Which changes a subscription wants by the filters that it carries."""

import re
from collections.abc import Mapping

from subscriptions.sandbox.errors import invalid_request
from subscriptions.sandbox.paths import split_query

_EXPRESSION = re.compile(r"\$filter ?= ?(?P<name>\w+) eq (?P<value>true|false|'[^']*')")
_IDS = re.compile(r"id in \((?P<ids>[^()]*)\)", re.IGNORECASE)


def check(expression: str) -> None:
    """Refuse `notificationQueryOptions` other than one comparison, all that Microsoft's samples use.

    Raises:
        GraphProblem: 400.

    Source: https://learn.microsoft.com/graph/universal-print-webhook-notifications (2023).
    """
    if not _EXPRESSION.fullmatch(expression.strip()):
        raise invalid_request("notificationQueryOptions must be of the form $filter = property eq value.")


def admits(expression: str | None, content: Mapping[str, object]) -> bool:
    """Tell whether `notificationQueryOptions` lets a change pass."""
    match = _EXPRESSION.fullmatch((expression or "").strip())
    if match is None:
        return True
    text = match["value"]
    wanted: object = text[1:-1] if text.startswith("'") else text == "true"
    return content.get(match["name"]) == wanted


def names(resource: str, identifier: str) -> bool:
    """Tell whether a resource's `$filter=id in (...)`, if it has one, lists an item."""
    match = _IDS.search(split_query(resource)[1].get("$filter", ""))
    return match is None or identifier.lower() in {one.strip(" '").lower() for one in match["ids"].split(",")}
