"""The audit log of content in the admin: read, never written."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import SET_NULL
from django.test import Client
from django.urls import reverse

from notifications.models import ContentAccess
from notifications.services.browsing import content_audit

LIST = reverse("admin:notifications_contentaccess_changelist")


@pytest.fixture
def access(db: None) -> ContentAccess:
    """Save a reading of many."""
    now = datetime(2026, 3, 1, tzinfo=UTC)
    return ContentAccess.objects.create(
        at=now, actor="ana", way="export", selection="csv: list ?state=accepted", count=7
    )


def test_it_takes_the_right_to_see_it(signed_in: Callable[..., Client], access: ContentAccess) -> None:
    assert signed_in("notifications.view_changenotification").get(LIST).status_code == 403


def test_an_auditor_sees_who_read_what(signed_in: Callable[..., Client], access: ContentAccess) -> None:
    page = signed_in("notifications.view_contentaccess").get(LIST).content.decode()

    assert "ana" in page
    assert "csv: list ?state=accepted" in page


@pytest.mark.parametrize("page", ["add", "delete"])
def test_nobody_writes_it(administrator: Client, access: ContentAccess, page: str) -> None:
    arguments = () if page == "add" else (access.pk,)

    answer = administrator.post(reverse(f"admin:notifications_contentaccess_{page}", args=arguments))

    assert answer.status_code == 403


def test_it_outlives_who_read_and_what_was_read(administrator: Client, make_notification: Any) -> None:
    reader, notification = User.objects.create_user("ana"), make_notification()
    key = notification.pk
    content_audit.note_page(notification, actor=reader.get_username(), now=datetime.now(UTC))

    administrator.post(reverse("admin:auth_user_delete", args=(reader.pk,)), {"post": "yes"})
    notification.delete()

    assert not User.objects.filter(username="ana").exists()
    page = administrator.get(LIST).content.decode()
    assert "ana" in page
    assert f"Notification {key}" in page


def test_nothing_in_the_database_takes_it_along() -> None:
    ways = {field.remote_field.on_delete for field in ContentAccess._meta.fields if field.remote_field}

    assert ways == {SET_NULL}
