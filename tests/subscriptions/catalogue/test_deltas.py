"""Delta queries as data: which path is followed how, and what an item of an answer says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from subscriptions import catalogue
from subscriptions.catalogue import deltas
from subscriptions.catalogue.deltas import Collection, DeltaKind

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
EARLIER = NOW - timedelta(days=1)


def beginning(resource: str, *, since: datetime | None = None) -> str:
    plan = deltas.plan_for(resource)
    assert plan is not None
    return plan.beginning(plan.collections[0], now=NOW, since=since)


def changes(document: dict[str, Any], kind: DeltaKind, path: str = "/users") -> list[deltas.FoundChange]:
    return list(deltas.changes_in(document, Collection(kind=kind, path=path), taken_at=EARLIER))


@pytest.mark.parametrize(
    ("resource", "first"),
    [
        ("/users/U/messages", "/users/U/mailFolders/delta"),
        (
            "/users/U/mailFolders('inbox')/messages",
            "/users/U/mailFolders/inbox/messages/delta?$select=id,createdDateTime,lastModifiedDateTime",
        ),
        (
            "users/U/events",
            "/users/U/calendarView/delta?startDateTime=2026-02-01T05:06:07Z&endDateTime=2027-03-05T05:06:07Z",
        ),
        ("/me/contacts", "/me/contacts/delta?$select=id,createdDateTime,lastModifiedDateTime"),
        ("/users", "/users/delta?$deltatoken=latest"),
        ("/users/U", "/users/delta?$deltatoken=latest&$filter=id%20eq%20'U'"),
        ("/groups", "/groups/delta?$deltatoken=latest"),
        (
            "/groups/G/members",
            "/groups/delta?$deltatoken=latest&$filter=id%20eq%20'G'&$select=id,members",
        ),
        ("/drives/b!D/root", "/drives/b!D/root/delta?token=latest"),
        ("/users/U/drive/root", "/users/U/drive/root/delta?token=latest"),
        ("/sites/S/lists/L", "/sites/S/lists/L/items/delta?token=latest"),
        (
            "/teams/T/channels/19:C@x/messages",
            "/teams/T/channels/19:C@x/messages/delta?$filter=lastModifiedDateTime%20gt%202026-03-04T05:06:07Z",
        ),
        ("/me/todo/lists/L/tasks", "/me/todo/lists/L/tasks/delta"),
    ],
)
def test_a_beginning_is_taken_from_now_on_where_graph_offers_that(resource: str, first: str) -> None:
    assert beginning(resource) == first


@pytest.mark.parametrize(
    ("resource", "first"),
    [
        ("/drives/D/root", "/drives/D/root/delta"),
        (
            "/teams/T/channels/C/messages",
            "/teams/T/channels/C/messages/delta?$filter=lastModifiedDateTime%20gt%202026-03-03T05:06:07Z",
        ),
    ],
)
def test_what_was_modified_since_is_found_by_reading_everything(resource: str, first: str) -> None:
    assert beginning(resource, since=EARLIER) == first


def test_the_selection_of_a_subscription_with_content_is_asked_for_too() -> None:
    first = beginning("/users/U/contacts?$select=displayName,id")

    assert first.endswith("$select=id,createdDateTime,lastModifiedDateTime,displayName")


def test_every_entry_with_a_delta_path_has_a_plan_and_no_other() -> None:
    filled = {
        entry.path: catalogue.fill(entry, dict.fromkeys(entry.parameters, "x") | {"bool": "true"})
        for entry in catalogue.entries()
    }

    planned = {path for path, resource in filled.items() if deltas.plan_for(resource)}

    assert planned == {entry.path for entry in catalogue.entries() if entry.delta_path}


def test_a_filter_is_told_not_to_count() -> None:
    plan = deltas.plan_for("/users/U/messages?$filter=isRead eq false")

    assert plan is not None
    assert "cannot apply the $filter" in plan.limits[0]


@pytest.mark.parametrize(
    ("document", "kind", "change_type"),
    [
        ({"createdDateTime": "2026-03-03T05:06:04Z"}, DeltaKind.CONTACTS, "created"),
        ({"createdDateTime": "2026-03-02T05:06:07.1234567Z"}, DeltaKind.CONTACTS, "updated"),
        ({}, DeltaKind.TASKS, "updated"),
        ({"@removed": {"reason": "deleted"}}, DeltaKind.CONTACTS, "deleted"),
        ({"@removed": {"reason": "changed"}}, DeltaKind.CONTACTS, "deleted"),
        ({"deleted": {"state": "deleted"}}, DeltaKind.DRIVE, "deleted"),
        ({"createdDateTime": "2026-03-04T00:00:00Z"}, DeltaKind.USERS, "updated"),
        ({"@removed": {"reason": "changed"}}, DeltaKind.USERS, "updated"),
        ({"@removed": {"reason": "deleted"}}, DeltaKind.GROUPS, "deleted"),
    ],
)
def test_the_change_type_is_derived(document: dict[str, Any], kind: DeltaKind, change_type: str) -> None:
    (change,) = changes({"id": "x", **document}, kind)

    assert change.change_type == change_type


@pytest.mark.parametrize(
    ("kind", "path", "resource"),
    [
        (DeltaKind.MESSAGES, "/users/U/mailFolders/F/messages", "Users/U/Messages/x"),
        (DeltaKind.MESSAGES, "/me/mailFolders/F/messages", "me/Messages/x"),
        (DeltaKind.EVENTS, "/users/U/calendarView", "Users/U/Events/x"),
        (DeltaKind.USERS, "/users", "Users/x"),
        (DeltaKind.DRIVE, "/drives/b!D/root", "drives/b!D/items/x"),
        (DeltaKind.LIST, "/sites/S/lists/L/items", "sites/S/lists/L/items/x"),
        (DeltaKind.CHANNEL, "/teams/T/channels/C/messages", "teams('T')/channels('C')/messages('x')"),
        (DeltaKind.TASKS, "/me/todo/lists/L/tasks", "me/todo/lists/L/tasks/x"),
    ],
)
def test_an_item_is_named_as_in_notifications(kind: DeltaKind, path: str, resource: str) -> None:
    (change,) = changes({"id": "x"}, kind, path)

    assert change.resource == resource


def test_each_member_who_came_or_left_is_a_change_of_the_group() -> None:
    document = {"id": "G", "members@delta": [{"id": "a"}, {"id": "b", "@removed": {"reason": "deleted"}}]}

    found = changes(document, DeltaKind.MEMBERS, "/groups")

    assert [(change.item_id, change.change_type, change.member) for change in found] == [
        ("G", "updated", "a came"),
        ("G", "updated", "b left"),
    ]


@pytest.mark.parametrize("item_id", [None, "", 7, "x" * 1025, "a\0b"])
def test_what_names_no_item_is_passed_over(item_id: object) -> None:
    assert changes({"id": item_id}, DeltaKind.CONTACTS) == []


def test_of_a_recurring_event_only_the_series_counts() -> None:
    assert changes({"id": "x", "type": "occurrence"}, DeltaKind.EVENTS, "/users/U/calendarView") == []


@pytest.mark.parametrize(
    ("wanted", "modified", "told"),
    [
        ({"created"}, "2026-03-04T05:00:00Z", "created"),
        ({"updated"}, "2026-03-04T05:00:00Z", None),
        ({"updated"}, "2026-03-04T05:06:00Z", "updated"),
        ({"deleted"}, "2026-03-04T05:06:00Z", None),
    ],
)
def test_a_change_is_told_by_the_types_that_are_wanted(
    wanted: set[str], modified: str, told: str | None
) -> None:
    document = {"id": "x", "createdDateTime": "2026-03-04T05:00:00Z", "lastModifiedDateTime": modified}
    (change,) = changes(document, DeltaKind.CONTACTS)

    found = deltas.as_wanted(change, frozenset(wanted))

    assert (found.change_type if found else None) == told
