"""Erasing from the admin: a right of its own, counted and asked first, told on the page afterwards."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from notifications.models import ChangeNotification, ContentAccess, ContentErasure, NotificationContent

SEE, ERASE = "notifications.view_changenotification", "notifications.erase_content"
SEE_CONTENT = "notifications.view_notificationcontent"


def url(page: str, *arguments: int) -> str:
    return reverse(f"admin:notifications_changenotification_{page}", args=arguments)


@pytest.fixture
def notification(make_notification: Callable[..., ChangeNotification]) -> ChangeNotification:
    """Save one with content."""
    saved = make_notification()
    NotificationContent.objects.create(
        notification=saved, data={"from": "zoe@contoso.example"}, opened_at=datetime.now(UTC)
    )
    return saved


@pytest.mark.parametrize("rights", [(), (SEE,), (ERASE,), (SEE, SEE_CONTENT)])
def test_it_takes_the_right_to_see_and_the_right_to_erase(
    rights: tuple[str, ...], signed_in: Callable[..., Client], notification: ChangeNotification
) -> None:
    client = signed_in(*rights)

    answers = [client.post(url("erase", notification.pk)), client.post(url("erase_all"))]

    assert [answer.status_code for answer in answers] == [403] * 2
    assert NotificationContent.objects.exists()


def test_a_visitor_is_sent_to_sign_in(client: Client, notification: ChangeNotification) -> None:
    assert client.post(url("erase", notification.pk)).status_code == 302
    assert NotificationContent.objects.exists()


def test_nobody_else_is_offered_it(
    signed_in: Callable[..., Client], notification: ChangeNotification
) -> None:
    client = signed_in(SEE)

    pages = [client.get(url("changelist")), client.get(url("change", notification.pk))]

    assert all("Erase content" not in page.content.decode() for page in pages)


def test_one_is_erased_after_asking_and_its_page_says_by_whom(
    signed_in: Callable[..., Client], notification: ChangeNotification
) -> None:
    client = signed_in(SEE, ERASE, SEE_CONTENT)
    assert url("erase", notification.pk) in client.get(url("change", notification.pk)).content.decode()
    assert "<strong>1</strong>" in client.get(url("erase", notification.pk)).content.decode()
    assert NotificationContent.objects.exists()

    page = client.post(url("erase", notification.pk), follow=True).content.decode()

    assert "Erased by analyst on" in page
    assert "zoe@contoso.example" not in page
    assert url("erase", notification.pk) not in page


def test_all_that_the_list_shows_is_erased_and_no_more(
    administrator: Client, notification: ChangeNotification, make_notification: Callable[..., object]
) -> None:
    make_notification(state="rejected")

    page = administrator.post(f"{url('erase_all')}?state=rejected", follow=True).content.decode()

    assert "content of 1 notifications" in page
    assert NotificationContent.objects.exists()
    assert ContentErasure.objects.get().selection == "list ?state=rejected"


@pytest.mark.parametrize(("text", "count"), [("ZOE@contoso.example", 1), ("max@contoso.example", 0)])
def test_only_what_mentions_somebody_is_erased(
    administrator: Client, notification: ChangeNotification, text: str, count: int
) -> None:
    address = f"{url('erase_all')}?state=all&mentioning={text}"
    assert ("<strong>1</strong>" in administrator.get(address).content.decode()) == bool(count)

    administrator.post(address)

    assert ContentErasure.objects.count() == count
    assert NotificationContent.objects.exists() != bool(count)


@pytest.mark.parametrize("button", [{}, {"count": "1"}])
def test_a_text_that_was_not_counted_yet_is_counted_and_asked_about_first(
    administrator: Client, notification: ChangeNotification, button: dict[str, str]
) -> None:
    typed = {"mentioning": "max@contoso.example", **button}

    page = administrator.post(f"{url('erase_all')}?state=all", typed, follow=True)

    assert page.redirect_chain[0][0].endswith("erase/?state=all&mentioning=max%40contoso.example")
    assert "nothing to erase" in page.content.decode()
    assert NotificationContent.objects.exists()


@pytest.mark.parametrize("text", ["zoe", "%00%00%00%00%00", "x" * 501])
def test_a_text_that_means_nobody_erases_nothing(
    administrator: Client, notification: ChangeNotification, text: str
) -> None:
    address = f"{url('erase_all')}?mentioning={text}"

    assert "Enter an ID or address" in administrator.get(address).content.decode()
    administrator.post(address)
    assert NotificationContent.objects.exists()


def test_looking_for_a_text_in_content_takes_the_right_to_see_it_and_is_noted(
    signed_in: Callable[..., Client], notification: ChangeNotification
) -> None:
    client = signed_in(SEE, ERASE)
    address = f"{url('erase_all')}?mentioning=zoe@contoso.example"

    assert "takes the permission" in client.get(address).content.decode()
    client.post(address)
    assert NotificationContent.objects.exists()
    assert not ContentAccess.objects.exists()
    client.logout()
    client.force_login(User.objects.create_superuser("root"))
    client.get(address)

    assert ContentAccess.objects.get().way == "search"


def test_a_filter_that_makes_no_sense_erases_nothing(
    administrator: Client, notification: ChangeNotification
) -> None:
    administrator.post(f"{url('erase_all')}?nonsense=1")

    assert NotificationContent.objects.exists()


def test_one_that_is_not_there_is_nothing_to_erase(administrator: Client) -> None:
    assert "nothing to erase" in administrator.get(url("erase", 99)).content.decode()


def test_an_auditor_sees_who_erased_and_nobody_edits_it(
    signed_in: Callable[..., Client], notification: ChangeNotification
) -> None:
    record = ContentErasure.objects.create(at=datetime.now(UTC), actor="ann", selection="list ?state=all")
    client = signed_in("notifications.view_contenterasure", "notifications.delete_contenterasure")

    page = client.get(reverse("admin:notifications_contenterasure_changelist")).content.decode()

    assert "list ?state=all" in page
    assert (
        client.post(reverse("admin:notifications_contenterasure_delete", args=(record.pk,))).status_code
        == 403
    )
