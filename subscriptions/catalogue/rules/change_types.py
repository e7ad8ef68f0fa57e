"""Rules about the change types: are they words of Graph, and does the resource report them."""

from collections.abc import Iterator

from subscriptions.catalogue.entries import Entry
from subscriptions.catalogue.rules.wish import Case, Problem, error, warning

_CHANGE_TYPES = ("created", "updated", "deleted")
_UPDATED_ONLY = ("driveItem", "list")
_WITHOUT_CREATED = ("user", "group")


def are_known(case: Case) -> Iterator[Problem]:
    """Refuse words other than Graph's three, and a word given twice.

    Source: resources/subscription.md (2026-09-17).
    """
    wanted = _wanted(case)
    if not set(wanted) <= set(_CHANGE_TYPES):
        yield error(
            "change_type_unknown",
            "change_type",
            "Choose one or more of created, updated and deleted, in lower case, with commas between.",
        )
    elif len(set(wanted)) < len(wanted):
        yield error("change_type_repeated", "change_type", "Name each change type once.")


def are_permitted(case: Case) -> Iterator[Problem]:
    """Refuse change types that the resource does not report; warn if nothing is published about them.

    Source: resources/subscription.md (2026-09-17) for drives, lists, users and groups.
    Else the pages that the entry names.
    """
    if case.entry is None:
        return
    permitted = case.entry.change_types
    refused = [word for word in _wanted(case) if word in _CHANGE_TYPES and word not in permitted]
    if not permitted:
        yield warning(
            "change_type_unpublished",
            "change_type",
            "Microsoft does not publish the change types of this resource. If Graph refuses, ask for fewer.",
        )
    elif refused:
        yield _refusal(case.entry, refused)


def _refusal(entry: Entry, refused: list[str]) -> Problem:
    if entry.resource_type in _UPDATED_ONLY:
        return error(
            "drive_and_list_updated_only",
            "change_type",
            "Drives and lists report updated only, whatever happens to their items. Ask for updated alone.",
        )
    if entry.resource_type in _WITHOUT_CREATED:
        return error(
            "directory_without_created",
            "change_type",
            "Users and groups have no created: Graph reports a new one as updated. Ask for updated, deleted.",
        )
    return error(
        "change_type_not_permitted",
        "change_type",
        f"This resource does not report {', '.join(refused)}. It reports: {', '.join(entry.change_types)}.",
    )


def _wanted(case: Case) -> list[str]:
    return [word.strip() for word in case.wish.change_type.split(",")]
