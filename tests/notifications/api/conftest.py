"""Fixtures for the API: callers with rights, and rows as the worker leaves them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from rest_framework.test import APIClient

from notifications.models import ApiToken, ChangeNotification, NotificationContent
from notifications.services.rows import duplicate_keys

RECEIVED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def caller(db: None) -> Callable[..., APIClient]:
    """Return a function that gives a client with a token of a user with the named rights, as `app.codename`."""

    def call_as(*rights: str) -> APIClient:
        user = User.objects.create_user("tool")
        for right in rights:
            app_label, _, codename = right.partition(".")
            user.user_permissions.add(
                Permission.objects.get(content_type__app_label=app_label, codename=codename)
            )
        _, token = ApiToken.objects.create(user, expiry=timedelta(days=1))
        return APIClient(headers={"Authorization": f"Bearer {token}"})

    return call_as


@pytest.fixture
def make(db: None) -> Callable[..., ChangeNotification]:
    """Return a function that saves a genuine notification; `content` gives it content."""

    def make(*, content: dict[str, Any] | None = None, **changes: Any) -> ChangeNotification:
        facts = {
            "subscription_graph_id": "3c5d9a70-41be-4d27-8f16-a0c7e2b95d84",
            "change_type": "created",
            "resource": "Users/u1/Messages/m1",
            "state": "accepted",
            "received_at": RECEIVED_AT,
            "last_received_at": RECEIVED_AT,
            "processed_at": RECEIVED_AT,
            **changes,
        }
        if "notification_id" in changes:
            facts["duplicate_key"] = duplicate_keys.key(
                uuid4().hex, notification_id=changes["notification_id"]
            )
        row = ChangeNotification.objects.create(**facts)
        if content is not None:
            NotificationContent.objects.create(notification=row, data=content, opened_at=RECEIVED_AT)
        return row

    return make
