"""The history of one item: its states in order, paged, with what differs for those who may see it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from notifications.admin import history
from notifications.models import ChangeNotification, ContentAccess, NotificationContent

SIGHT = "notifications.view_changenotification"
CONTENT = "notifications.view_notificationcontent"
LONG = "AAMkAGI1AAAt9AHjAAAAAAAAAAAAAAAAAAAAAAAA="
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

Maker = Callable[..., ChangeNotification]
SignIn = Callable[..., Client]


@pytest.fixture
def tell(make_notification: Maker) -> Callable[..., ChangeNotification]:
    """Return a function that saves the state of the item after so many hours."""

    def tell(hours: int, data: dict[str, Any] | None = None, **changes: Any) -> ChangeNotification:
        facts = {
            "resource": f"Users/u1/Messages/{LONG}",
            "resource_id": LONG,
            "resource_type": "message",
            "change_type": "updated",
            "received_at": NOW + timedelta(hours=hours),
        }
        row = make_notification(**{**facts, **changes})
        if data is not None:
            NotificationContent.objects.create(notification=row, data=data, opened_at=NOW)
        return row

    return tell


def page_of(notification: ChangeNotification) -> str:
    return reverse("admin:notifications_changenotification_history", args=(notification.pk,))


def test_the_states_are_shown_the_newest_first_with_what_differs(signed_in: SignIn, tell: Any) -> None:
    first = tell(0, {"subject": "Offer", "isRead": False}, change_type="created")
    tell(1, {"subject": "Offer", "isRead": True})
    tell(2)
    tell(3, {"subject": "Offer", "isRead": True})
    tell(4, {"id": "1"}, change_type="deleted")

    lines = signed_in(SIGHT, CONTENT).get(page_of(first)).context["lines"]

    assert [([one.path for one in line.differences], line.note) for line in lines] == [
        ([], ""),
        ([], "Nothing differs from the state before."),
        ([], "It came without content."),
        (["isRead"], ""),
        ([], "There is no earlier content."),
    ]
    assert [line.is_asked_for for line in lines] == [False, False, False, False, True]


def test_a_long_history_is_paged_and_nothing_is_missed_or_shown_twice(signed_in: SignIn, tell: Any) -> None:
    client = signed_in(SIGHT, CONTENT)
    # Several came in the same moment.
    rows = [tell(number // 3, {"n": number}) for number in range(50)]

    seen: list[Any] = []
    url = page_of(rows[0])
    while url:
        context = client.get(url).context
        seen += context["lines"]
        url = context["older_url"] and page_of(rows[0]) + context["older_url"]

    expected = [
        reverse("admin:notifications_changenotification_change", args=(row.pk,)) for row in reversed(rows)
    ]
    assert [line.url for line in seen] == expected
    assert [len(line.differences) for line in seen] == [1] * 49 + [0]


@pytest.mark.parametrize(("count", "queries"), [(1, 7), (21, 8), (60, 8)])
def test_the_page_costs_the_same_for_one_state_and_for_many(
    signed_in: SignIn, tell: Any, count: int, queries: int, django_assert_num_queries: Any
) -> None:
    client = signed_in(SIGHT, CONTENT)
    rows = [tell(number, {"n": number}) for number in range(count)]

    with django_assert_num_queries(queries):
        client.get(page_of(rows[0]))


@pytest.mark.parametrize(
    "place", ["", "nonsense", "-", "1-x", "9" * 30 + "-1", "1-" + "9" * 30], ids=range(6)
)
def test_a_made_up_place_does_no_harm(signed_in: SignIn, tell: Any, place: str) -> None:
    answer = signed_in(SIGHT).get(page_of(tell(0)), {"older": place})

    assert answer.status_code == 200


def test_each_content_that_is_shown_is_noted(signed_in: SignIn, tell: Any) -> None:
    rows = [tell(number, {"n": number} if number else None) for number in range(3)]

    signed_in(SIGHT, CONTENT).get(page_of(rows[0]))

    [noted] = ContentAccess.objects.all()
    assert (noted.actor, noted.way, noted.count) == ("analyst", "page", 2)
    assert noted.selection == f"Notifications {rows[1].pk}, {rows[2].pk}"


def test_without_the_right_to_content_only_what_happened_when_is_shown(signed_in: SignIn, tell: Any) -> None:
    row = tell(0, {"subject": "old-secret"})
    tell(1, {"subject": "new-secret"})

    page = signed_in(SIGHT).get(page_of(row)).content.decode()

    assert page.count("A message was updated") == 2
    assert "secret" not in page
    assert CONTENT in page
    assert not ContentAccess.objects.exists()


@pytest.mark.parametrize(
    "rights", [(), (CONTENT,), ("notifications.view_delivery",)], ids=["none", "content", "delivery"]
)
def test_a_history_is_for_those_who_may_see_notifications(
    signed_in: SignIn, tell: Any, rights: tuple[str, ...]
) -> None:
    assert signed_in(*rights).get(page_of(tell(0))).status_code == 403


def test_a_stranger_is_sent_to_sign_in(client: Client, tell: Any) -> None:
    assert client.get(page_of(tell(0))).headers["Location"].startswith(reverse("admin:login"))


def test_what_names_no_item_says_so(signed_in: SignIn, tell: Any) -> None:
    page = signed_in(SIGHT).get(page_of(tell(0, resource_id=""))).content.decode()

    assert "Nothing is known" in page


def test_many_differences_are_cut(signed_in: SignIn, tell: Any) -> None:
    tell(0, {})
    row = tell(1, {f"p{number}": number for number in range(50)})

    [line, _] = signed_in(SIGHT, CONTENT).get(page_of(row)).context["lines"]

    assert (len(line.differences), line.has_more) == (history.DIFFERENCES_SHOWN, True)


def test_what_content_holds_is_escaped(signed_in: SignIn, tell: Any) -> None:
    evil = "<script>alert(1)</script>"
    tell(0, {evil: "a", "subject": "x"})
    row = tell(1, {evil: evil, "subject": evil})

    page = signed_in(SIGHT, CONTENT).get(page_of(row)).content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
