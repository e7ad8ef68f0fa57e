"""Delta queries: protocol notes section 14."""

from datetime import timedelta
from typing import Any

import pytest

from subscriptions.sandbox import Sandbox


def _ids(document: dict[str, Any]) -> list[str]:
    return [entry["id"] for entry in document["value"]]


def test_pages_lead_to_a_delta_link_which_leads_to_what_is_new(client: Any, sandbox: Sandbox) -> None:
    sandbox.delta_page_size = 2
    folder = "/users/U/mailFolders/inbox/messages"
    for name in ("a", "b", "c"):
        sandbox.make_change(f"{folder}/{name}", "created")

    first = client.call("GET", f"{folder}/delta").json()
    second = client.call("GET", first["@odata.nextLink"]).json()
    sandbox.make_change(f"{folder}/b", "deleted")
    sandbox.make_change(f"{folder}/d", "created")
    later = client.call("GET", second["@odata.deltaLink"]).json()

    assert _ids(first) + _ids(second) == ["a", "b", "c"]
    assert later["value"][0] == {"id": "b", "@removed": {"reason": "deleted"}}
    assert _ids(later) == ["b", "d"]
    assert client.call("GET", later["@odata.deltaLink"]).json()["value"] == []


@pytest.mark.parametrize("query", ["$deltatoken=latest", "token=latest"])
def test_latest_starts_from_now(client: Any, sandbox: Sandbox, query: str) -> None:
    sandbox.make_change("/drives/D/root", "updated")
    latest = client.call("GET", f"/drives/D/root/delta?{query}").json()

    sandbox.make_change("/drives/D/root", "updated", {"id": "new"})

    assert latest["value"] == []
    assert _ids(client.call("GET", latest["@odata.deltaLink"]).json()) == ["new"]


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("/users/U/calendarView/delta?startDateTime=2026-01-01&endDateTime=2027-01-01", "/users/U/events/x"),
        ("/users/U/contacts/delta", "/users/U/contacts/x"),
        ("/groups/delta", "/groups/x"),
        ("/users/U/drive/root/delta", "/users/U/drive/items/x"),
        ("/sites/S/lists/L/items/delta", "/sites/S/lists/L/items/x"),
        ("/teams/T/channels/C/messages/delta", "/teams/T/channels/C/messages/x"),
        ("/users/U/todo/lists/L/tasks/delta", "/users/U/todo/lists/L/tasks/x"),
    ],
)
def test_every_resource_with_a_delta_path_is_followed(
    client: Any, sandbox: Sandbox, path: str, changed: str
) -> None:
    sandbox.make_change(changed, "updated")

    assert _ids(client.call("GET", path).json()) == ["x"]


def test_the_users_of_the_tenant_are_there_from_the_start(client: Any, sandbox: Sandbox) -> None:
    document = client.call("GET", "/users/delta").json()

    assert set(_ids(document)) == {user.id for user in sandbox.users}


def test_a_calendar_view_needs_its_period(client: Any) -> None:
    assert client.call("GET", "/users/U/calendarView/delta").status_code == 400


def test_what_has_no_delta_says_so(client: Any) -> None:
    assert client.call("GET", "/communications/presences/delta").status_code == 400


def test_delta_needs_the_permission_to_read(stranger: Any, sandbox: Sandbox) -> None:
    poor = stranger.as_application(sandbox.add_application(roles=["Mail.Read"]))

    assert poor.call("GET", "/groups/delta").status_code == 403


def test_a_directory_token_is_gone_after_seven_days(client: Any, sandbox: Sandbox) -> None:
    link = client.call("GET", "/groups/delta").json()["@odata.deltaLink"]

    sandbox.advance(timedelta(days=8))
    response = client.as_application().call("GET", link)

    assert response.status_code == 410
    assert response.headers["Location"] == f"{sandbox.graph_url}/v1.0/groups/delta"
    assert response.json()["error"]["code"] == "syncStateNotFound"


def test_tokens_can_be_expired_on_demand(client: Any, sandbox: Sandbox) -> None:
    link = client.call("GET", "/drives/D/root/delta").json()["@odata.deltaLink"]

    sandbox.expire_delta_tokens()

    assert client.call("GET", link).json()["error"]["code"] == "resyncRequired"


