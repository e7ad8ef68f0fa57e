"""Rules about the path: is it whole and known, and who may watch it where."""

import re
from collections.abc import Iterator

from subscriptions.catalogue.entries import PARAMETER, entries
from subscriptions.catalogue.rules.wish import Case, Problem, error, warning

_CLOUDS_WITHOUT_PRESENCE_AND_TO_DO = {
    "us_government_l4": "US Government L4",
    "us_government_l5": "US Government L5",
    "china": "China",
}
_GLOBAL_ONLY_WORKLOADS = ("Teams presence", "To Do")


def has_no_open_parts(case: Case) -> Iterator[Problem]:
    """Refuse a path in which a part in braces was not replaced.

    In the query only the catalogue's own names count: filters may hold braces of their own.
    """
    path, _, query = case.resource.partition("?")
    known = {name for entry in entries() for name in entry.parameters}
    names = re.findall(r"\{([^{}]*)\}", path)
    names += [name for name in PARAMETER.findall(query) if name in known]
    if names:
        parts = ", ".join(f"{{{name}}}" for name in names)
        yield error("resource_unfilled", "resource", f"The path has open parts: put a value for {parts}.")


def exists_in_the_cloud(case: Case) -> Iterator[Problem]:
    """Refuse presence and To Do outside the global cloud.

    Source: deployments.md (2025-01-30).
    """
    cloud = _CLOUDS_WITHOUT_PRESENCE_AND_TO_DO.get(case.wish.cloud)
    if cloud and case.entry and case.entry.workload in _GLOBAL_ONLY_WORKLOADS:
        yield error(
            "cloud_lacks_resource",
            "resource",
            f"{case.entry.workload} notifications exist in the global cloud only, not in the {cloud} cloud. "
            "Choose another resource or an app registration of the global cloud.",
        )


def has_a_user_for_me(case: Case) -> Iterator[Problem]:
    """Refuse `/me` for an application.

    Source: subscription-post-subscriptions.md (2026-05-05).
    """
    first = case.resource[1:].partition("?")[0].partition("/")[0]
    if case.wish.access == "application" and first.lower() == "me":
        yield error(
            "me_needs_a_user",
            "resource",
            "/me means the signed-in user, and an application has none. Write /users/{user-id} with the "
            "user's object id, or choose a signed-in account.",
        )


def allows_the_access(case: Case) -> Iterator[Problem]:
    """Refuse a kind of access that Graph does not offer for the resource.

    Source: permission tables of subscription-post-subscriptions.md (2026-05-05).
    """
    if case.entry is None:
        return
    permissions = case.entry.permissions
    offered = {
        "application": permissions.application,
        "delegated_work": permissions.delegated_work,
        "delegated_personal": permissions.delegated_personal,
    }
    if offered[case.wish.access] != ():
        return
    if case.wish.access == "application":
        yield error(
            "delegated_only",
            "resource",
            "Graph gives this resource to signed-in users only, not to an application. "
            "Choose a signed-in account.",
        )
    elif case.entry.is_application_only:
        yield error(
            "application_only",
            "resource",
            "Graph gives this resource to applications only, not to signed-in users. "
            "Leave the signed-in account empty.",
        )
    else:
        yield error(
            "work_account_only",
            "resource",
            "Graph does not offer this resource to personal Microsoft accounts. Sign in with a work account.",
        )


def is_in_the_catalogue(case: Case) -> Iterator[Problem]:
    """Warn of a path that the catalogue does not have."""
    if case.entry is None:
        yield warning(
            "resource_unknown",
            "resource",
            "The catalogue does not know this path. Check its spelling; Graph decides whether it can be "
            "watched. Unless you say how long, 60 minutes at a time are asked for.",
        )


def is_current(case: Case) -> Iterator[Problem]:
    """Warn of a path that Microsoft has replaced or will end."""
    if case.entry and case.entry.superseded_by:
        yield warning(
            "resource_superseded",
            "resource",
            f"This is an old path that Graph may refuse. Use {case.entry.superseded_by} instead.",
        )
    if case.entry and case.entry.retires_on:
        yield warning(
            "resource_retiring",
            "resource",
            f"Microsoft has set the end of this API at {case.entry.retires_on.isoformat()}. After that Graph "
            "may refuse the subscription or send nothing: build nothing new on it.",
        )


def names_the_user_by_object_id(case: Case) -> Iterator[Problem]:
    """Warn of a user principal name in an Outlook path.

    Source: outlook-change-notifications-overview.md, known-issues.md (2026-04-10).
    """
    head = (*case.shape.segments, "", "")[:2]
    if case.entry and case.entry.workload == "Outlook" and head[0].lower() == "users" and "@" in head[1]:
        yield warning(
            "user_principal_name",
            "resource",
            "Outlook wants the user's object id; with a sign-in name Graph often answers 'Mailbox info is "
            "stale'. Copy the object id from the user's page in the Entra portal.",
        )
