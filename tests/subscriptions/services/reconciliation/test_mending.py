"""Mend: what differs is done away with, after Graph was asked again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from subscriptions.graph import errors
from subscriptions.models import EncryptionCertificate, FormerIdentity, Sighting, Subscription
from subscriptions.sandbox import RecordedRequest, Sandbox
from subscriptions.sandbox.stored import StoredSubscription
from subscriptions.services import reconciliation
from subscriptions.services.access.owners import Owner
from subscriptions.services.errors import BusyError, UseCaseError
from subscriptions.services.reconciliation import comparison, mending
from subscriptions.services.reconciliation.mending import Result

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Subscription]
Put = Callable[..., StoredSubscription]
Asked = Callable[..., list[RecordedRequest]]
ELSEWHERE = "https://elsewhere.example/hook"
ONE = r"/v1.0/subscriptions/[^/]+$"


def sighted(row: Subscription) -> Sighting:
    """Look at Graph, and return what was seen of a subscription."""
    owner = Owner(app_registration=row.app_registration, account=row.delegated_account)
    comparison.look(owner, clock=lambda: datetime.now(UTC), actor="test")
    return Sighting.objects.get(subscription=row)


def mend(row: Subscription) -> Result:
    return mending.mend(sighted(row), now=datetime.now(UTC), actor="test")


def moved(row: Subscription, sandbox: Sandbox, **changes: str) -> None:
    """Let somebody else change the subscription at Graph."""
    from dataclasses import replace

    stored = sandbox.subscriptions[str(row.graph_id)]
    sandbox.remove_subscription(stored.id)
    sandbox._shelf.add(replace(stored, **changes), lambda _: None)  # type: ignore[arg-type] # names of its fields


def test_an_address_is_moved_by_an_update_that_keeps_the_subscription(
    make_subscription: Make, sandbox: Sandbox, webhook: str
) -> None:
    row = make_subscription()
    moved(row, sandbox, notification_url=ELSEWHERE)

    assert mend(row) == Result.UPDATED
    [stored] = sandbox.subscriptions.values()
    assert (stored.id, stored.notification_url.startswith(webhook)) == (row.graph_id, True)
    assert Sighting.objects.get().state == "in_step"


def test_where_graph_does_not_take_an_update_it_is_created_again(
    make_subscription: Make, sandbox: Sandbox, webhook: str
) -> None:
    row = make_subscription()
    moved(row, sandbox, notification_url=ELSEWHERE)
    refusal = {"error": {"code": "InvalidRequest", "message": "Property notificationUrl cannot be changed."}}
    sandbox.add_fault(method="PATCH", status=400, body=refusal)

    assert mend(row) == Result.RECREATED
    [stored] = sandbox.subscriptions.values()
    assert stored.notification_url.startswith(webhook)
    assert FormerIdentity.objects.get().graph_id == row.graph_id


def test_what_cannot_reach_us_is_not_deleted_for_it(make_subscription: Make, sandbox: Sandbox) -> None:
    row = make_subscription()
    moved(row, sandbox, notification_url=ELSEWHERE)
    message = "Subscription validation request failed. Notification endpoint must respond with 200 OK to validation."
    sandbox.add_fault(
        method="PATCH", status=400, body={"error": {"code": "ValidationError", "message": message}}
    )

    with pytest.raises(errors.EndpointValidationError):
        mend(row)

    assert list(sandbox.subscriptions) == [row.graph_id]


def test_a_lifecycle_address_comes_only_by_creating_again(
    make_subscription: Make, sandbox: Sandbox, webhook: str
) -> None:
    row = make_subscription()
    moved(row, sandbox, lifecycle_notification_url=ELSEWHERE)
    Subscription.objects.update(lifecycle_notification_url=ELSEWHERE)

    assert mend(row) == Result.RECREATED
    [stored] = sandbox.subscriptions.values()
    assert str(stored.lifecycle_notification_url).startswith(webhook)


def test_content_for_a_certificate_that_is_not_here_is_turned_to_ours(
    make_subscription: Make, sandbox: Sandbox, certificate: EncryptionCertificate
) -> None:
    row = make_subscription(
        resource="/users/9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3/messages?$select=subject",
        include_resource_data=True,
        encryption_certificate=certificate,
    )
    moved(row, sandbox, encryption_certificate_id="theirs")

    assert mend(row) == Result.UPDATED
    [stored] = sandbox.subscriptions.values()
    assert stored.encryption_certificate_id == certificate.encryption_certificate_id


def test_what_has_come_back_meanwhile_is_left_as_it_is(make_subscription: Make, sandbox: Sandbox) -> None:
    row = make_subscription()
    stored = sandbox.subscriptions[str(row.graph_id)]
    sandbox.remove_subscription(stored.id)
    sighting = sighted(row)
    sandbox._shelf.add(stored, lambda _: None)

    assert sighting.state == "gone"
    assert mending.mend(sighting, now=datetime.now(UTC), actor="test") == Result.NOTHING
    assert list(sandbox.subscriptions) == [row.graph_id]


def test_one_without_a_client_state_gets_one_of_ours(make_subscription: Make, sandbox: Sandbox) -> None:
    row = make_subscription()
    Subscription.objects.update(client_state="")

    assert mend(row) == Result.RECREATED
    [stored] = sandbox.subscriptions.values()
    assert stored.client_state == Subscription.objects.get().client_state.reveal()
    assert str(stored.client_state).startswith(f"{row.pk}.")


def test_a_client_state_that_graph_shows_masked_changes_nothing(
    make_subscription: Make, sandbox: Sandbox
) -> None:
    row = make_subscription()
    moved(row, sandbox, client_state="********")

    assert mend(row) == Result.NOTHING
    assert list(sandbox.subscriptions) == [row.graph_id]


def test_a_pause_that_was_not_finished_is_finished(make_subscription: Make, sandbox: Sandbox) -> None:
    row = make_subscription()
    Subscription.objects.update(is_enabled=False)

    assert mend(row) == Result.PAUSED
    row.refresh_from_db()
    assert (row.status, sandbox.subscriptions) == ("gone", {})


def test_a_pause_that_was_killed_after_the_deletion_is_finished_by_a_run(
    make_subscription: Make, sandbox: Sandbox
) -> None:
    row = make_subscription()
    Subscription.objects.update(is_enabled=False)
    sandbox.remove_subscription(str(row.graph_id))

    reconciliation.reconcile(clock=lambda: datetime.now(UTC), actor="test")

    row.refresh_from_db()
    assert (row.is_paused, row.status, sandbox.subscriptions) == (True, "gone", {})


def test_a_row_in_other_hands_is_busy(make_subscription: Make, sandbox: Sandbox, now: datetime) -> None:
    row = make_subscription()
    sandbox.remove_subscription(str(row.graph_id))
    Subscription.objects.update(claim="theirs", claimed_until=now + timedelta(minutes=5))

    with pytest.raises(BusyError):
        mend(row)
    assert sandbox.subscriptions == {}


def test_of_two_runs_the_one_that_saw_an_older_state_does_nothing(
    make_subscription: Make, sandbox: Sandbox, at_once: Callable[..., list[object]], asked: Asked
) -> None:
    row = make_subscription()
    Subscription.objects.update(lifecycle_notification_url=ELSEWHERE)
    sighting = sighted(row)
    before = len(asked("POST"))
    sandbox.add_fault(method="GET", path=ONE, delay=2)

    at_once(lambda: mending.mend(Sighting.objects.get(pk=sighting.pk), now=datetime.now(UTC), actor="test"))

    assert len(asked("POST")) == before + 1
    assert len(sandbox.subscriptions) == 1


def test_what_nobody_asked_for_cannot_be_mended(make_subscription: Make) -> None:
    row = make_subscription()
    Subscription.objects.update(status="removed")

    with pytest.raises(UseCaseError, match="adopt it, or remove it"):
        mend(row)
