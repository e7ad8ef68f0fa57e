"""Lifecycle notices: what they make us do at Graph, and what never makes us do anything."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse

from notifications.models import ChangeNotification
from notifications.services import engine, processing
from notifications.services.processing import handling
from subscriptions.models import Subscription
from subscriptions.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

Item = dict[str, Any]
SubscriptionMaker = Callable[..., Subscription]
Speller = Callable[..., Item]
Post = Callable[..., HttpResponse]


@pytest.fixture
def subscription(make_subscription: SubscriptionMaker) -> Subscription:
    """Create a subscription at the sandbox."""
    return make_subscription()


@pytest.fixture
def notify(post: Post, item_of: Speller) -> Callable[..., dict[str, Any]]:
    """Return a function that posts a lifecycle notice about a subscription and lets us act on it."""

    def send(subscription: Subscription, event: str, **changes: Any) -> dict[str, Any]:
        notice = item_of(
            subscription, changeType=None, resource=None, resourceData=None, lifecycleEvent=event
        )
        assert post({"value": [{**notice, **changes}]}, path="/webhooks/graph/lifecycle").status_code == 202
        return engine.work_once()

    return send


def calls(sandbox: Sandbox, method: str, ending: str = "") -> int:
    asked = [one for one in sandbox.requests if one.method == method and one.path.endswith(ending)]
    return len([one for one in asked if "/subscriptions" in one.path])


def handle(*, after: timedelta = timedelta()) -> handling.Summary:
    return handling.handle(clock=lambda: datetime.now(UTC) + after)


def test_a_subscription_that_has_to_be_reauthorized_is(
    subscription: Subscription, sandbox: Sandbox, notify: Callable[..., dict[str, Any]]
) -> None:
    counts = notify(subscription, "reauthorizationRequired")

    subscription.refresh_from_db()
    assert counts["handled"] == 1
    assert calls(sandbox, "POST", "/reauthorize") == 1
    assert subscription.reauthorized_at is not None
    assert ChangeNotification.objects.get().handling == "Reauthorized."


def test_within_ten_minutes_of_a_reauthorization_nothing_is_sent_again(
    subscription: Subscription, sandbox: Sandbox, notify: Callable[..., dict[str, Any]]
) -> None:
    notify(subscription, "reauthorizationRequired")

    notify(subscription, "reauthorizationRequired", subscriptionExpirationDateTime="2027-01-01T00:00:00Z")

    assert calls(sandbox, "POST", "/reauthorize") == 1
    assert ChangeNotification.objects.filter(handling__startswith="Nothing to do").count() == 1


def test_within_ten_minutes_of_a_renewal_nothing_is_sent(
    subscription: Subscription, sandbox: Sandbox, notify: Callable[..., dict[str, Any]]
) -> None:
    Subscription.objects.update(renewed_at=datetime.now(UTC) - timedelta(minutes=9))

    notify(subscription, "reauthorizationRequired")

    assert calls(sandbox, "POST", "/reauthorize") == 0


def test_a_notice_that_comes_again_later_is_acted_on_again(
    subscription: Subscription, sandbox: Sandbox, notify: Callable[..., dict[str, Any]]
) -> None:
    notify(subscription, "reauthorizationRequired")
    earlier = datetime.now(UTC) - timedelta(minutes=15)
    ChangeNotification.objects.update(received_at=earlier)
    Subscription.objects.update(reauthorized_at=earlier)

    notify(subscription, "reauthorizationRequired")

    assert calls(sandbox, "POST", "/reauthorize") == 2


def test_a_removed_subscription_is_created_again(subscription: Subscription, sandbox: Sandbox) -> None:
    former = str(subscription.graph_id)
    sandbox.send_lifecycle(former, "subscriptionRemoved")
    sandbox.flush(10)

    engine.work_once()

    subscription.refresh_from_db()
    assert list(sandbox.subscriptions) == [subscription.graph_id]
    assert subscription.graph_id != former
    assert (subscription.status, subscription.missed_at is not None) == ("active", True)


def test_a_second_word_of_a_removal_creates_no_second_subscription(
    subscription: Subscription, sandbox: Sandbox, notify: Callable[..., dict[str, Any]]
) -> None:
    former = subscription.graph_id
    notify(subscription, "subscriptionRemoved")

    notify(
        subscription,
        "subscriptionRemoved",
        subscriptionId=former,
        subscriptionExpirationDateTime="2027-01-01T00:00:00Z",
    )

    assert len(sandbox.subscriptions) == 1
    assert calls(sandbox, "POST", "/subscriptions") == 2
    assert ChangeNotification.objects.filter(handling__contains="earlier form").count() == 1


def test_missed_changes_are_remembered(
    subscription: Subscription, notify: Callable[..., dict[str, Any]]
) -> None:
    notify(subscription, "missed")

    subscription.refresh_from_db()
    assert subscription.missed_at is not None


@pytest.mark.parametrize("event", ["reauthorizationRequired", "subscriptionRemoved", "missed"])
@pytest.mark.parametrize("client_state", ["guessed", None, ""])
def test_a_forged_notice_does_nothing(
    event: str,
    client_state: str | None,
    subscription: Subscription,
    sandbox: Sandbox,
    notify: Callable[..., dict[str, Any]],
) -> None:
    before = len(sandbox.requests)

    counts = notify(subscription, event, clientState=client_state)

    subscription.refresh_from_db()
    assert counts["handled"] == 0
    assert len(sandbox.requests) == before
    assert subscription.missed_at is None
    assert ChangeNotification.objects.get().state == "rejected"


def test_an_unknown_event_is_kept_and_does_nothing(
    subscription: Subscription, sandbox: Sandbox, notify: Callable[..., dict[str, Any]]
) -> None:
    before = len(sandbox.requests)

    counts = notify(subscription, "somethingNew")

    assert (counts["handled"], counts["errors"], len(sandbox.requests)) == (0, [], before)
    assert ChangeNotification.objects.get().lifecycle_event == "somethingNew"


@pytest.mark.parametrize("event", ["reauthorizationRequired", "subscriptionRemoved"])
def test_a_disabled_subscription_stays_as_it_is(
    event: str, subscription: Subscription, sandbox: Sandbox, notify: Callable[..., dict[str, Any]]
) -> None:
    Subscription.objects.update(is_enabled=False)
    before = len(sandbox.requests)

    notify(subscription, event)

    assert len(sandbox.requests) == before


def test_a_notice_that_graph_fails_on_is_tried_again_and_not_lost(
    subscription: Subscription, sandbox: Sandbox, notify: Callable[..., dict[str, Any]]
) -> None:
    sandbox.add_fault(path="/reauthorize", status=403, body={"error": {"code": "ExtensionError"}}, times=1)

    counts = notify(subscription, "reauthorizationRequired")
    at_once = handle()
    later = handle(after=handling.RETRY_AFTER + timedelta(seconds=5))

    assert (counts["handled"], len(counts["errors"])) == (0, 1)
    assert (at_once.handled, at_once.errors) == (0, [])
    assert (later.handled, later.errors) == (1, [])


def test_a_notice_that_fails_stops_no_other(
    make_subscription: SubscriptionMaker, sandbox: Sandbox, post: Post, item_of: Speller
) -> None:
    first = make_subscription()
    second = make_subscription(resource="/users/9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3/events")
    sandbox.add_fault(path=f"{first.graph_id}/reauthorize", status=403, times=None)
    event = {"changeType": None, "resource": None, "lifecycleEvent": "reauthorizationRequired"}
    post({"value": [item_of(first, **event), item_of(second, **event)]})

    counts = engine.work_once()

    second.refresh_from_db()
    assert (counts["handled"], len(counts["errors"])) == (1, 1)
    assert second.reauthorized_at is not None


def test_a_notice_that_fails_for_half_a_day_is_given_up_with_the_reason(
    subscription: Subscription, sandbox: Sandbox, notify: Callable[..., dict[str, Any]]
) -> None:
    sandbox.add_fault(path="/reauthorize", status=403, times=None)
    notify(subscription, "reauthorizationRequired")
    Subscription.objects.update(renew_at=None)

    handle(after=handling.GIVE_UP_AFTER + timedelta(minutes=1))

    row = ChangeNotification.objects.get()
    assert row.handled_at is not None
    assert row.handling.endswith("Given up.")
    assert handle(after=timedelta(days=2)).errors == []


def test_a_removal_that_cannot_be_mended_at_once_is_left_to_the_renewal_run(
    subscription: Subscription, sandbox: Sandbox
) -> None:
    sandbox.add_fault(method="POST", path="/v1.0/subscriptions", status=503, times=None)
    sandbox.send_lifecycle(str(subscription.graph_id), "subscriptionRemoved")
    sandbox.flush(10)

    engine.work_once()

    now = datetime.now(UTC) + timedelta(hours=1)
    assert Subscription.objects.due(now).filter(pk=subscription.pk).exists()


def test_a_notice_about_a_subscription_that_was_deleted_here_does_nothing(
    subscription: Subscription, notify: Callable[..., dict[str, Any]], sandbox: Sandbox
) -> None:
    Subscription.objects.update(claim="busy", claimed_until=datetime.now(UTC) + timedelta(hours=1))
    notify(subscription, "reauthorizationRequired")
    ChangeNotification.objects.update(subscription=None)
    before = len(sandbox.requests)

    later = handle(after=timedelta(minutes=10))

    assert (later.handled, len(sandbox.requests)) == (1, before)
    assert ChangeNotification.objects.get().handling.startswith("Nothing to do")


def test_two_workers_act_on_one_notice_once(
    subscription: Subscription, sandbox: Sandbox, post: Post, item_of: Speller
) -> None:
    event = {"changeType": None, "resource": None, "lifecycleEvent": "reauthorizationRequired"}
    post({"value": [item_of(subscription, **event)]})
    processing.process(clock=lambda: datetime.now(UTC))
    sandbox.add_fault(path="/reauthorize", delay=0.5, times=None)
    summaries: list[handling.Summary] = []

    def work() -> None:
        summaries.append(handle())
        connection.close()

    threads = [Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert calls(sandbox, "POST", "/reauthorize") == 1
    assert sum(summary.handled for summary in summaries) == 1
    assert [summary.errors for summary in summaries] == [[], [], []]


def test_a_notice_whose_worker_was_killed_is_taken_over(
    subscription: Subscription, sandbox: Sandbox, post: Post, item_of: Speller
) -> None:
    event = {"changeType": None, "resource": None, "lifecycleEvent": "reauthorizationRequired"}
    post({"value": [item_of(subscription, **event)]})
    processing.process(clock=lambda: datetime.now(UTC))
    ChangeNotification.objects.update(handle_after=datetime.now(UTC) + handling.ATTEMPT_LASTS)

    assert handle().handled == 0
    assert handle(after=handling.ATTEMPT_LASTS + timedelta(seconds=5)).handled == 1
    assert calls(sandbox, "POST", "/reauthorize") == 1
