"""Rows that were never at Graph."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from subscriptions.models import AppRegistration, Subscription

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    """Return the time of the tests."""
    return NOW


@pytest.fixture
def registration(db: None) -> AppRegistration:
    """Save an app registration of the global cloud."""
    return AppRegistration.objects.create(
        name="Contoso",
        tenant_id="9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3",
        client_id="11111111-2222-3333-4444-555555555555",
        client_secret="never-to-be-seen",
    )


@pytest.fixture
def make_row(registration: AppRegistration) -> Callable[..., Subscription]:
    """Return a function that saves a subscription as it is told; unless told otherwise it is active and fresh."""

    def make(**changes: Any) -> Subscription:
        number = Subscription.objects.count()
        values: dict[str, Any] = {
            "app_registration": registration,
            "resource": f"/users/{number}/messages",
            "change_type": "created",
            "status": "active",
            "graph_id": f"00000000-0000-0000-0000-{number:012}",
            "client_state": "state-never-to-be-seen",
            "expires_at": NOW + timedelta(days=2),
            "renew_at": NOW + timedelta(days=1),
        }
        return Subscription.objects.create(**(values | changes))

    return make
