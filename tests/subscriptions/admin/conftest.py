"""Fixtures for the admin: people with rights, and rows that never were at Graph."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from subscriptions.models import AppRegistration, Subscription


@pytest.fixture
def registration(db: None) -> AppRegistration:
    """Save an app registration that is never used to sign in."""
    return AppRegistration.objects.create(
        name="Fabrikam",
        tenant_id="fabrikam.example",
        client_id="7d6a1c1e-55c1-4b6e-9e53-0c6d1a0f3b11",
        client_secret="kept~secret",
    )


@pytest.fixture
def make_row(registration: AppRegistration) -> Callable[..., Subscription]:
    """Return a function that saves a subscription which Graph knows nothing of; keyword arguments change it."""
    count = iter(range(1, 1000))

    def make(**changes: Any) -> Subscription:
        number = next(count)
        now = datetime.now(UTC)
        facts = {
            "app_registration": registration,
            "resource": f"/users/{number}/messages",
            "change_type": "created",
            "status": Subscription.Status.ACTIVE,
            "graph_id": f"00000000-0000-4000-8000-{number:012}",
            "granted_at": now,
            "expires_at": now + timedelta(days=2, hours=3, minutes=1),
            "renew_at": now + timedelta(days=1),
            **changes,
        }
        return Subscription.objects.create(**facts)

    return make
