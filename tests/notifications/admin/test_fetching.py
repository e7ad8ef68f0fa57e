"""Fetching from the admin: a right of its own, at once for one, counted and left to the workers for many."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from notifications.models import ChangeNotification, ContentFetch, NotificationContent
from subscriptions.models import Subscription
from subscriptions.sandbox import Sandbox

SEE, FETCH = "notifications.view_changenotification", "notifications.fetch_content"
SEE_CONTENT = "notifications.view_notificationcontent"
MAILBOX = "users/9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3"
BUTTON = "Fetch current state"
Maker = Callable[..., ChangeNotification]


def url(page: str, *arguments: int) -> str:
    return reverse(f"admin:notifications_changenotification_{page}", args=arguments)


@pytest.fixture
def notification(
    transactional_db: None,
    make_subscription: Callable[..., Subscription],
    make_notification: Maker,
    sandbox: Sandbox,
) -> ChangeNotification:
    """Save what the stand-in told of a message that it has."""
    subscription = make_subscription()
    sandbox.make_change(f"{MAILBOX}/messages/m1", "created", {"subject": "Hello"})
    return make_notification(subscription=subscription, resource=f"{MAILBOX}/messages/m1")


@pytest.mark.parametrize("rights", [(), (SEE,), (FETCH,), (SEE, SEE_CONTENT)])
def test_it_takes_the_right_to_see_and_the_right_to_fetch(
    rights: tuple[str, ...], signed_in: Callable[..., Client], notification: ChangeNotification
) -> None:
    client = signed_in(*rights)

    answers = [
        client.post(url("fetch", notification.pk)),
        client.post(url("fetch_all")),
        client.get(url("fetch_all")),
    ]

    assert [answer.status_code for answer in answers] == [403] * 3
    assert not ContentFetch.objects.exists()


def test_a_visitor_is_sent_to_sign_in(client: Client, notification: ChangeNotification) -> None:
    assert client.post(url("fetch", notification.pk)).status_code == 302
    assert not ContentFetch.objects.exists()


def test_nobody_else_is_offered_it(
    signed_in: Callable[..., Client], notification: ChangeNotification
) -> None:
    client = signed_in(SEE)

    pages = [client.get(url("changelist")), client.get(url("change", notification.pk))]

    assert all(BUTTON not in page.content.decode() for page in pages)


def test_one_is_fetched_at_once_and_the_page_says_of_which_time_it_is(
    signed_in: Callable[..., Client], notification: ChangeNotification
) -> None:
    client = signed_in(SEE, FETCH, SEE_CONTENT)
    before = client.get(url("change", notification.pk)).content.decode()

    page = client.post(url("fetch", notification.pk), follow=True).content.decode()

    assert url("fetch", notification.pk) in before
    assert "Hello" in page
    assert "It is the state at that time, not that of the change." in page


def test_who_may_fetch_may_not_see_the_content_for_that(
    signed_in: Callable[..., Client], notification: ChangeNotification
) -> None:
    page = signed_in(SEE, FETCH).post(url("fetch", notification.pk), follow=True).content.decode()

    assert NotificationContent.objects.get().data["subject"] == "Hello"
    assert ("Hello" in page, "There is content." in page) == (False, True)


def test_what_is_gone_is_told_on_the_page(
    administrator: Client, notification: ChangeNotification, sandbox: Sandbox
) -> None:
    sandbox.make_change(f"{MAILBOX}/messages/m1", "deleted")

    page = administrator.post(url("fetch", notification.pk), follow=True).content.decode()

    assert page.count("Graph no longer has it") == 2  # as a message, and to stay


def test_looking_at_the_address_fetches_nothing(
    administrator: Client, notification: ChangeNotification
) -> None:
    assert administrator.get(url("fetch", notification.pk)).status_code == 405


def test_what_names_no_item_says_where_the_way_is(
    administrator: Client, notification: ChangeNotification
) -> None:
    Subscription.objects.update(resource=f"/{MAILBOX}/drive/root")

    page = administrator.get(url("change", notification.pk)).content.decode()

    assert (BUTTON in page, "recover_changes" in page) == (False, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "rejected"},
        {"change_type": "deleted"},
        {"lifecycle_event": "missed", "change_type": ""},
        {"subscription": None},
    ],
)
def test_where_there_is_nothing_to_fetch_it_is_not_offered(
    changes: dict[str, Any], administrator: Client, notification: ChangeNotification
) -> None:
    ChangeNotification.objects.update(**changes)

    assert (
        url("fetch", notification.pk)
        not in administrator.get(url("change", notification.pk)).content.decode()
    )


def test_what_came_with_its_content_is_not_offered(
    administrator: Client, notification: ChangeNotification
) -> None:
    NotificationContent.objects.create(notification=notification, data={}, opened_at=datetime.now(UTC))

    page = administrator.get(url("change", notification.pk)).content.decode()

    assert url("fetch", notification.pk) not in page


def test_many_are_counted_first_and_left_to_the_workers(
    administrator: Client, notification: ChangeNotification, make_notification: Maker
) -> None:
    make_notification(subscription=notification.subscription, resource="Users/u/Messages/m2")
    make_notification(subscription=notification.subscription, change_type="deleted")

    asked = administrator.get(f"{url('fetch_all')}?event=created")
    wanted_when_asked = ContentFetch.objects.count()
    answer = administrator.post(f"{url('fetch_all')}?event=created", follow=True)

    assert (asked.context["count"], wanted_when_asked) == (2, 0)
    assert "Left to the workers: 2." in answer.content.decode()
    assert set(ContentFetch.objects.values_list("requested_by", flat=True)) == {"admin"}


def test_an_address_that_makes_no_sense_leads_to_the_list(administrator: Client) -> None:
    assert administrator.get(f"{url('fetch_all')}?e=1&nonsense=1").status_code == 302


def test_with_nothing_to_fetch_the_page_says_so(administrator: Client) -> None:
    page = administrator.get(url("fetch_all")).content.decode()

    assert "There is nothing to fetch here" in page