def test_a_changed_item_can_be_read_until_it_is_deleted(client: Any, sandbox: Sandbox) -> None:
    path = "/users/U/messages/AAMk1"
    sandbox.make_change(path, "created", {"subject": "Hello"})
    sandbox.make_change("/users/U/messages", "updated", {"isRead": True})

    read = client.call("GET", path).json()
    sandbox.make_change(path, "deleted")

    assert (read["id"], read["subject"], read["isRead"]) == ("AAMk1", "Hello", True)
    assert client.call("GET", path).status_code == 404


def test_the_folders_of_a_mailbox_are_told_and_then_the_new_ones(client: Any, sandbox: Sandbox) -> None:
    folders = "/users/U/mailFolders"
    first = client.call("GET", f"{folders}/delta").json()

    sandbox.make_change(f"{folders}/Projects/messages/a", "created")
    later = client.call("GET", first["@odata.deltaLink"]).json()

    assert (_ids(first), _ids(later)) == (["inbox"], ["Projects"])


def test_a_selection_is_carried_by_the_token(client: Any, sandbox: Sandbox) -> None:
    folder = "/users/U/mailFolders/inbox/messages"
    link = client.call("GET", f"{folder}/delta?$select=subject").json()["@odata.deltaLink"]

    sandbox.make_change(f"{folder}/a", "created", {"subject": "Hello", "isRead": True})

    (entry,) = client.call("GET", link).json()["value"]
    assert entry.keys() == {"id", "@odata.etag", "subject"}


def test_who_came_to_a_group_is_told_with_the_group(client: Any, sandbox: Sandbox) -> None:
    link = client.call("GET", "/groups/delta?$deltatoken=latest&$select=id,members").json()[
        "@odata.deltaLink"
    ]

    sandbox.make_change("/groups/G", "updated")
    sandbox.make_change("/groups/G/members/a", "created")
    sandbox.make_change("/groups/G/members/b", "deleted")

    assert client.call("GET", link).json()["value"] == [
        {"id": "G", "members@delta": [{"id": "a"}]},
        {"id": "G", "members@delta": [{"id": "b", "@removed": {"reason": "deleted"}}]},
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [("$filter=id eq 'a'", ["a"]), ("$filter=lastModifiedDateTime gt 2126-01-01T00:00:00Z", [])],
)
def test_the_filters_that_a_delta_query_takes_are_applied(
    client: Any, sandbox: Sandbox, query: str, found: list[str]
) -> None:
    for name in ("a", "b"):
        sandbox.make_change(f"/groups/{name}", "updated")

    assert _ids(client.call("GET", f"/groups/delta?{query}").json()) == found


def test_any_other_filter_is_refused(client: Any) -> None:
    assert client.call("GET", "/groups/delta?$filter=startswith(displayName,'a')").status_code == 400


def test_replies_are_not_told_by_the_delta_query_of_a_channel(client: Any, sandbox: Sandbox) -> None:
    channel = "/teams/T/channels/C/messages"
    sandbox.make_change(f"{channel}/a", "created")
    sandbox.make_change(f"{channel}/a/replies/b", "created")

    assert _ids(client.call("GET", f"{channel}/delta").json()) == ["a"]


def test_a_calendar_view_tells_what_begins_in_its_window(client: Any, sandbox: Sandbox) -> None:
    for name, year in (("near", 2026), ("far", 2036)):
        start = {"dateTime": f"{year}-05-01T10:00:00", "timeZone": "UTC"}
        sandbox.make_change(f"/users/U/events/{name}", "created", {"start": start})

    view = "/users/U/calendarView/delta?startDateTime=2026-01-01T00:00:00Z&endDateTime=2027-01-01T00:00:00Z"

    assert _ids(client.call("GET", view).json()) == ["near"]


def test_larger_pages_than_the_sandbox_gives_are_not_given(client: Any, sandbox: Sandbox) -> None:
    for name in ("a", "b", "c"):
        sandbox.make_change(f"/users/U/contacts/{name}", "created")

    page = client.call("GET", "/users/U/contacts/delta", headers={"Prefer": "odata.maxpagesize=2"}).json()

    assert _ids(page) == ["a", "b"]
