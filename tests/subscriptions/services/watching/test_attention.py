"""What needs somebody is found by its facts, and nothing else is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from subscriptions.models import AppRegistration, Subscription
from subscriptions.services.watching.attention import needing_attention

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("facts", "needs_it"),
    [
        ({}, False),
        ({"status": "failed"}, True),
        ({"status": "gone"}, True),
        ({"status": "pending"}, False),
        ({"status": "removed", "failures": 3}, False),
        ({"expires_at": NOW}, True),
        ({"failures": 1}, True),
        ({"renew_at": NOW - timedelta(minutes=20)}, True),
        ({"renew_at": NOW - timedelta(minutes=19)}, False),
        ({"renew_at": NOW - timedelta(hours=1), "auto_renew": False}, False),
        ({"expires_at": NOW, "is_enabled": False}, False),
        ({"status": "gone", "is_enabled": False}, False),
    ],
)
def test_a_subscription_needs_attention_by_its_facts(facts: dict[str, Any], needs_it: bool) -> None:
    registration = AppRegistration.objects.create(name="Contoso", tenant_id="a.example", client_id="1")
    Subscription.objects.create(
        **{
            "app_registration": registration,
            "resource": "/users",
            "change_type": "updated",
            "status": "active",
            "graph_id": "g-1",
            "expires_at": NOW + timedelta(days=1),
            "renew_at": NOW + timedelta(hours=12),
            **facts,
        }
    )

    assert Subscription.objects.filter(needing_attention(NOW)).exists() is needs_it
