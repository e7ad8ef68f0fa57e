"""Named filters, the key of a wish, and what the database itself refuses."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from subscriptions.models import AppRegistration, EncryptionCertificate, Subscription

Make = Callable[..., Subscription]
MINUTE = timedelta(minutes=1)


def is_due(now: datetime, within: timedelta | None = None) -> bool:
    return Subscription.objects.due(now, within=within).exists()


@pytest.mark.parametrize("status", ["pending", "active", "gone"])
def test_it_is_due_from_its_time_on(make_row: Make, now: datetime, status: str) -> None:
    make_row(status=status, renew_at=now)

    assert is_due(now)
    assert not is_due(now - MINUTE)


@pytest.mark.parametrize(
    "changes", [{"status": "failed"}, {"status": "removed"}, {"is_enabled": False}, {"auto_renew": False}]
)
def test_what_is_not_to_be_renewed_is_never_due(
    make_row: Make, now: datetime, changes: dict[str, object]
) -> None:
    make_row(renew_at=now - MINUTE, **changes)

    assert not is_due(now, within=timedelta(days=9))


def test_within_adds_what_ends_soon(make_row: Make, now: datetime) -> None:
    make_row(expires_at=now + timedelta(hours=2), renew_at=now + timedelta(hours=1))

    assert is_due(now, within=timedelta(hours=2))
    assert not is_due(now, within=timedelta(hours=2) - MINUTE)


def test_within_does_not_add_what_was_never_at_graph(make_row: Make, now: datetime) -> None:
    make_row(status="pending", graph_id=None, expires_at=None, renew_at=now + MINUTE)

    assert not is_due(now, within=timedelta(days=9))


def test_a_claim_that_has_run_out_is_no_claim(make_row: Make, now: datetime) -> None:
    held = make_row(claimed_until=now + MINUTE)
    stale = make_row(claimed_until=now)
    free = make_row(claimed_until=None)

    assert set(Subscription.objects.unclaimed(now)) == {stale, free}
    assert held not in Subscription.objects.unclaimed(now)


def test_graphs_id_is_known_in_any_case(make_row: Make) -> None:
    row = make_row(graph_id="AbCdEf00-0000-0000-0000-000000000001")

    assert list(Subscription.objects.known_as(["aBcDeF00-0000-0000-0000-000000000001"])) == [row]
    assert not Subscription.objects.known_as(["abcdef00-0000-0000-0000-000000000002"]).exists()


def test_expired_is_what_still_says_active(make_row: Make, now: datetime) -> None:
    ended = make_row(expires_at=now)
    make_row(expires_at=now + MINUTE)
    make_row(status="gone", expires_at=now - MINUTE)

    assert list(Subscription.objects.expired(now)) == [ended]


def test_one_wish_exists_once(make_row: Make) -> None:
    make_row(resource="/users")

    with pytest.raises(IntegrityError), transaction.atomic():
        make_row(resource="/users")


def test_a_leading_slash_makes_no_other_wish(make_row: Make) -> None:
    make_row(resource="/users")

    with pytest.raises(IntegrityError), transaction.atomic():
        make_row(resource="users")


@pytest.mark.parametrize(
    "changes", [{"resource": "/groups"}, {"change_type": "updated"}, {"resource": "/users?$filter=a"}]
)
def test_another_wish_has_room(make_row: Make, changes: dict[str, str]) -> None:
    make_row(resource="/users")
    make_row(**{"resource": "/users", **changes})

    assert Subscription.objects.count() == 2


def test_another_app_may_wish_the_same(make_row: Make) -> None:
    make_row(resource="/users")
    other = AppRegistration.objects.create(name="Fabrikam", tenant_id="fabrikam.example", client_id="2")

    make_row(resource="/users", app_registration=other)

    assert Subscription.objects.count() == 2


def test_removed_rows_leave_room_for_the_wish(make_row: Make) -> None:
    make_row(resource="/users", status="removed")
    make_row(resource="/users", status="removed")
    make_row(resource="/users")

    assert Subscription.objects.count() == 3


def test_a_removed_row_cannot_come_back_beside_another(make_row: Make) -> None:
    removed = make_row(resource="/users", status="removed")
    make_row(resource="/users")

    removed.status = "gone"
    with pytest.raises(IntegrityError), transaction.atomic():
        removed.save()


def test_one_graph_id_in_two_spellings_is_one(make_row: Make) -> None:
    make_row(graph_id="ABCDEF00-0000-0000-0000-000000000001")

    with pytest.raises(IntegrityError), transaction.atomic():
        make_row(graph_id="abcdef00-0000-0000-0000-000000000001")


def test_rows_without_a_graph_id_do_not_collide(make_row: Make) -> None:
    make_row(status="pending", graph_id=None)
    make_row(status="pending", graph_id=None)

    assert Subscription.objects.count() == 2


@pytest.mark.parametrize("missing", ["graph_id", "expires_at"])
def test_an_active_row_has_its_facts(make_row: Make, missing: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_row(**{missing: None})


def test_content_needs_a_certificate(make_row: Make) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_row(include_resource_data=True)


def test_the_constraints_say_what_to_do(make_row: Make) -> None:
    existing = make_row(resource="/users")
    twin = Subscription(
        app_registration=existing.app_registration,
        resource="/users",
        change_type="created",
        include_resource_data=True,
    )

    with pytest.raises(ValidationError) as caught:
        twin.full_clean(exclude=["notification_url", "lifecycle_notification_url"])

    assert "open that one, or remove it first" in str(caught.value)
    assert "Choose the encryption certificate" in str(caught.value)


def test_a_certificate_in_use_cannot_be_deleted(make_row: Make, certificate: EncryptionCertificate) -> None:
    make_row(include_resource_data=True, encryption_certificate=certificate)

    with pytest.raises(IntegrityError):
        certificate.delete()


def test_a_client_state_names_its_row_and_is_never_the_same(make_row: Make) -> None:
    row = make_row()

    states = {row.new_client_state() for _ in range(50)}

    assert len(states) == 50
    assert all(state.startswith(f"{row.pk}.") and len(state) <= 128 for state in states)


def test_the_longest_row_number_leaves_the_client_state_within_graphs_limit() -> None:
    assert len(Subscription(pk=2**63 - 1).new_client_state()) <= 128


def test_only_an_active_row_is_believed_to_be_at_graph(make_row: Make) -> None:
    assert make_row().is_at_graph
    assert not make_row(status="gone").is_at_graph


def test_it_prints_with_its_id(make_row: Make) -> None:
    row = make_row(resource="/users")

    assert str(row) == f"{row.pk}: /users"
