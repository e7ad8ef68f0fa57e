"""Deliveries in the admin: what came and what became of it, never the body."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from notifications.models import ChangeNotification, Delivery

LIST = reverse("admin:notifications_delivery_changelist")


def page_of(delivery: Delivery, page: str = "change") -> str:
    return reverse(f"admin:notifications_delivery_{page}", args=(delivery.pk,))


def test_neither_list_nor_page_reads_the_body(
    administrator: Client, delivery: Delivery, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(20) as captured:
        pages = [administrator.get(url).content.decode() for url in (LIST, page_of(delivery))]

    assert not [query["sql"] for query in captured.captured_queries if '"body"' in query["sql"]]
    assert all("not for any eye" not in page for page in pages)


def test_the_page_shows_what_was_in_it(
    administrator: Client, delivery: Delivery, make_notification: Callable[..., ChangeNotification]
) -> None:
    make_notification(state="rejected", reason="malformed")

    page = administrator.get(page_of(delivery)).content.decode()

    assert "created \u00b7 Message" in page
    assert "does not have the form that Graph sends" in page


def test_the_page_names_no_more_than_a_hundred_items(
    administrator: Client, delivery: Delivery, make_notification: Callable[..., ChangeNotification]
) -> None:
    for number in range(101):
        make_notification(item_index=number)

    answer = administrator.get(page_of(delivery))

    assert len(answer.context["items"]) == 100
    assert "Only the first are shown" in answer.content.decode()


def test_the_page_of_an_empty_one_says_why(administrator: Client, delivery: Delivery) -> None:
    assert "No notification was stored from it" in administrator.get(page_of(delivery)).content.decode()


@pytest.mark.parametrize(
    ("state", "text"), [("done", "None: it is finished"), ("queued", "Due now"), ("waiting", "Due now")]
)
def test_the_page_says_when_it_is_tried_again(
    administrator: Client, delivery: Delivery, state: str, text: str
) -> None:
    Delivery.objects.update(state=state)

    assert text in administrator.get(page_of(delivery)).content.decode()


def test_what_is_quarantined_is_marked_and_can_be_asked_for(
    administrator: Client, delivery: Delivery
) -> None:
    Delivery.objects.update(is_quarantined=True)

    quarantined = administrator.get(LIST, {"is_quarantined__exact": "1"})
    others = administrator.get(LIST, {"is_quarantined__exact": "0"})

    assert list(quarantined.context["cl"].result_list) == [delivery]
    assert "Quarantined</span>" in quarantined.content.decode()
    assert not others.context["cl"].result_list


def test_nothing_can_be_added_changed_or_deleted(administrator: Client, delivery: Delivery) -> None:
    answers = [
        administrator.post(reverse("admin:notifications_delivery_add"), {}),
        administrator.post(page_of(delivery), {"state": "queued"}),
        administrator.post(page_of(delivery, "delete"), {"post": "yes"}),
    ]

    delivery.refresh_from_db()
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert delivery.state == "done"


@pytest.mark.usefixtures("delivery")
def test_the_list_costs_five_queries(administrator: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(4):
        administrator.get(LIST)
