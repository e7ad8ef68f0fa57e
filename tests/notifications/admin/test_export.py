"""Export in the admin: what the list shows, for those who may, with content for those who may see it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import HttpResponseBase, StreamingHttpResponse
from django.test import Client
from django.urls import reverse

from notifications.models import ChangeNotification, ContentAccess, NotificationContent

PAGE = reverse("admin:notifications_changenotification_export")
LIST = reverse("admin:notifications_changenotification_changelist")
SIGHT = "notifications.view_changenotification"
EXPORT = "notifications.export_changenotification"
CONTENT = "notifications.view_notificationcontent"

Maker = Callable[..., ChangeNotification]
SignIn = Callable[..., Client]


@pytest.fixture
def opened(make_notification: Maker) -> ChangeNotification:
    """Save a notification with content."""
    notification = make_notification()
    NotificationContent.objects.create(
        notification=notification, data={"subject": "Grüße"}, opened_at=datetime(2026, 3, 1, tzinfo=UTC)
    )
    return notification


def rows_in(answer: HttpResponseBase) -> list[dict[str, Any]]:
    assert isinstance(answer, StreamingHttpResponse)
    return [json.loads(line) for line in answer.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("rights", "status"), [((), 403), ((SIGHT,), 403), ((EXPORT,), 403), ((SIGHT, EXPORT), 200)]
)
def test_it_takes_the_right_to_see_and_the_right_to_export(
    signed_in: SignIn, rights: tuple[str, ...], status: int
) -> None:
    client = signed_in(*rights)

    assert client.get(PAGE).status_code == status
    assert client.post(PAGE, {"file_format": "ndjson"}).status_code == status


def test_a_visitor_is_sent_to_sign_in(client: Client, db: None) -> None:
    assert client.get(PAGE).status_code == 302


def test_only_those_who_may_are_offered_it(signed_in: SignIn) -> None:
    assert PAGE not in signed_in(SIGHT).get(LIST).content.decode()


def test_the_file_holds_what_the_list_shows(signed_in: SignIn, make_notification: Maker) -> None:
    make_notification(resource="Users/u1/Messages/kept")
    make_notification(state="rejected")
    client = signed_in(SIGHT, EXPORT)

    answer = client.post(PAGE, {"file_format": "ndjson"})

    assert [row["resource"] for row in rows_in(answer)] == ["Users/u1/Messages/kept"]
    assert answer["Content-Disposition"].endswith('.ndjson"')


def test_content_goes_along_when_asked_for_and_stands_on_the_audit_log(
    signed_in: SignIn, opened: ChangeNotification
) -> None:
    client = signed_in(SIGHT, EXPORT, CONTENT)

    (row,) = rows_in(client.post(f"{PAGE}?state=accepted", {"file_format": "ndjson", "with_content": "on"}))

    assert row["content"] == {"subject": "Grüße"}
    access = ContentAccess.objects.get()
    assert (access.actor, access.count, access.selection) == ("analyst", 1, "ndjson: list ?state=accepted")


@pytest.mark.usefixtures("opened")
def test_without_the_right_content_is_neither_offered_nor_sent(signed_in: SignIn) -> None:
    client = signed_in(SIGHT, EXPORT)

    (row,) = rows_in(client.post(PAGE, {"file_format": "ndjson", "with_content": "on"}))

    assert "content" not in row
    assert "with_content" not in client.get(PAGE).content.decode()


def test_an_unknown_format_is_explained_on_the_page(signed_in: SignIn) -> None:
    answer = signed_in(SIGHT, EXPORT).post(PAGE, {"file_format": "xlsx"})

    assert "Select a valid choice" in answer.content.decode()


def test_a_filter_that_makes_no_sense_leads_back_to_the_list(signed_in: SignIn) -> None:
    answer = signed_in(SIGHT, EXPORT).get(f"{PAGE}?no_such_field=1")

    assert answer.headers["Location"] == f"{LIST}?e=1"


def test_opening_a_page_with_content_stands_on_the_audit_log(
    signed_in: SignIn, opened: ChangeNotification
) -> None:
    url = reverse("admin:notifications_changenotification_change", args=(opened.pk,))

    signed_in(SIGHT, CONTENT).get(url)

    access = ContentAccess.objects.get()
    assert (access.actor, access.way, access.notification) == ("analyst", "page", opened)


def test_a_page_without_the_right_to_content_is_no_reading_of_it(
    signed_in: SignIn, opened: ChangeNotification
) -> None:
    signed_in(SIGHT).get(reverse("admin:notifications_changenotification_change", args=(opened.pk,)))

    assert not ContentAccess.objects.exists()
