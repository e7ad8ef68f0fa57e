"""The command for cron that looks up what Graph could not deliver."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from notifications.models import ChangeNotification
from notifications.services import recovering
from subscriptions.models import Run, Subscription
from subscriptions.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

CONTACTS = "/users/U/contacts"


def recover(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("recover_changes", *arguments, "--json", stdout=out)
    return dict(json.loads(out.getvalue()))


@pytest.fixture
def followed(make_subscription: Callable[..., Subscription]) -> Subscription:
    """Create a subscription and let its delta query begin."""
    subscription = make_subscription(resource=CONTACTS)
    recovering.recover_due(clock=lambda: datetime.now(UTC), actor="test")
    return subscription


def test_only_what_needs_it_is_looked_up(followed: Subscription, sandbox: Sandbox) -> None:
    sandbox.make_change(f"{CONTACTS}/x", "created")

    assert recover()["checked"] == 0
    assert recover("--all")["changes"] == 1
    assert ChangeNotification.objects.get().origin == "delta"


@pytest.mark.parametrize("choice", ["{subscription.pk}", "{subscription.graph_id}"])
def test_one_subscription_is_looked_up_at_once(followed: Subscription, choice: str) -> None:
    summary = recover("--subscription", choice.format(subscription=followed))

    assert summary == {
        "checked": 1,
        "recovered": 0,
        "changes": 0,
        "duplicates": 0,
        "resynced": 0,
        "skipped": 0,
        "failed": 0,
        "postponed": 0,
        "errors": [],
    }


def test_a_run_is_written_down_with_its_figures(followed: Subscription) -> None:
    recover("--all")

    run = Run.objects.get(command="recover_changes")
    assert (run.outcome, run.summary["checked"]) == ("succeeded", 1)
    assert "errors" not in run.summary


def test_those_of_one_app_registration_are_looked_up(followed: Subscription) -> None:
    assert recover("--app", followed.app_registration.name, "--all")["checked"] == 1


@pytest.mark.parametrize("wrong", [("--subscription", "99"), ("--app", "Nobody")])
def test_what_is_not_there_is_wrong_usage(db: None, wrong: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match="There is no") as error:
        recover(*wrong)

    assert error.value.returncode == 2


def test_what_has_no_delta_query_is_wrong_usage(make_subscription: Callable[..., Subscription]) -> None:
    subscription = make_subscription(resource="/chats/getAllMessages")

    with pytest.raises(CommandError, match="no delta query") as error:
        recover("--subscription", str(subscription.pk))

    assert error.value.returncode == 2


def test_a_failure_is_told_and_ends_with_1(followed: Subscription, sandbox: Sandbox) -> None:
    body = {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges."}}
    sandbox.add_fault(path="/delta", status=403, body=body)
    out, told = StringIO(), StringIO()

    with pytest.raises(SystemExit) as end:
        call_command("recover_changes", "--all", stdout=out, stderr=told)

    assert end.value.code == 1
    assert "1 failed" in out.getvalue()
    assert "Insufficient privileges." in told.getvalue()
