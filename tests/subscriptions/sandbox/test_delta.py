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
