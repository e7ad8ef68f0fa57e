"""renew_subscriptions: the line for cron."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from subscriptions.models import Operation, Subscription
from subscriptions.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

Run = Callable[..., Any]
NOTHING = {"due": 0, "renewed": 0, "recreated": 0, "failed": 0, "skipped": 0, "errors": []}


@pytest.fixture
def due(make_subscription: Callable[..., Subscription]) -> Subscription:
    """Create a subscription that is due and ends in an hour."""
    row = make_subscription()
    row.renew_at = datetime.now(UTC)
    row.expires_at = datetime.now(UTC) + timedelta(hours=1)
    row.save()
    return row


def refuse(sandbox: Sandbox) -> None:
    body = {"error": {"code": "ExtensionError", "message": "No", "innerError": {"request-id": "r-1"}}}
    sandbox.add_fault(method="PATCH", status=403, body=body)


def test_what_is_due_is_renewed(run: Run, due: Subscription, sandbox: Sandbox) -> None:
    answer = run("renew_subscriptions", "--json")

    due.refresh_from_db()
    assert (answer.code, answer.err) == (0, "")
    assert answer.json == {**NOTHING, "due": 1, "renewed": 1}
    assert due.expires_at == sandbox.subscriptions[due.graph_id or ""].expires_at
    assert Operation.objects.latest("pk").actor == "renew_subscriptions"


@pytest.mark.usefixtures("due")
def test_a_second_run_finds_nothing_to_do(run: Run) -> None:
    run("renew_subscriptions")

    assert run("renew_subscriptions", "--json").json == NOTHING


def test_with_nothing_due_all_is_well(run: Run) -> None:
    answer = run("renew_subscriptions", "--json")

    assert (answer.code, answer.json) == (0, NOTHING)


def test_what_is_gone_is_created_again(run: Run, due: Subscription, sandbox: Sandbox) -> None:
    sandbox.remove_subscription(due.graph_id or "")

    answer = run("renew_subscriptions", "--json")

    assert (answer.code, answer.json) == (0, {**NOTHING, "due": 1, "recreated": 1})


def test_a_failure_exits_1_and_is_told_with_its_request_id(
    run: Run, due: Subscription, sandbox: Sandbox
) -> None:
    refuse(sandbox)

    answer = run("renew_subscriptions", "--json")

    [error] = answer.json["errors"]
    assert (answer.code, answer.json["failed"]) == (1, 1)
    assert (error["subscription"], error["code"], error["request_id"]) == (due.pk, "ExtensionError", "r-1")


@pytest.mark.usefixtures("due")
def test_people_are_told_the_same(run: Run, sandbox: Sandbox) -> None:
    refuse(sandbox)

    answer = run("renew_subscriptions")

    assert answer.code == 1
    assert answer.out == "1 due: 0 renewed, 0 created again, 1 failed, 0 in other hands.\n"
    assert "request-id r-1]" in answer.err


def test_a_dry_run_sends_nothing(run: Run, due: Subscription, sandbox: Sandbox) -> None:
    before = len(sandbox.requests)

    answer = run("renew_subscriptions", "--dry-run", "--json")

    assert answer.code == 0
    assert (answer.json["due"], answer.json["dry_run"], answer.json["renewed"]) == (1, True, 0)
    assert [one["id"] for one in answer.json["subscriptions"]] == [due.pk]
    assert len(sandbox.requests) == before
    assert run("renew_subscriptions", "--json").json["renewed"] == 1


@pytest.mark.usefixtures("due")
def test_a_dry_run_tells_people_what_is_due(run: Run) -> None:
    answer = run("renew_subscriptions", "--dry-run")

    assert answer.out.startswith("1 due; nothing was sent.")


def test_within_takes_what_ends_soon(run: Run, due: Subscription) -> None:
    Subscription.objects.update(renew_at=due.expires_at)

    assert run("renew_subscriptions", "--json").json["due"] == 0
    assert run("renew_subscriptions", "--json", "--within=50").json["due"] == 0
    assert run("renew_subscriptions", "--json", "--within=61").json["renewed"] == 1


def test_the_limit_is_kept(
    run: Run, due: Subscription, make_subscription: Callable[..., Subscription]
) -> None:
    make_subscription(resource="/groups", change_type="updated")
    Subscription.objects.update(renew_at=due.renew_at)

    assert run("renew_subscriptions", "--json", "--limit=1").json["due"] == 1
    due.refresh_from_db()
    assert due.renewed_at


def test_within_more_than_any_life_takes_all(run: Run, due: Subscription) -> None:
    assert run("renew_subscriptions", "--json", f"--within={10**15}").json["renewed"] == 1


@pytest.mark.parametrize("option", ["--within=-1", "--limit=0", "--limit=-1"])
def test_wrong_usage_exits_2(run: Run, option: str) -> None:
    answer = run("renew_subscriptions", option, "--json")

    assert (answer.code, answer.out) == (2, "")


@pytest.mark.usefixtures("due")
@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_without_verbosity_nothing_is_printed(run: Run, sandbox: Sandbox, options: tuple[str, ...]) -> None:
    refuse(sandbox)

    answer = run("renew_subscriptions", "-v0", *options)

    assert (answer.code, answer.out, answer.err) == (0 if options else 1, "", "")
