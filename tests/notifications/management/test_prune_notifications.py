"""The command for cron that deletes what has been kept for long enough."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from notifications.models import Delivery, RetentionRule

pytestmark = pytest.mark.django_db


def prune(*arguments: str) -> str:
    out = StringIO()
    call_command("prune_notifications", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def old() -> None:
    """Save a delivery past its retention."""
    at = datetime.now(UTC) - timedelta(days=3)
    Delivery.objects.create(received_at=at, body=b"{}", size=2, state="done", next_attempt_at=at)
    RetentionRule.objects.create(delivery_days=2)


def test_without_a_rule_it_says_where_to_set_one() -> None:
    assert "Add a rule in the admin" in prune()


def test_it_says_what_it_deleted(old: None) -> None:
    assert prune().startswith("Deleted: 0 contents, 1 deliveries")
    assert not Delivery.objects.exists()


def test_a_dry_run_only_counts(old: None) -> None:
    assert prune("--dry-run").startswith("Would be deleted: 0 contents, 1 deliveries")
    assert Delivery.objects.exists()


def test_it_prints_one_object(old: None) -> None:
    assert json.loads(prune("--json")) == {
        "rules": 1,
        "content": 0,
        "deliveries": 1,
        "accepted": 0,
        "refused": 0,
        "operations": 0,
        "held_content": 0,
        "held_deliveries": 0,
        "held_accepted": 0,
        "held_refused": 0,
        "errors": [],
        "dry_run": False,
    }


def test_it_can_be_silent(old: None) -> None:
    assert prune("-v", "0") == ""
