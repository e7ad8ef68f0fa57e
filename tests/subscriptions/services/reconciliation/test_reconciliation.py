"""What Graph has beside what we have."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from subscriptions.models import AppRegistration, Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.services import reconciliation, renewal
from subscriptions.services.access.clients import client_for

pytestmark = pytest.mark.django_db(transaction=True)


def reconcile(*, is_dry: bool = False) -> reconciliation.Summary:
    return reconciliation.reconcile(clock=lambda: datetime.now(UTC), actor="test", is_dry=is_dry)


def test_what_agrees_is_in_step(make_subscription: Callable[..., Subscription]) -> None:
    make_subscription()

    summary = reconcile()

    assert (summary.in_step, summary.drifted, summary.gone, summary.unknown) == (1, 0, 0, [])


def test_an_expiry_that_drifted_is_taken_over_from_graph(
    make_subscription: Callable[..., Subscription],
) -> None:
    subscription = make_subscription()
    true_expiry = subscription.expires_at
    Subscription.objects.update(expires_at=datetime.now(UTC) + timedelta(days=300))

    summary = reconcile()

    subscription.refresh_from_db()
    assert summary.drifted == 1
    assert subscription.expires_at == true_expiry


def test_what_is_gone_is_created_again(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    subscription = make_subscription()
    former = str(subscription.graph_id)
    sandbox.remove_subscription(former)

    summary = reconcile()

    subscription.refresh_from_db()
    assert (summary.gone, summary.recreated) == (1, 1)
    assert subscription.graph_id != former
    assert list(sandbox.subscriptions) == [subscription.graph_id]


def test_what_is_not_to_be_renewed_may_end(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    sandbox.remove_subscription(str(make_subscription(auto_renew=False).graph_id))

    summary = reconcile()

    assert (summary.gone, summary.recreated, summary.failed) == (1, 0, 0)
    assert sandbox.subscriptions == {}


def test_an_empty_list_alone_makes_nothing_gone(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    subscription = make_subscription()
    sandbox.add_fault(method="GET", path=r"/v1.0/subscriptions$", status=200, body={"value": []})

    summary = reconcile()

    assert (summary.gone, summary.in_step) == (0, 1)
    assert list(sandbox.subscriptions) == [subscription.graph_id]


def test_a_failing_list_changes_nothing_and_is_reported(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    subscription = make_subscription()
    sandbox.remove_subscription(str(subscription.graph_id))
    sandbox.add_fault(
        method="GET", path=r"/v1.0/subscriptions$", status=403, body={"error": {"code": "Forbidden"}}
    )

    summary = reconcile()

    assert summary.gone == 0
    assert len(summary.errors) == 1


def test_what_nobody_here_asked_for_is_reported_and_left_alone(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    subscription = make_subscription()
    graph_id = subscription.graph_id
    subscription.delete()

    summary = reconcile()

    assert [unknown.graph_id for unknown in summary.unknown] == [graph_id]
    assert list(sandbox.subscriptions) == [graph_id]


def test_what_a_killed_create_left_is_adopted(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    subscription = make_subscription()
    graph_id = subscription.graph_id
    Subscription.objects.update(status="pending", graph_id=None, expires_at=None)

    summary = reconcile()

    subscription.refresh_from_db()
    assert (summary.adopted, summary.unknown) == (1, [])
    assert (subscription.status, subscription.graph_id) == ("active", graph_id)
    assert list(sandbox.subscriptions) == [graph_id]


def test_a_dry_run_changes_nothing(make_subscription: Callable[..., Subscription], sandbox: Sandbox) -> None:
    subscription = make_subscription()
    sandbox.remove_subscription(str(subscription.graph_id))

    summary = reconcile(is_dry=True)

    assert (summary.gone, summary.recreated) == (1, 0)
    assert not sandbox.subscriptions


def test_two_apps_see_their_own_lists(
    make_subscription: Callable[..., Subscription], app_registration: AppRegistration
) -> None:
    make_subscription()

    client = client_for(app_registration)

    assert reconcile().in_step == len(client.list_subscriptions()) == 1


def test_an_address_that_graph_cannot_reach_costs_one_subscription_at_most(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox, settings: Any
) -> None:
    for resource in ("/users", "/groups", "/users/9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3/contacts"):
        make_subscription(resource=resource, change_type="updated")
    Subscription.objects.update(lifecycle_notification_url="https://old.example/hook")
    message = "Subscription validation request failed. Notification endpoint must respond with 200 OK."
    sandbox.add_fault(
        method="POST",
        path="/subscriptions$",
        status=400,
        body={"error": {"code": "ValidationError", "message": message}},
        times=None,
    )

    summary = reconcile()

    assert (summary.drifted, summary.failed, len(sandbox.subscriptions)) == (3, 3, 2)
    assert "passed over" in summary.errors[-1]


def test_what_is_gone_while_graph_cannot_reach_us_is_left_to_the_next_renewal_runs(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox, settings: Any
) -> None:
    for resource in ("/users", "/groups"):
        sandbox.remove_subscription(
            make_subscription(resource=resource, change_type="updated").graph_id or ""
        )
    reachable, settings.PUBLIC_BASE_URL = settings.PUBLIC_BASE_URL, "http://127.0.0.1:9"
    reconcile()
    settings.PUBLIC_BASE_URL = reachable

    later = datetime.now(UTC) + timedelta(minutes=10)
    summary = renewal.renew_due(clock=lambda: later, actor="cron")

    assert (summary.recreated, len(sandbox.subscriptions)) == (2, 2)


def test_an_address_that_graph_cannot_reach_is_found_out_before_anything_is_deleted(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox, settings: Any
) -> None:
    row = make_subscription()
    settings.PUBLIC_BASE_URL = "http://127.0.0.1:9"

    summary = reconcile()

    assert (summary.drifted, summary.failed) == (1, 1)
    assert list(sandbox.subscriptions) == [row.graph_id]


def test_when_our_address_moves_all_move_with_it(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox, settings: Any
) -> None:
    make_subscription()
    settings.PUBLIC_BASE_URL = settings.PUBLIC_BASE_URL.replace("localhost", "127.0.0.1")

    summary = reconcile()

    [stored] = sandbox.subscriptions.values()
    assert (summary.drifted, summary.recreated) == (1, 1)
    assert stored.notification_url.startswith("http://127.0.0.1")
    assert str(stored.lifecycle_notification_url).startswith("http://127.0.0.1")
    assert reconcile().in_step == 1
