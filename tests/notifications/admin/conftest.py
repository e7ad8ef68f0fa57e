"""Fixtures for the admin: people with rights, and rows as the worker leaves them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from notifications.models import ChangeNotification, Delivery
from notifications.services.rows import counting, duplicate_keys
from subscriptions.catalogue import workload_of


@pytest.fixture
def delivery(db: None) -> Delivery:
    """Save a delivery that is worked through."""
    now = datetime.now(UTC)
    return Delivery.objects.create(
        received_at=now,
        endpoint="notifications",
        body=b'{"clientState": "not for any eye"}',
        size=1234,
        state="done",
        next_attempt_at=now,
        processed_at=now,
    )


@pytest.fixture
def make_notification(delivery: Delivery) -> Callable[..., ChangeNotification]:
    """Return a function that saves a genuine notification; keyword arguments change it."""

    def make(**changes: Any) -> ChangeNotification:
        now = datetime.now(UTC)
        facts: dict[str, Any] = {
            "change_type": "created",
            "resource": "Users/u1/Messages/AAMk1",
            "resource_type": "#Microsoft.Graph.Message",
            "resource_id": "AAMk1",
            "tenant_id": "5b0f9a31-7e62-4c1d-9f38-a6d2047be513",
            "state": "accepted",
            "proof": ["clientState"],
            "received_at": now,
            "last_received_at": now,
            "processed_at": now,
            "delivery": delivery,
            **changes,
        }
        if "notification_id" in changes:
            facts["duplicate_key"] = duplicate_keys.key(
                uuid4().hex, notification_id=changes["notification_id"]
            )
        facts["workload"] = workload_of(facts["resource_type"], facts["resource"])
        notification = ChangeNotification.objects.create(**facts)
        counting.note(came=[notification])
        return notification

    return make
