"""Trying again from the admin: a right of its own, and a count before anything happens."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from notifications.models import ChangeNotification, Delivery

DELIVERIES, NOTIFICATIONS = "notifications_delivery", "notifications_changenotification"
SEE_DELIVERIES = "notifications.view_delivery"
SEE_NOTIFICATIONS = "notifications.view_changenotification"
REPLAY = "notifications.replay_delivery"
BUTTON = "Try again"


@pytest.fixture
def dead(delivery: Delivery) -> Delivery:
    """Save a delivery that was given up before it was judged."""
    Delivery.objects.filter(pk=delivery.pk).update(
        state="dead", processed_at=None, next_attempt_at=datetime.now(UTC) + timedelta(days=1)
    )
    delivery.refresh_from_db()
    return delivery


def url(model: str, page: str, *arguments: int) -> str:
    return reverse(f"admin:{model}_{page}", args=arguments)


@pytest.mark.parametrize("rights", [(), (SEE_DELIVERIES,), (REPLAY,)])
def test_it_takes_the_right_to_see_and_the_right_to_replay(
    rights: tuple[str, ...], signed_in: Callable[..., Client], dead: Delivery
) -> None:
    client = signed_in(*rights)

    answers = [
        client.post(url(DELIVERIES, "replay", dead.pk)),
        client.post(url(DELIVERIES, "replay_all")),
        client.get(url(DELIVERIES, "replay_all")),
    ]

    dead.refresh_from_db()
    assert ([answer.status_code for answer in answers], dead.state) == ([403] * 3, "dead")


def test_a_visitor_is_sent_to_sign_in(client: Client, dead: Delivery) -> None:
    answer = client.post(url(DELIVERIES, "replay", dead.pk))

    dead.refresh_from_db()
    assert (answer.status_code, dead.state) == (302, "dead")


def test_nobody_else_is_offered_it(signed_in: Callable[..., Client], dead: Delivery) -> None:
    client = signed_in(SEE_DELIVERIES)
    pages = [client.get(url(DELIVERIES, "changelist")), client.get(url(DELIVERIES, "change", dead.pk))]

    assert all(BUTTON not in page.content.decode() for page in pages)


def test_one_is_asked_about_and_put_back(signed_in: Callable[..., Client], dead: Delivery) -> None:
    client = signed_in(SEE_DELIVERIES, REPLAY)
    address = url(DELIVERIES, "replay", dead.pk)

    page = client.get(url(DELIVERIES, "change", dead.pk)).content.decode()
    asked = client.get(address)
    state_when_asked = Delivery.objects.get().state
    answer = client.post(address, follow=True)

    assert address in page
    assert (asked.context["count"], state_when_asked) == (1, "dead")
    assert "Put back to be tried now: 1." in answer.content.decode()
    assert Delivery.objects.due(datetime.now(UTC)).get().state == "queued"


def test_a_settled_one_is_not_offered(administrator: Client, delivery: Delivery) -> None:
    page = administrator.get(url(DELIVERIES, "change", delivery.pk)).content.decode()
    asked = administrator.get(url(DELIVERIES, "replay", delivery.pk))

    assert BUTTON not in page
    assert asked.context["count"] == 0


def test_one_that_is_not_there_counts_nothing(administrator: Client) -> None:
    asked = administrator.get(url(DELIVERIES, "replay", 77))

    assert asked.context["count"] == 0


def test_only_what_the_filter_of_the_list_matches_is_counted_and_put_back(
    administrator: Client, dead: Delivery
) -> None:
    dead.pk = None
    dead.state = "waiting"
    dead.save(force_insert=True)
    list_page = administrator.get(url(DELIVERIES, "changelist"), {"state__exact": "waiting"})
    address = list_page.context["replay_url"]

    count = administrator.get(address).context["count"]
    administrator.post(address)

    due = Delivery.objects.due(datetime.now(UTC))
    assert (count, [row.pk for row in due]) == (1, [dead.pk])


def test_what_the_list_of_notifications_shows_is_put_back_with_its_delivery(
    signed_in: Callable[..., Client],
    make_notification: Callable[..., ChangeNotification],
) -> None:
    make_notification(state="dead", resource_id="AAMk7")
    make_notification(state="accepted")
    client = signed_in(SEE_NOTIFICATIONS, REPLAY)
    list_page = client.get(url(NOTIFICATIONS, "changelist"), {"state": "dead", "q": "AAMk7"})
    address = list_page.context["replay_url"]

    count = client.get(address).context["count"]
    client.post(address)

    assert (count, Delivery.objects.get().state) == (1, "waiting")
    assert set(ChangeNotification.objects.values_list("state", flat=True)) == {"waiting", "accepted"}


def test_a_notification_that_was_given_up_offers_it(
    administrator: Client, make_notification: Callable[..., ChangeNotification]
) -> None:
    notification = make_notification(state="dead")

    page = administrator.get(url(NOTIFICATIONS, "change", notification.pk)).content.decode()

    assert url(NOTIFICATIONS, "replay", notification.pk) in page


def test_what_is_in_hand_is_said_to_be_left_alone(administrator: Client, dead: Delivery) -> None:
    Delivery.objects.update(lease="theirs", leased_until=datetime.now(UTC) + timedelta(minutes=1))

    answer = administrator.post(url(DELIVERIES, "replay", dead.pk), follow=True)

    assert "a worker has them in hand: 1" in answer.content.decode()


def test_a_filter_that_makes_no_sense_leads_back_to_the_list(administrator: Client, dead: Delivery) -> None:
    answer = administrator.post(f"{url(DELIVERIES, 'replay_all')}?received_at__nonsense=1")

    dead.refresh_from_db()
    assert (answer.status_code, dead.state) == (302, "dead")
