"""Recreate: a new subscription for the old wish, and the old id stays known."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from subscriptions.graph import errors
from subscriptions.models import FormerIdentity, Subscription
from subscriptions.sandbox import RecordedRequest, Sandbox
from subscriptions.services import creation, recreation, removal, renewal
from subscriptions.services.errors import BusyError, WishExistsError

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Subscription]
Asked = Callable[..., list[RecordedRequest]]
LIST = r"/v1.0/subscriptions$"


def recreate(row: Subscription, now: datetime) -> Subscription:
    return recreation.recreate(row, now=now, actor="alice")


def test_an_active_one_is_deleted_first(
    make_subscription: Make, sandbox: Sandbox, now: datetime, asked: Asked
) -> None:
    row = make_subscription()
    old_id = row.graph_id

    recreate(row, now)

    row.refresh_from_db()
    assert [row.graph_id] == list(sandbox.subscriptions)
    assert row.graph_id != old_id
    assert len(asked("DELETE")) == 1
    assert FormerIdentity.objects.get().graph_id == old_id


def test_the_former_id_is_kept_in_lower_case(
    make_subscription: Make, sandbox: Sandbox, now: datetime
) -> None:
    row = make_subscription()
    old_id = row.graph_id or ""
    Subscription.objects.update(graph_id=old_id.upper(), status="gone")
    sandbox.remove_subscription(old_id)

    recreate(row, now)

    assert FormerIdentity.objects.get().graph_id == old_id


def test_the_gap_is_marked_from_its_beginning(make_subscription: Make, now: datetime) -> None:
    first, second = make_subscription(), make_subscription(resource="/users", change_type="updated")
    Subscription.objects.filter(pk=second.pk).update(missed_at=now - timedelta(hours=1))

    recreate(first, now)
    recreate(second, now)

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.missed_at, second.missed_at) == (now, now - timedelta(hours=1))


def test_one_that_graph_never_had_has_missed_nothing(
    make_wish: Make, sandbox: Sandbox, now: datetime
) -> None:
    row = make_wish()
    sandbox.add_fault(
        method="POST", path=LIST, status=403, body={"error": {"code": "ExtensionError"}}, times=2
    )
    for attempt in (creation.create, recreation.recreate):
        with pytest.raises(errors.AccessDeniedError):
            attempt(row, now=now, actor="alice")

    found = [Subscription.objects.values_list("status", "missed_at").get()]
    recreate(row, now)
    found.append(Subscription.objects.values_list("status", "missed_at").get())

    assert found == [("failed", None), ("active", None)]


def test_a_removed_one_comes_back(make_subscription: Make, sandbox: Sandbox, now: datetime) -> None:
    row = removal.remove(make_subscription(), now=now, actor="alice")

    recreate(row, now)

    row.refresh_from_db()
    assert (row.status, row.graph_id) == ("active", *sandbox.subscriptions)


def test_a_removed_one_does_not_take_anothers_wish(
    make_subscription: Make, sandbox: Sandbox, now: datetime
) -> None:
    removed = removal.remove(make_subscription(), now=now, actor="alice")
    other = make_subscription()

    with pytest.raises(WishExistsError) as caught:
        recreate(removed, now)

    removed.refresh_from_db()
    assert caught.value.existing == other
    assert (removed.status, removed.claim) == ("removed", "")
    assert not FormerIdentity.objects.exists()
    assert [other.graph_id] == list(sandbox.subscriptions)


def test_when_graph_refuses_the_deletion_the_row_stays(
    make_subscription: Make, sandbox: Sandbox, now: datetime
) -> None:
    row = make_subscription()
    sandbox.add_fault(method="DELETE", status=403, body={"error": {"code": "ExtensionError"}})

    with pytest.raises(errors.AccessDeniedError):
        recreate(row, now)

    row.refresh_from_db()
    assert (row.status, row.error_code, row.claim) == ("active", "ExtensionError", "")
    # Due at once, as it would have been had the process died without the answer.
    assert row.renew_at == now


def test_when_graph_refuses_the_creation_the_next_run_tries_again(
    make_subscription: Make, sandbox: Sandbox, now: datetime
) -> None:
    row = make_subscription(lifetime_minutes=90)
    sandbox.add_fault(method="POST", path=LIST, status=403, body={"error": {"code": "ExtensionError"}})

    with pytest.raises(errors.AccessDeniedError):
        recreate(row, now)
    row.refresh_from_db()
    status, renew_at = row.status, row.renew_at
    summary = renewal.renew_due(clock=lambda: now + timedelta(minutes=1), actor="cron")

    assert (status, renew_at) == ("gone", now + timedelta(minutes=1))
    assert summary.recreated == 1


def test_while_the_new_one_is_made_the_row_is_due_should_the_process_die(
    make_subscription: Make, now: datetime, watched_webhook: Callable[[Callable[[], None]], None]
) -> None:
    row = make_subscription()
    seen: list[tuple[str, str | None, datetime | None]] = []
    watched_webhook(lambda: seen.extend(Subscription.objects.values_list("status", "graph_id", "renew_at")))

    recreate(row, now)

    assert seen == [("gone", None, now)] * 2


def test_a_row_in_other_hands_is_busy(make_subscription: Make, now: datetime) -> None:
    row = make_subscription()
    Subscription.objects.update(claim="theirs", claimed_until=now + timedelta(minutes=1))

    with pytest.raises(BusyError):
        recreate(row, now)
