"""Rules about Graph's options, each of which means something for a few resources only."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from subscriptions.catalogue.entries import Entry
from subscriptions.catalogue.rules.wish import Case, Option, Problem, error


@dataclass(frozen=True, kw_only=True)
class _Scope:
    where: str
    includes: Callable[[Entry], bool]


# Source: outlook-change-notifications-overview.md, resources/subscription.md, onedrive and
# teams-changenotifications-chatmessage.md (2026).
_SCOPES: dict[Option, _Scope] = {
    "use_immutable_ids": _Scope(
        where="Outlook's messages, events and contacts", includes=lambda entry: entry.workload == "Outlook"
    ),
    "include_security_webhooks": _Scope(
        where="drives of work accounts", includes=lambda entry: entry.resource_type == "driveItem"
    ),
    "include_unknown_enum_members": _Scope(
        where="Teams chat messages", includes=lambda entry: entry.resource_type == "chatMessage"
    ),
    "notification_query_options": _Scope(
        where="Universal Print and Entra health alerts",
        includes=lambda entry: entry.workload in {"Print", "Entra health monitoring"},
    ),
}


def mean_something(case: Case) -> Iterator[Problem]:
    """Refuse an option that the resource does not have; a path outside the catalogue may have any."""
    if case.entry is None:
        return
    for option in sorted(case.wish.options):
        scope = _SCOPES[option]
        if not scope.includes(case.entry):
            yield error(
                "option_not_applicable",
                option,
                f"Graph has this option for {scope.where} only. Leave it out.",
            )
