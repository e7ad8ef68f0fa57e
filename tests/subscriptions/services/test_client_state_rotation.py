"""Rotate: a new clientState at Graph, an overlap, and an end of the old one."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from subscriptions.graph import errors
from subscriptions.models import FormerIdentity, Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.services import client_state_rotation, creation, identities, recreation, renewal
from subscriptions.services.errors import UseCaseError

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Subscription]
LIST = r"/v1.0/subscriptions$"


def rotate(row: Subscription, now: datetime) -> Subscription:
    return client_state_rotation.rotate(row, now=now, actor="alice")


def states_of(row: Subscription, *graph_ids: str | None) -> list[str]:
    found = identities.find([(graph_id or "", None) for graph_id in graph_ids], cached=False)
    return [identity.client_state if identity else "unknown" for identity in found]


def test_graph_has_the_new_client_state_and_only_that(
    make_subscription: Make, sandbox: Sandbox, now: datetime
) -> None:
    row = make_subscription()
    old_id, old_state = row.graph_id, row.client_state.reveal()

    rotate(row, now)

    row.refresh_from_db()
    (at_graph,) = sandbox.subscriptions.values()
    assert (at_graph.id, at_graph.client_state) == (row.graph_id, row.client_state.reveal())
    assert (row.graph_id == old_id, row.client_state.reveal() == old_state) == (False, False)


def test_both_are_known_each_by_its_own_client_state(make_subscription: Make, now: datetime) -> None:
    row = make_subscription()
    old_id, old_state = row.graph_id, row.client_state.reveal()

    rotate(row, now)

    row.refresh_from_db()
    assert states_of(row, old_id, row.graph_id) == [old_state, row.client_state.reveal()]


def test_two_rotations_keep_both_former_client_states(make_subscription: Make, now: datetime) -> None:
    row = make_subscription()
    former: list[tuple[str | None, str]] = []
    for _ in range(2):
        former.append((row.graph_id, row.client_state.reveal()))
        rotate(row, now)
        row.refresh_from_db()

    assert states_of(row, *(graph_id for graph_id, _ in former)) == [state for _, state in former]


def test_the_gap_is_marked(make_subscription: Make, now: datetime) -> None:
    row = make_subscription()

    rotate(row, now)

    assert Subscription.objects.get().missed_at == now


def test_when_graph_refuses_the_deletion_nothing_has_changed(
    make_subscription: Make, sandbox: Sandbox, now: datetime
) -> None:
    row = make_subscription()
    before = row.client_state.reveal()
    sandbox.add_fault(method="DELETE", status=403, body={"error": {"code": "ExtensionError"}})

    with pytest.raises(errors.AccessDeniedError):
        rotate(row, now)

    row.refresh_from_db()
    assert (row.status, row.client_state.reveal(), row.missed_at) == ("active", before, None)
    assert not FormerIdentity.objects.exists()


def test_when_graph_refuses_the_creation_the_renewal_run_finishes_the_rotation(
    make_subscription: Make, sandbox: Sandbox, now: datetime
) -> None:
    row = make_subscription(lifetime_minutes=90)
    before = row.client_state.reveal()
    sandbox.add_fault(method="POST", path=LIST, status=403, body={"error": {"code": "ExtensionError"}})

    with pytest.raises(errors.AccessDeniedError):
        rotate(row, now)
    summary = renewal.renew_due(clock=lambda: now + timedelta(minutes=1), actor="cron")

    row.refresh_from_db()
    (at_graph,) = sandbox.subscriptions.values()
    assert summary.recreated == 1
    assert before != row.client_state.reveal() == at_graph.client_state


def test_one_that_is_gone_comes_back_with_a_new_client_state(
    make_subscription: Make, sandbox: Sandbox, now: datetime
) -> None:
    row = make_subscription()
    before = row.client_state.reveal()
    sandbox.remove_subscription(row.graph_id or "")
    Subscription.objects.update(status="gone")
    row.refresh_from_db()

    rotate(row, now)

    assert before != Subscription.objects.get().client_state.reveal()


@pytest.mark.parametrize(
    ("status", "word"), [("removed", "retired"), ("failed", "failed"), ("pending", "pending")]
)
def test_one_that_is_not_at_graph_is_refused(
    status: str, word: str, make_subscription: Make, now: datetime
) -> None:
    row = make_subscription()
    Subscription.objects.update(status=status)
    row.refresh_from_db()

    with pytest.raises(UseCaseError, match=f"while the subscription is {word}"):
        rotate(row, now)


def test_one_whose_creation_was_never_answered_is_left_until_that_is_known(
    make_subscription: Make, now: datetime
) -> None:
    row = make_subscription()
    Subscription.objects.update(status="gone", error_code=creation.OUTCOME_UNKNOWN)
    row.refresh_from_db()

    with pytest.raises(UseCaseError, match="has not answered"):
        rotate(row, now)

    assert Subscription.objects.get().client_state == row.client_state


def test_one_that_fails_does_not_stop_the_rest(
    make_subscription: Make, sandbox: Sandbox, now: datetime
) -> None:
    rows = [make_subscription(), make_subscription(resource="/users", change_type="updated")]
    sandbox.add_fault(method="DELETE", status=403, body={"error": {"code": "ExtensionError"}})

    summary = client_state_rotation.rotate_all(rows, clock=lambda: now, actor="alice")

    assert (summary.due, summary.rotated, summary.failed) == (2, 1, 1)
    assert f"Subscription {rows[0]}" in summary.errors[0]


def test_recreating_keeps_the_client_state(make_subscription: Make, now: datetime) -> None:
    row = make_subscription()
    before = row.client_state.reveal()

    recreation.recreate(row, now=now, actor="alice")

    assert Subscription.objects.get().client_state.reveal() == before


def test_the_old_client_state_is_wiped_by_the_renewal_run_when_its_time_is_over(
    make_subscription: Make, now: datetime
) -> None:
    rotate(make_subscription(), now)
    over_at = now + recreation.FORMER_ID_ACCEPTED

    renewal.renew_due(clock=lambda: over_at - timedelta(seconds=1), actor="cron")
    during = bool(FormerIdentity.objects.get().client_state)
    renewal.renew_due(clock=lambda: over_at, actor="cron")

    assert (during, bool(FormerIdentity.objects.get().client_state)) == (True, False)
    assert client_state_rotation.wipe_former_client_states(now=over_at) == 0
