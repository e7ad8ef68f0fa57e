"""Remove: at Graph first, and never a subscription that nobody knows."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from subscriptions.graph import errors
from subscriptions.models import Operation, Subscription
from subscriptions.sandbox import RecordedRequest, Sandbox
from subscriptions.services import creation, removal
from subscriptions.services.errors import BusyError

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Subscription]
Asked = Callable[..., list[RecordedRequest]]
LIST = r"/v1.0/subscriptions$"
DENIED = {"error": {"code": "ExtensionError", "message": "Access denied"}}


def remove(row: Subscription, now: datetime) -> Subscription:
    return removal.remove(row, now=now, actor="alice")


@pytest.fixture
def unanswered(make_wish: Make, sandbox: Sandbox, now: datetime) -> Subscription:
    """Save a subscription that Graph made without our seeing the answer."""
    sandbox.add_fault(method="POST", path=LIST, act=True, drop=True)
    sandbox.add_fault(method="GET", path=LIST, status=403, body=DENIED)
    row = make_wish()
    with pytest.raises(errors.UnreachableError):
        creation.create(row, now=now, actor="alice")
    assert len(sandbox.subscriptions) == 1
    return row


def test_it_ends_at_graph_and_the_row_stays(make_subscription: Make, sandbox: Sandbox, now: datetime) -> None:
    row = make_subscription()
    Subscription.objects.update(missed_at=now, error_code="old")

    remove(row, now)

    row.refresh_from_db()
    assert sandbox.subscriptions == {}
    assert (row.status, row.renew_at, row.missed_at, row.error_code) == ("removed", None, None, "")
    assert (row.claim, Operation.objects.filter(action="remove", status_code=204).count()) == ("", 1)


def test_what_graph_no_longer_has_counts_as_removed(
    make_subscription: Make, sandbox: Sandbox, now: datetime
) -> None:
    row = make_subscription()
    sandbox.remove_subscription(row.graph_id or "")

    assert remove(row, now).status == "removed"


def test_what_was_never_sent_is_removed_without_asking_graph(
    make_wish: Make, sandbox: Sandbox, now: datetime
) -> None:
    row = creation.plan(make_wish(), now=now)

    assert remove(row, now).status == "removed"
    assert sandbox.requests == []


def test_what_graph_made_unseen_is_removed_there(
    unanswered: Subscription, sandbox: Sandbox, now: datetime
) -> None:
    assert remove(unanswered, now).status == "removed"
    assert sandbox.subscriptions == {}


def test_what_graph_made_unseen_is_looked_for_until_graph_can_be_asked(
    unanswered: Subscription, sandbox: Sandbox, now: datetime
) -> None:
    sandbox.add_fault(method="GET", path=LIST, status=403, body=DENIED)

    with pytest.raises(errors.AccessDeniedError):
        remove(unanswered, now)

    assert remove(unanswered, now).status == "removed"
    assert sandbox.subscriptions == {}


def test_what_somebody_else_made_there_is_not_removed(
    unanswered: Subscription, sandbox: Sandbox, now: datetime
) -> None:
    Subscription.objects.update(client_state="another")

    assert remove(unanswered, now).status == "removed"
    assert len(sandbox.subscriptions) == 1


def test_a_refusal_keeps_the_row(make_subscription: Make, sandbox: Sandbox, now: datetime) -> None:
    row = make_subscription()
    sandbox.add_fault(method="DELETE", status=403, body=DENIED)

    with pytest.raises(errors.AccessDeniedError):
        remove(row, now)

    row.refresh_from_db()
    assert (row.status, row.error_code, row.claim) == ("active", "ExtensionError", "")
    assert row.renew_at
    assert len(sandbox.subscriptions) == 1


def test_it_is_removed_once(make_subscription: Make, now: datetime) -> None:
    row = remove(make_subscription(), now)

    with pytest.raises(BusyError):
        remove(row, now)


def test_a_row_in_other_hands_is_busy(make_subscription: Make, now: datetime, asked: Asked) -> None:
    row = make_subscription()
    Subscription.objects.update(claim="theirs", claimed_until=now + timedelta(minutes=1))

    with pytest.raises(BusyError):
        remove(row, now)
    assert asked("DELETE") == []


def test_a_removed_wish_can_be_wished_again(make_subscription: Make, sandbox: Sandbox, now: datetime) -> None:
    remove(make_subscription(), now)

    again = make_subscription()

    assert [again.graph_id] == list(sandbox.subscriptions)
