"""Reauthorize: once, not too close to a renewal, and never for what is gone."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from subscriptions.graph import errors
from subscriptions.models import FormerIdentity, Operation, Subscription
from subscriptions.sandbox import RecordedRequest, Sandbox
from subscriptions.services import reauthorization
from subscriptions.services.errors import BusyError

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Subscription]
Asked = Callable[..., list[RecordedRequest]]
MINUTE = timedelta(minutes=1)
REAUTHORIZE = r"/reauthorize$"


def reauthorize(row: Subscription, now: datetime) -> str:
    return reauthorization.reauthorize(row, now=now, actor="lifecycle notice")


def test_it_is_confirmed_and_its_expiry_stays(
    make_subscription: Make, sandbox: Sandbox, now: datetime, asked: Asked
) -> None:
    row = make_subscription()
    before = row.expires_at

    answer = reauthorize(row, now)

    row.refresh_from_db()
    assert answer == "Reauthorized."
    assert (row.reauthorized_at, row.expires_at, row.claim) == (now, before, "")
    assert sandbox.subscriptions[row.graph_id or ""].reauthorized_at
    assert (len(asked("POST", REAUTHORIZE)), len(asked("PATCH"))) == (1, 0)


@pytest.mark.parametrize("column", ["renewed_at", "reauthorized_at"])
def test_within_ten_minutes_nothing_is_sent(
    make_subscription: Make, now: datetime, asked: Asked, column: str
) -> None:
    row = make_subscription()
    setattr(row, column, now - timedelta(minutes=9))
    row.save()

    assert reauthorize(row, now).startswith("Nothing to do")
    assert asked("POST", REAUTHORIZE) == []


def test_after_ten_minutes_it_is_sent(make_subscription: Make, now: datetime) -> None:
    row = make_subscription()
    row.renewed_at = now - 10 * MINUTE
    row.save()

    assert reauthorize(row, now) == "Reauthorized."


def test_what_another_worker_did_meanwhile_counts(
    make_subscription: Make, now: datetime, asked: Asked
) -> None:
    row = make_subscription()
    Subscription.objects.update(renewed_at=now - MINUTE)

    answer = reauthorize(row, now)

    row.refresh_from_db()
    assert answer.startswith("Nothing to do")
    assert (row.claim, asked("POST", REAUTHORIZE)) == ("", [])


@pytest.mark.parametrize("due_in", [-MINUTE, 9 * MINUTE])
def test_what_is_due_or_will_be_at_once_is_renewed_instead(
    make_subscription: Make, now: datetime, asked: Asked, due_in: timedelta
) -> None:
    row = make_subscription()
    row.renew_at = now + due_in
    row.save()

    assert reauthorize(row, now) == "Renewed, which reauthorizes as well."
    assert (len(asked("POST", REAUTHORIZE)), len(asked("PATCH"))) == (0, 1)


def test_what_is_not_to_be_renewed_is_only_reauthorized(make_subscription: Make, now: datetime) -> None:
    row = make_subscription(auto_renew=False)
    row.renew_at = now
    row.save()

    assert reauthorize(row, now) == "Reauthorized."


def test_what_is_gone_is_created_again(make_subscription: Make, sandbox: Sandbox, now: datetime) -> None:
    row = make_subscription()
    sandbox.remove_subscription(row.graph_id or "")

    answer = reauthorize(row, now)

    row.refresh_from_db()
    assert "created again" in answer
    assert [row.graph_id] == list(sandbox.subscriptions)
    assert FormerIdentity.objects.exists()


def test_a_refusal_is_kept_on_the_row(make_subscription: Make, sandbox: Sandbox, now: datetime) -> None:
    row = make_subscription()
    sandbox.add_fault(path=REAUTHORIZE, status=403, body={"error": {"code": "ExtensionError"}})

    with pytest.raises(errors.AccessDeniedError):
        reauthorize(row, now)

    row.refresh_from_db()
    assert (row.error_code, row.claim, row.reauthorized_at) == ("ExtensionError", "", None)


def test_a_row_in_other_hands_is_busy(make_subscription: Make, now: datetime) -> None:
    row = make_subscription()
    Subscription.objects.update(claim="theirs", claimed_until=now + MINUTE)

    with pytest.raises(BusyError):
        reauthorize(row, now)


def test_it_is_on_the_log_with_who_asked(make_subscription: Make, now: datetime) -> None:
    row = make_subscription()

    reauthorize(row, now)

    operation = Operation.objects.get(action="reauthorize")
    assert (operation.actor, operation.status_code, operation.graph_id) == (
        "lifecycle notice",
        204,
        row.graph_id,
    )
    assert len(operation.request_id) == 36
