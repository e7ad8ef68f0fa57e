"""Rules about content: can it be included, and what may the path's query say then."""

import re
from collections.abc import Iterator

from subscriptions.catalogue.rules.wish import Case, Problem, error

_REFUSING_SELECT = ("chatMessage", "conversationMember", "onlineMeeting", "presence")
_SELECT_EXAMPLES = {
    "message": "subject,from,receivedDateTime",
    "event": "subject,start,end",
    "contact": "displayName,emailAddresses",
}
_EXTENDED_PROPERTIES = ("singlevalueextendedproperties", "multivalueextendedproperties")
_EXPANDED_ITEM = re.compile(r"(?:\([^()]*\)|[^,])+")


def is_available(case: Case) -> Iterator[Problem]:
    """Refuse content where Graph sends none, and its absence where Graph insists on it.

    Source: change-notifications-with-resource-data.md (2026-04-17);
    changenotifications-for-emergencycalls.md for what comes with content only.
    """
    if case.entry is None:
        return
    if case.wish.include_resource_data and case.entry.rich_data is False:
        yield error(
            "content_not_available",
            "include_resource_data",
            "Graph does not send the content of this resource. Leave 'include content' off.",
        )
    if not case.wish.include_resource_data and case.entry.is_rich_only:
        yield error(
            "content_required",
            "include_resource_data",
            "Graph sends this resource only with its content. "
            "Switch 'include content' on and choose a certificate.",
        )


def has_the_right_select(case: Case) -> Iterator[Problem]:
    """With content, insist on `$select` for Outlook and refuse it where Graph does.

    Source: change-notifications-with-resource-data.md (2026-04-17).
    """
    if case.entry is None or not case.wish.include_resource_data:
        return
    if case.entry.rich_data_requires_select and not case.shape.options.get("select", "").strip():
        example = _SELECT_EXAMPLES.get(case.entry.resource_type, "id")
        yield error(
            "select_required",
            "resource",
            "With content, Graph must be told which properties to send. Add $select to the path, for "
            f"example $select={example}.",
        )
    if "select" in case.shape.options and case.entry.resource_type in _REFUSING_SELECT:
        yield error(
            "select_refused",
            "resource",
            "With content, Graph refuses $select for this resource and sends all properties. Remove $select.",
        )


def has_no_refused_option(case: Case) -> Iterator[Problem]:
    """Refuse the query options that Outlook does not take together with content.

    Source: outlook-change-notifications-overview.md.
    """
    if case.entry is None or case.entry.workload != "Outlook" or not case.wish.include_resource_data:
        return
    options = case.shape.options
    refused = [f"${name}" for name in ("top", "skip", "orderby") if name in options]
    expanded = [item.strip().lower() for item in _EXPANDED_ITEM.findall(options.get("expand", ""))]
    if not all(item.startswith(_EXTENDED_PROPERTIES) for item in expanded):
        refused.append("$expand of anything but extended properties")
    selected = [name.strip() for name in options.get("select", "").split(",")]
    refused += [f"{name} in $select" for name in selected if name.lower() in {"body", "uniquebody"}]
    if refused:
        yield error(
            "option_refused_with_content",
            "resource",
            f"With content, Outlook refuses {', '.join(refused)}. Remove it from the path.",
        )
