"""The page of one notification: more of it for those who may see more, and each reading noted."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from notifications.models import ChangeNotification, ContentAccess, NotificationContent
from subscriptions.models import Operation, Subscription

SIGHT = "notifications.view_changenotification"
CONTENT = "notifications.view_notificationcontent"
DELIVERY = "notifications.view_delivery"
OPERATION = "subscriptions.view_operation"
LONG = "AAMkAGI1AAAt9AHjAAAAAAAAAAAAAAAAAAAAAAAA="
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LINK = "https://outlook.office365.com/owa/?ItemID=1"
OLD = {"subject": "Offer", "importance": "normal", "gone": "old-secret"}
NEW = {"subject": "Better offer", "importance": "normal", "webLink": LINK, "isRead": True}

Maker = Callable[..., ChangeNotification]
SignIn = Callable[..., Client]


@pytest.fixture
def states(make_notification: Maker) -> list[ChangeNotification]:
    """Save an item in two states, each with content."""
    rows = [
        make_notification(
            resource=f"Users/u1/Messages/{LONG}",
            resource_id=LONG,
            resource_type="message",
            change_type=change_type,
            received_at=NOW + timedelta(hours=hours),
        )
        for hours, change_type in enumerate(("created", "updated"))
    ]
    for row, data in zip(rows, (OLD, NEW), strict=True):
        NotificationContent.objects.create(
            notification=row, data=data, opened_at=NOW, encryption_certificate_id="hooks-2026"
        )
    return rows


def page_of(notification: ChangeNotification, page: str = "change") -> str:
    return reverse(f"admin:notifications_changenotification_{page}", args=(notification.pk,))


def test_with_content_the_page_says_more_in_words_and_what_changed(
    signed_in: SignIn, states: list[ChangeNotification]
) -> None:
    page = signed_in(SIGHT, CONTENT).get(page_of(states[1]))
    text = page.content.decode()

    assert "was renamed from \u201cOffer\u201d" in text
    # PostgreSQL keeps the properties of an object in an order of its own.
    assert {one.path: (one.before, one.after) for one in page.context["differences"]} == {
        "subject": ("Offer", "Better offer"),
        "webLink": ("", LINK),
        "isRead": ("", "true"),
        "gone": ("old-secret", ""),
    }
    assert page_of(states[0]) in text
    assert 'class="gsm-tree"' in text
    assert 'data-copies="content-json"' in text


def test_the_first_state_is_compared_with_nothing(
    signed_in: SignIn, states: list[ChangeNotification]
) -> None:
    page = signed_in(SIGHT, CONTENT).get(page_of(states[0])).content.decode()

    assert "What changed since the state before" not in page


def test_a_deleted_item_is_compared_with_nothing(signed_in: SignIn, states: list[ChangeNotification]) -> None:
    ChangeNotification.objects.filter(pk=states[1].pk).update(change_type="deleted")

    page = signed_in(SIGHT, CONTENT).get(page_of(states[1])).content.decode()

    assert "What changed since the state before" not in page


def test_without_the_right_nothing_of_the_content_is_on_the_page_and_nothing_is_noted(
    signed_in: SignIn, states: list[ChangeNotification]
) -> None:
    page = signed_in(SIGHT, DELIVERY, OPERATION).get(page_of(states[1])).content.decode()

    assert "A message was updated." in page
    for secret in ("offer", "old-secret", LINK, "gsm-tree", "What changed", "Open in Microsoft 365"):
        assert secret.lower() not in page.lower()
    assert "As it came" not in page
    assert not ContentAccess.objects.exists()


def test_both_states_that_are_read_are_noted(signed_in: SignIn, states: list[ChangeNotification]) -> None:
    signed_in(SIGHT, CONTENT).get(page_of(states[1]))

    noted = ContentAccess.objects.order_by("pk").values_list("actor", "notification_id")
    assert list(noted) == [("analyst", states[1].pk), ("analyst", states[0].pk)]


def test_the_item_opens_in_microsoft_365_without_telling_where_from(
    signed_in: SignIn, states: list[ChangeNotification]
) -> None:
    client = signed_in(SIGHT, CONTENT)

    page = client.get(page_of(states[1])).content.decode()
    NotificationContent.objects.update(data={"webLink": "https://outlook.office365.com.evil.example/"})
    other = client.get(page_of(states[1])).content.decode()

    assert f'href="{LINK}" target="_blank" rel="noopener noreferrer"' in page
    assert "Open in Microsoft 365" not in other


def test_the_proof_tells_when_and_with_which_certificate(
    signed_in: SignIn, states: list[ChangeNotification]
) -> None:
    page = signed_in(SIGHT).get(page_of(states[1])).content.decode()

    assert "Judged at" in page
    assert "hooks-2026" in page


@pytest.mark.parametrize(
    ("rights", "shown"), [((SIGHT,), False), ((SIGHT, OPERATION), True)], ids=["nearly", "enough"]
)
def test_what_was_said_to_graph_about_then_is_for_those_who_may_see_operations(
    signed_in: SignIn,
    make_notification: Maker,
    known: Callable[..., Subscription],
    rights: tuple[str, ...],
    shown: bool,
) -> None:
    subscription = known()
    for hours in (-30, -2, 3, 30):
        Operation.objects.create(
            subscription=subscription,
            action="renew",
            actor=f"cron at {hours}",
            started_at=NOW + timedelta(hours=hours),
            succeeded=hours > 0,
        )
    notification = make_notification(subscription=subscription, received_at=NOW)

    page = signed_in(*rights).get(page_of(notification)).content.decode()

    seen = [hours for hours in (-30, -2, 3, 30) if f"cron at {hours}<" in page]
    assert seen == ([-2, 3] if shown else [])


def test_the_page_costs_the_same_whatever_the_number_of_states(
    signed_in: SignIn,
    states: list[ChangeNotification],
    make_notification: Maker,
    django_assert_max_num_queries: Any,
) -> None:
    client = signed_in(SIGHT, CONTENT, DELIVERY, OPERATION)
    for _ in range(10):
        make_notification(resource_id=LONG, resource_type="message", received_at=NOW)

    with django_assert_max_num_queries(24):
        client.get(page_of(states[1]))


# As it came


@pytest.mark.parametrize(
    ("rights", "status"),
    [
        ((), 403),
        ((SIGHT,), 403),
        ((SIGHT, CONTENT), 403),
        ((SIGHT, DELIVERY), 403),
        ((CONTENT, DELIVERY), 403),
        ((SIGHT, CONTENT, DELIVERY), 200),
    ],
    ids=["none", "sight", "content", "delivery", "without sight", "enough"],
)
def test_what_came_is_for_those_who_may_see_deliveries_and_content(
    signed_in: SignIn, states: list[ChangeNotification], rights: tuple[str, ...], status: int
) -> None:
    client = signed_in(*rights)

    answer = client.get(page_of(states[1], "raw"))

    assert answer.status_code == status
    assert ContentAccess.objects.count() == (status == 200)
    assert "not for any eye" not in answer.content.decode()


def test_a_stranger_sees_nothing_of_what_came(client: Client, states: list[ChangeNotification]) -> None:
    assert client.get(page_of(states[1], "raw")).headers["Location"].startswith(reverse("admin:login"))


def test_why_there_is_nothing_to_show_is_said(signed_in: SignIn, make_notification: Maker) -> None:
    row = make_notification(delivery=None)

    page = signed_in(SIGHT, CONTENT, DELIVERY).get(page_of(row, "raw")).content.decode()

    assert "not kept any more" in page


def test_what_is_not_there_leads_back(administrator: Client) -> None:
    for page in ("raw", "history"):
        url = reverse(f"admin:notifications_changenotification_{page}", args=(999,))
        assert administrator.get(url).status_code == 302
