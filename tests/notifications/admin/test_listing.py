"""The list of notifications: narrowed, searched, paged and followed, by those who may, and as fast at any length."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from notifications.admin import change_list
from notifications.models import ChangeNotification, ContentAccess, NotificationContent
from notifications.services.browsing import content, pages, search
from notifications.services.browsing.pages import Place
from subscriptions.models import AppRegistration, Subscription

LIST = reverse("admin:notifications_changenotification_changelist")
NEWER = reverse("admin:notifications_changenotification_newer")
EXPORT = reverse("admin:notifications_changenotification_export")
SIGHT = "notifications.view_changenotification"
CONTENT = "notifications.view_notificationcontent"
EXPORTING = "notifications.export_changenotification"
NOON = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)

Maker = Callable[..., ChangeNotification]
SignIn = Callable[..., Client]


def listed(client: Client, query: dict[str, Any] | str = "") -> Any:
    answer = client.get(f"{LIST}{query}") if isinstance(query, str) else client.get(LIST, query)
    assert answer.status_code == 200
    return answer.context["cl"]


def keys(client: Client, **query: Any) -> list[int]:
    return [row.pk for row in listed(client, query).result_list]


@pytest.fixture
def with_content(make_notification: Maker) -> Callable[..., ChangeNotification]:
    """Return a function that saves a notification with content."""

    def make(data: dict[str, Any], **changes: Any) -> ChangeNotification:
        notification = make_notification(**changes)
        NotificationContent.objects.create(notification=notification, data=data, opened_at=NOON)
        return notification

    return make


# Pages


def test_pages_lead_on_to_the_end_and_back_with_nothing_missed_or_twice(
    administrator: Client, make_notification: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifications.admin.listing.ListAdmin.list_per_page", 3)
    # In another order than they were stored in, and several at once.
    made = [make_notification(received_at=NOON + timedelta(seconds=n * 7 % 4)) for n in range(11)]
    expected = [row.pk for row in sorted(made, key=lambda row: (row.received_at, row.pk), reverse=True)]

    down, link = [], "?"
    while link:
        page = listed(administrator, link)
        down.append([row.pk for row in page.result_list])
        last, link = link, page.older_link
    up, link = [], last
    while link:
        page = listed(administrator, link)
        up.append([row.pk for row in page.result_list])
        link = page.newer_link

    assert [pk for page in down for pk in page] == expected
    assert [len(page) for page in down] == [3, 3, 3, 2]
    assert [pk for page in reversed(up) for pk in page] == expected


def test_a_page_keeps_the_filters_and_a_filter_begins_at_the_top(
    administrator: Client, make_notification: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifications.admin.listing.ListAdmin.list_per_page", 1)
    for _ in range(2):
        make_notification(change_type="deleted")
    make_notification()

    page = listed(administrator, {"event": "deleted"})
    second = listed(administrator, page.older_link)

    assert [row.change_type for row in second.result_list] == ["deleted"]
    assert "older" not in second.get_query_string({"state": "all"})
    assert "event=deleted" in second.newest_link
    assert "older" not in second.newest_link


@pytest.mark.parametrize("at", ["2026-03-01T12:00:06", "2026-03-01 12:00:06Z", "2026-03-01T14:00:06+02:00"])
def test_the_list_begins_at_a_time(administrator: Client, make_notification: Maker, at: str) -> None:
    make_notification(received_at=NOON + timedelta(seconds=2))
    wanted = [make_notification(received_at=NOON + timedelta(seconds=n)).pk for n in (1, 0)]

    page = listed(administrator, {"at": at})

    assert [row.pk for row in page.result_list] == wanted
    assert page.newer_link
    assert not page.older_link


@pytest.mark.parametrize(
    "query",
    [
        {"older": "x"},
        {"older": "1"},
        {"newer": "1-"},
        {"older": "9" * 19 + "-1"},
        {"newer": "1-" + "9" * 30},
        {"older": "\u0661-1"},
        {"nonsense": "1"},
        {"reason": "\0"},
        {"workload": "x\0"},
    ],
    ids=str,
)
def test_an_address_that_makes_no_sense_leads_back_to_the_list(
    administrator: Client, query: dict[str, str]
) -> None:
    assert administrator.get(LIST, query).headers["Location"] == f"{LIST}?e=1"


@pytest.mark.parametrize("name", ["at", "since", "until"])
@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_is_none_is_explained(
    administrator: Client, make_notification: Maker, name: str, text: str
) -> None:
    make_notification()

    page = administrator.get(LIST, {name: text})

    assert "is not a time such as 2026-11-17 10:00:00." in page.content.decode()
    assert list(page.context["cl"].result_list) == []


def test_a_place_survives_being_written_and_read() -> None:
    place = Place(received_at=NOON.replace(microsecond=123456), pk=2**63 - 1)

    assert Place.read(str(place)) == place


def test_what_takes_too_long_says_so(
    administrator: Client, make_notification: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_list, "LONGEST_SEARCH", timedelta(milliseconds=1))
    slow = (
        "SELECT pg_sleep(1)"
        if connection.vendor == "postgresql"
        else (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000000) SELECT max(i) FROM n"
        )
    )

    def search(_text: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(slow)

    monkeypatch.setattr("notifications.services.browsing.search.by_id", search)
    make_notification()

    page = administrator.get(LIST, {"q": "anything"})

    assert "It took longer than 0.001 seconds." in page.content.decode()
    assert administrator.get(LIST).context["cl"].result_list


# Filters


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"since": "2026-03-01T12:00:05"}, 2),
        ({"since": "2026-03-01T12:00:06Z"}, 1),
        ({"until": "2026-03-01T12:00:06"}, 2),
        ({"since": "2026-03-01T12:00:05", "until": "2026-03-01T12:00:06"}, 1),
        ({"since": "2026-03-01T14:00:05+02:00", "until": "2026-03-02"}, 2),
        ({"since": "", "until": " "}, 3),
    ],
    ids=str,
)
def test_the_list_can_be_narrowed_to_exact_times(
    administrator: Client, make_notification: Maker, query: dict[str, str], count: int
) -> None:
    for seconds in (-1, 0, 1):
        make_notification(received_at=NOON + timedelta(seconds=seconds))

    assert len(keys(administrator, **query)) == count


@pytest.mark.parametrize("name", ["app", "tenant"])
def test_the_list_can_be_narrowed_to_an_app_registration_and_a_tenant(
    administrator: Client, make_notification: Maker, known: Callable[..., Subscription], name: str
) -> None:
    subscription = known()
    app = subscription.app_registration
    other = AppRegistration.objects.create(name="Other", tenant_id="other", client_id="c")
    wanted = make_notification(subscription=subscription, tenant_id=app.tenant_id)
    make_notification(subscription=known(app_registration=other), tenant_id="other")

    chosen = str(app.pk) if name == "app" else app.tenant_id.upper()

    assert keys(administrator, **{name: chosen}) == [wanted.pk]


@pytest.mark.parametrize("query", [{"app": "x"}, {"has_content": "x"}], ids=str)
def test_a_made_up_choice_changes_nothing(
    administrator: Client, make_notification: Maker, query: dict[str, str]
) -> None:
    assert (
        keys(administrator, **query) == [make_notification().pk][:0] or len(keys(administrator, **query)) == 1
    )


def test_the_list_can_be_narrowed_to_what_has_content(
    administrator: Client, make_notification: Maker, with_content: Maker
) -> None:
    rich, plain = with_content({"a": 1}), make_notification()

    assert keys(administrator, has_content="yes") == [rich.pk]
    assert keys(administrator, has_content="no") == [plain.pk]


def test_the_reasons_lead_to_rows_of_all_states(administrator: Client, make_notification: Maker) -> None:
    refused = make_notification(state="rejected", reason="unknown_subscription")
    make_notification(state="rejected", reason="malformed")

    page = listed(administrator)
    reasons = next(spec for spec in page.filter_specs if spec.title == "reason")
    links = {choice["display"]: choice["query_string"] for choice in reasons.choices(page)}

    assert [row.pk for row in listed(administrator, links["Unknown subscription"]).result_list] == [
        refused.pk
    ]


# Search


@pytest.mark.parametrize(
    "term", ["AAMkAGI2==", "aamkagi2==", "AAMkAG", "/Users/U1/messages/AAM", "users/u1", "\u00dc 100%_x"]
)
def test_a_resource_is_found_by_its_id_and_path_in_any_capitals_and_by_how_they_begin(
    administrator: Client, make_notification: Maker, term: str
) -> None:
    wanted = [
        make_notification(resource="Users/u1/Messages/AAMkAGI2==", resource_id="AAMkAGI2=="),
        make_notification(resource="\u00dc 100%_x/y", resource_id="\u00dc 100%_x"),
    ][term.startswith("\u00dc")]
    make_notification(resource="Users/u2/Messages/Other", resource_id="Other")
    make_notification(resource="\u00dc 100abx/y", resource_id="\u00dc 100abx")

    assert keys(administrator, q=term) == [wanted.pk]


def test_an_id_that_is_longer_than_the_index_is_still_told_apart(
    administrator: Client, make_notification: Maker
) -> None:
    beginning = "A" * 300
    wanted = make_notification(resource_id=f"{beginning}1")
    make_notification(resource_id=f"{beginning}2")

    assert keys(administrator, q=f"{beginning}1") == [wanted.pk]


def test_a_whole_path_is_found_by_the_item_that_it_ends_with(
    administrator: Client, make_notification: Maker
) -> None:
    mailbox = "Users/11111111-2222-4333-8444-555555555555/Messages"
    wanted = make_notification(resource=f"{mailbox}/AAMk1", resource_id="AAMk1")
    make_notification(resource=f"{mailbox}/AAMk2", resource_id="AAMk2")
    make_notification(resource="Users/other/Messages/AAMk1", resource_id="AAMk1")
    unnamed = make_notification(resource=f"{mailbox}('AAMk3')", resource_id="")

    assert keys(administrator, q=f"/{mailbox}/AAMk1".lower()) == [wanted.pk]
    assert keys(administrator, q=f"{mailbox}('AAMk3')") == [unnamed.pk]


def test_the_search_finds_an_index(make_notification: Maker) -> None:
    make_notification()
    rows = ChangeNotification.objects.order_by().values("pk")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
    # SQLite gives the index of a constraint a name of its own.
    of_keys = "notification_one_of_a_change" if connection.vendor == "postgresql" else "(duplicate_key>? AND "
    wanted = {
        "notification_by_item": search.begins("resource_id", "AAMk1"),
        "notification_by_path": search.begins("resource", "AAMk1"),
        of_keys: search.with_graph_id("lsgTZMr9KwAAA"),
    }

    plans = {name: rows.filter(condition).explain() for name, condition in wanted.items()}

    assert all(name in plan for name, plan in plans.items()), plans
    assert "notification_by_item" in rows.filter(search.of_item("AAMk1")).explain()


@pytest.mark.parametrize("term", ["\0", "nobody", "x" * 2000, "/", "%"], ids=range(5))
def test_a_search_that_finds_nothing_does_no_harm(
    signed_in: SignIn, make_notification: Maker, term: str
) -> None:
    make_notification()

    assert signed_in(SIGHT).get(LIST, {"q": term}).status_code == 200


def test_names_and_subjects_in_content_are_found_by_those_who_may_see_it(
    signed_in: SignIn, with_content: Maker
) -> None:
    by_subject = with_content({"subject": "Quarterly Zo\u00eb figures"})
    by_name = with_content({"from": {"user": {"displayName": "Zo\u00eb"}}})
    with_content({"body": "Zo\u00eb"})

    assert keys(signed_in(SIGHT, CONTENT), q="zo\u00eb") == [by_name.pk, by_subject.pk]


def test_a_condition_on_content_is_fulfilled(signed_in: SignIn, with_content: Maker) -> None:
    wanted = with_content({"from": {"user": {"displayName": "Zo\u00eb"}}, "importance": "high"})
    with_content({"from": {"user": {"displayName": "Kim"}}, "importance": "high"})
    client = signed_in(SIGHT, CONTENT)

    assert keys(client, content='from.user.displayName = "Zo\u00eb"') == [wanted.pk]
    assert len(keys(client, content="importance in high, low")) == 2
    assert keys(client, content="importance = low") == []


def test_a_condition_that_cannot_be_read_is_explained(signed_in: SignIn, with_content: Maker) -> None:
    with_content({"a": 1})

    page = signed_in(SIGHT, CONTENT).get(LIST, {"content": "importance is high"})

    assert "The search in content cannot be read: “is” is no comparison." in page.content.decode()
    assert list(page.context["cl"].result_list) == []


@pytest.mark.parametrize("text", ["importance = high", "importance = low", "importance is high"])
def test_searching_content_is_refused_in_words_and_tells_nothing(
    signed_in: SignIn, with_content: Maker, text: str
) -> None:
    with_content({"importance": "high"})

    page = signed_in(SIGHT).get(LIST, {"content": text})

    assert f"Searching content takes the permission {CONTENT}." in page.content.decode()
    assert list(page.context["cl"].result_list) == []
    assert page.context["cl"].about == ""
    assert ContentAccess.objects.count() == 0


def test_names_in_content_are_not_searched_without_the_right_to_see_it(
    signed_in: SignIn, with_content: Maker
) -> None:
    with_content({"subject": "Confidential"})

    page = signed_in(SIGHT).get(LIST, {"q": "Confidential"})

    assert list(page.context["cl"].result_list) == []
    assert "In content" not in page.content.decode()


def test_a_search_looks_so_far_and_goes_on_from_there(
    signed_in: SignIn, with_content: Maker, make_notification: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "WINDOW", 4)
    wanted = with_content({"importance": "high"}, received_at=NOON)
    for n in range(1, 7):
        make_notification(received_at=NOON + timedelta(seconds=n))
    client = signed_in(SIGHT, CONTENT)

    first = client.get(LIST, {"content": "importance contains high"})
    second = listed(client, first.context["cl"].older_link)
    back = listed(client, second.newer_link)

    assert list(first.context["cl"].result_list) == []
    assert "Content was searched back to 2026-03-01 12:00:08 UTC." in first.content.decode()
    assert [row.pk for row in second.result_list] == [wanted.pk]
    assert not second.older_link
    assert (list(back.result_list), back.page.looked_until) == ([], NOON + timedelta(seconds=4))
    assert len(keys(client, content="importance contains high", until="2026-03-01T12:00:06")) == 1


def test_an_index_finds_what_is_older_than_what_is_looked_through(
    signed_in: SignIn, with_content: Maker, make_notification: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "WINDOW", 2)
    old = [with_content({"importance": "high"}, received_at=NOON + timedelta(seconds=n)) for n in range(2)]
    for n in range(2, 9):
        make_notification(received_at=NOON + timedelta(seconds=n))
    client = signed_in(SIGHT, CONTENT)

    found = keys(client, content="importance in high, low")
    monkeypatch.setattr(content, "MOST_BY_INDEX", 1)
    too_many = listed(client, {"content": "importance in high, low"})

    if connection.vendor == "postgresql":
        assert found == [row.pk for row in reversed(old)]
    assert list(too_many.result_list) == []
    assert too_many.page.looked_until == NOON + timedelta(seconds=7)


def test_an_export_holds_what_a_search_in_content_finds_on_all_pages(
    signed_in: SignIn, with_content: Maker, make_notification: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "WINDOW", 1)
    wanted = [with_content({"importance": "high"}).pk for _ in range(3)]
    with_content({"importance": "low"})
    make_notification()

    answer = signed_in(SIGHT, CONTENT, EXPORTING).post(
        f"{EXPORT}?content=importance+%3D+high&older=1-1", {"file_format": "csv"}
    )
    lines = answer.getvalue().decode().splitlines()

    assert [int(line.partition(",")[0]) for line in lines[1:]] == wanted


def test_an_export_of_a_search_that_is_refused_is_refused(signed_in: SignIn, with_content: Maker) -> None:
    with_content({"importance": "high"})

    answer = signed_in(SIGHT, EXPORTING).post(f"{EXPORT}?content=importance+%3D+high", {"file_format": "csv"})

    assert answer.status_code == 302


# What content tells at a glance


def test_the_list_says_what_it_is_called_and_who_did_it(signed_in: SignIn, with_content: Maker) -> None:
    told = with_content({"subject": "<b>Figures</b>", "from": {"user": {"displayName": "Zo\u00eb"}}})
    with_content({"body": "nothing of the kind", "subject": {"odd": 1}})

    page = signed_in(SIGHT, CONTENT).get(LIST).content.decode()
    noted = ContentAccess.objects.get()

    assert "created · Message · &lt;b&gt;Figures&lt;/b&gt;" in page
    assert "by Zo\u00eb" in page
    assert (noted.way, noted.selection, noted.count) == ("list", f"Notifications {told.pk}", 1)


def test_the_list_tells_nothing_of_content_without_the_right_to_see_it(
    signed_in: SignIn, with_content: Maker
) -> None:
    with_content({"subject": "Confidential", "from": {"user": {"displayName": "Zo\u00eb"}}})

    page = signed_in(SIGHT).get(LIST).content.decode()

    assert "Confidential" not in page
    assert "Zo\u00eb" not in page
    assert ContentAccess.objects.count() == 0


def test_a_search_in_content_is_noted_also_where_nothing_is_found(
    signed_in: SignIn, with_content: Maker
) -> None:
    with_content({"a": 1})

    keys(signed_in(SIGHT, CONTENT), content="a = 2")

    noted = ContentAccess.objects.get()
    assert (noted.way, noted.count) == ("search", 0)
    assert "content=a+%3D+2" in noted.selection


# Following


def test_what_is_new_is_told_with_the_filters_of_the_list(
    signed_in: SignIn, make_notification: Maker, with_content: Maker
) -> None:
    seen = make_notification(change_type="deleted").pk
    late = make_notification(change_type="deleted", received_at=NOON)
    new = with_content({"subject": "Figures"}, change_type="deleted")
    make_notification()
    client = signed_in(SIGHT)

    answer = client.get(f"{NEWER}?event=deleted&seen={seen}").json()

    assert answer["seen"] == new.pk + 1
    assert answer["rows"].index(f"/{new.pk}/change/") < answer["rows"].index(f"/{late.pk}/change/")
    assert f"/{new.pk + 1}/change/" not in answer["rows"]
    assert "Figures" not in answer["rows"]


def test_asking_what_is_new_costs_one_query_on_the_notifications_besides_their_last_key(
    administrator: Client, make_notification: Maker, django_assert_max_num_queries: Any
) -> None:
    seen = make_notification().pk

    with django_assert_max_num_queries(12) as captured:
        answer = administrator.get(NEWER, {"seen": seen})

    assert answer.json() == {"seen": seen, "rows": "", "problem": ""}
    reading = [
        query["sql"]
        for query in captured.captured_queries
        if 'FROM "notifications_changenotification"' in query["sql"] and '"received_at"' in query["sql"]
    ]
    assert len(reading) == 1
    assert f'"id" > {seen}' in reading[0]


@pytest.mark.parametrize("query", [{"seen": "x"}, {"seen": "9" * 40}, {"nonsense": "1"}], ids=str)
def test_asking_for_nonsense_is_a_bad_request(administrator: Client, query: dict[str, str]) -> None:
    assert administrator.get(NEWER, query).status_code == 400


@pytest.mark.parametrize("rights", [(), (CONTENT,)], ids=["none", "nearly"])
def test_what_is_new_is_told_to_those_who_may_see_notifications(
    signed_in: SignIn, rights: tuple[str, ...]
) -> None:
    assert signed_in(*rights).get(NEWER, {"seen": 0}).status_code == 403


def test_a_stranger_is_told_nothing(client: Client, db: None) -> None:
    assert client.get(NEWER, {"seen": 0}).status_code == 302


@pytest.mark.parametrize(
    ("query", "is_followed"),
    [({}, True), ({"event": "deleted"}, True), ({"at": "2026-03-01"}, False)],
    ids=str,
)
def test_only_the_newest_page_can_be_followed(
    administrator: Client, make_notification: Maker, query: dict[str, str], is_followed: bool
) -> None:
    make_notification(change_type="deleted", received_at=NOON)

    assert ('id="follow"' in administrator.get(LIST, query).content.decode()) == is_followed
