"""The API's notifications: a feed to go on from, filters, and content for those who may see it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from rest_framework.test import APIClient

from notifications.api.filters import NotificationFilter
from notifications.models import ChangeNotification, ContentAccess, NotificationContent
from tests.notifications.api.conftest import RECEIVED_AT

URL = "/api/v1/notifications/"
SIGHT = "notifications.view_changenotification"
CONTENT = "notifications.view_notificationcontent"

Make = Callable[..., ChangeNotification]
Caller = Callable[..., APIClient]


def ids(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


@pytest.mark.parametrize("path", [URL, f"{URL}1/", "/api/v1/subscriptions/", "/api/v1/health/"])
def test_a_stranger_is_turned_away(client: APIClient, db: None, path: str) -> None:
    assert client.get(path).status_code == 401


def test_the_root_names_what_there_is_for_who_has_a_token(client: APIClient, caller: Caller) -> None:
    assert client.get("/api/v1/").status_code == 401

    addresses = caller().get("/api/v1/").json()

    assert addresses["notifications"].endswith(URL)
    assert sorted(addresses) == ["docs", "health", "notifications", "schema", "subscriptions"]


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer", "Bearer a b", "Bearer \xff\xfe", "Basic eDp5"])
def test_what_is_no_token_is_refused(client: APIClient, db: None, header: str) -> None:
    assert client.get(URL, headers={"Authorization": header}).status_code == 401


@pytest.mark.parametrize("path", [URL, f"{URL}1/", "/api/v1/subscriptions/", "/api/v1/health/"])
def test_a_token_without_rights_reads_nothing(caller: Caller, path: str) -> None:
    assert caller().get(path).status_code == 403


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_written(caller: Caller, method: str) -> None:
    assert getattr(caller(SIGHT), method)(URL).status_code in {403, 405}


def test_the_feed_goes_on_from_its_cursor(caller: Caller, make: Make) -> None:
    made = [make().pk for _ in range(5)]
    client = caller(SIGHT)

    first = client.get(URL, {"limit": 2})
    second = client.get(URL, {"limit": 2, "cursor": first.json()["cursor"]})
    third = client.get(URL, {"limit": 2, "cursor": second.json()["cursor"]})

    assert (ids(first), ids(second), ids(third)) == (made[:2], made[2:4], made[4:])
    assert [answer.json()["has_more"] for answer in (first, second, third)] == [True, True, False]


def test_who_comes_back_later_gets_what_is_new(caller: Caller, make: Make) -> None:
    make()
    client = caller(SIGHT)
    cursor = client.get(URL).json()["cursor"]
    assert ids(client.get(URL, {"cursor": cursor})) == []
    later = make()

    assert ids(client.get(URL, {"cursor": cursor})) == [later.pk]


def test_what_waits_comes_when_it_is_settled_also_behind_the_cursor(caller: Caller, make: Make) -> None:
    waiting = make(state="waiting")
    make()
    client = caller(SIGHT)
    cursor = client.get(URL).json()["cursor"]
    ChangeNotification.objects.filter(pk=waiting.pk).update(state="accepted")

    assert ids(client.get(URL, {"cursor": cursor})) == [waiting.pk]


def test_a_filter_that_matches_little_does_not_search_the_same_rows_again(caller: Caller, make: Make) -> None:
    for _ in range(3):
        make()
    client = caller(SIGHT)

    cursor = client.get(URL, {"change_type": "deleted"}).json()["cursor"]

    assert cursor == "3"
    assert ids(client.get(URL, {"cursor": cursor})) == []


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"change_type": "deleted"}, True),
        ({"change_type": "created"}, False),
        ({"state": "rejected"}, True),
        ({"state": "accepted"}, False),
        ({"reason": "unknown_subscription"}, True),
        ({"origin": "delta"}, True),
        ({"tenant_id": "5B0F9A31-7E62-4C1D-9F38-A6D2047BE513"}, True),
        ({"resource_id": "m9"}, True),
        ({"workload": "outlook,files"}, True),
        ({"resource_type": "#Microsoft.Graph.Event"}, True),
        ({"notification_id": "n9"}, True),
        ({"lifecycle_event": "missed"}, True),
        ({"subscription": "F43847F7-0E52-43C7-B097-8C9FC4930B20"}, True),
        ({"received_since": "2026-03-01T13:00:00Z"}, True),
        ({"received_since": "2026-03-01T15:00:00+01:00"}, True),
        ({"received_until": "2026-03-01T13:00:00Z"}, False),
        ({"has_content": "true"}, True),
        ({"has_content": "false"}, False),
    ],
    ids=str,
)
def test_each_filter_finds_its_own(
    caller: Caller, make: Make, parameters: dict[str, str], found: bool
) -> None:
    make()
    odd = make(
        content={"a": 1},
        change_type="deleted",
        state="rejected",
        reason="unknown_subscription",
        origin="delta",
        tenant_id="5b0f9a31-7e62-4c1d-9f38-a6d2047be513",
        resource_id="m9",
        workload="files",
        resource_type="#Microsoft.Graph.Event",
        notification_id="n9",
        lifecycle_event="missed",
        subscription_graph_id="f43847f7-0e52-43c7-b097-8c9fc4930b20",
        received_at=ChangeNotification.objects.get().received_at + timedelta(hours=2),
    )

    (chosen,) = ids(caller(SIGHT).get(URL, parameters))

    assert (chosen == odd.pk) == found


@pytest.mark.parametrize(
    "parameters",
    [
        {"chnage_type": "created"},
        {"state": "waiting"},
        {"origin": "x"},
        {"received_since": "yesterday"},
        {"limit": "0"},
        {"limit": "1001"},
        {"limit": "-1"},
        {"cursor": "abc"},
        {"cursor": "9" * 40},
        {"cursor": "9223372036854775808"},
        {"with_content": "perhaps"},
        {"app_registration": "x"},
        {"app_registration": "9" * 24},
        {"received_since": "0001-01-01T00:00:00+14:00"},
        {"received_until": "9999-12-31T23:59:59-14:00"},
        {"resource_id": "\x00"},
    ],
    ids=str,
)
def test_a_wrong_parameter_is_named(caller: Caller, parameters: dict[str, str]) -> None:
    answer = caller(SIGHT).get(URL, parameters)

    assert answer.status_code == 400
    assert list(answer.json()) == list(parameters)


@pytest.mark.parametrize("number", ["0", "999", "x", "9" * 30, "-1", "%00"])
def test_one_that_is_not_there_is_not_found(caller: Caller, number: str) -> None:
    assert caller(SIGHT).get(f"{URL}{number}/").status_code == 404


def test_one_is_read_by_its_number(caller: Caller, make: Make) -> None:
    row = make(resource="Users/u1/Messages/one")

    answer = caller(SIGHT).get(f"{URL}{row.pk}/").json()

    assert (answer["resource"], answer["received_at"]) == (row.resource, "2026-03-01T12:00:00+00:00")


def test_content_comes_when_asked_for_and_is_audited(caller: Caller, make: Make) -> None:
    row = make(content={"subject": "Grüße"})
    bare = make()

    answer = caller(SIGHT, CONTENT).get(URL, {"with_content": "true"})

    assert [found["content"] for found in answer.json()["results"]] == [{"subject": "Grüße"}, None]
    access = ContentAccess.objects.get()
    assert (access.actor, access.way, access.count) == ("tool", "api", 1)
    assert access.selection == f"Notifications {row.pk}" != f"Notifications {bare.pk}"


def test_content_says_where_it_is_from_and_of_when(caller: Caller, make: Make) -> None:
    row = make(content={"subject": "Grüße"})
    NotificationContent.objects.update(source="fetched")

    answer = caller(SIGHT, CONTENT).get(f"{URL}{row.pk}/", {"with_content": "true"}).json()

    assert (answer["content_source"], answer["content_fetched_at"]) == ("fetched", RECEIVED_AT.isoformat())


@pytest.mark.parametrize("query", ["", "?with_content=false"])
def test_without_asking_content_is_absent(caller: Caller, make: Make, query: str) -> None:
    row = make(content={"subject": "hidden"})
    client = caller(SIGHT, CONTENT)

    told = client.get(f"{URL}{row.pk}/{query}").json()
    assert not {"content", "content_source", "content_fetched_at"} & told.keys()
    assert b"hidden" not in client.get(f"{URL}{query}").content
    assert not ContentAccess.objects.exists()


def test_without_the_right_content_cannot_be_asked_for(caller: Caller, make: Make) -> None:
    row = make(content={"subject": "hidden"})
    client = caller(SIGHT)

    for path in (URL, f"{URL}{row.pk}/"):
        answer = client.get(path, {"with_content": "true"})
        assert answer.status_code == 403
        assert b"hidden" not in answer.content


def test_a_page_makes_the_same_queries_however_long(
    caller: Caller, make: Make, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        make(content={"n": number})

    with django_assert_max_num_queries(24):
        assert len(ids(caller(SIGHT, CONTENT).get(URL, {"with_content": "true"}))) == 30


def test_a_condition_on_content_chooses_and_is_noted(caller: Caller, make: Make) -> None:
    make(content={"importance": "low"})
    wanted = make(content={"importance": "high"})
    make()

    answer = caller(SIGHT, CONTENT).get(URL, {"content": "importance = high"})

    noted = ContentAccess.objects.get()
    assert ids(answer) == [wanted.pk]
    assert (noted.way, noted.selection) == ("search", "API, content importance = high")


def test_a_condition_on_content_is_refused_without_the_right_to_see_it(caller: Caller, make: Make) -> None:
    make(content={"importance": "high"})

    answer = caller(SIGHT).get(URL, {"content": "importance = high"})

    assert answer.status_code == 403
    assert CONTENT in answer.json()["detail"]


def test_a_condition_that_cannot_be_read_is_explained(caller: Caller, make: Make) -> None:
    answer = caller(SIGHT, CONTENT).get(URL, {"content": "importance is high"})

    assert answer.status_code == 400
    assert "is no comparison" in answer.json()["content"]


def test_a_search_in_content_goes_on_from_where_it_stopped_looking(
    caller: Caller, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifications.api.notifications.LOOKED_AT", 2)
    for _ in range(3):
        make()
    wanted = make(content={"importance": "high"})
    client = caller(SIGHT, CONTENT)

    first = client.get(URL, {"content": "importance = high"})
    second = client.get(URL, {"content": "importance = high", "cursor": first.json()["cursor"]})

    assert (ids(first), first.json()["cursor"], first.json()["has_more"]) == ([], "2", True)
    assert (ids(second), second.json()["has_more"]) == ([wanted.pk], False)


def test_other_tools_can_narrow_by_whatever_the_list_narrows_by() -> None:
    named_otherwise = {
        "event": {"change_type", "lifecycle_event"},
        "received": {"received_since", "received_until"},
        "type": {"resource_type"},
        "app": {"app_registration"},
        "tenant": {"tenant_id"},
    }
    page = admin.site.get_model_admin(ChangeNotification)
    of_list = {str(getattr(one, "parameter_name", one)) for one in page.list_filter} | {"content"}

    missing = {
        name
        for name in of_list
        if not named_otherwise.get(name, {name}) <= set(NotificationFilter.base_filters)
    }

    assert missing == set()
