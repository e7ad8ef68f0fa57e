"""Delete: nothing that Graph still acts on, and the owner of subscriptions only after them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from subscriptions.models import AppRegistration, DelegatedAccount, FormerIdentity, Operation, Subscription
from subscriptions.sandbox import RecordedRequest, Sandbox
from subscriptions.services import deletion, pausing, removal
from subscriptions.services.deletion import Departure, NotDeletableError

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Subscription]
Asked = Callable[..., list[RecordedRequest]]
DENIED = {"error": {"code": "ExtensionError", "message": "Access denied"}}


def delete(owner: AppRegistration | DelegatedAccount, **options: datetime) -> Departure:
    return deletion.delete_owner(owner, clock=lambda: datetime.now(UTC), actor="alice", **options)


@pytest.mark.parametrize("status", ["pending", "active", "failed", "gone"])
def test_what_is_not_retired_is_not_deleted(make_subscription: Make, now: datetime, status: str) -> None:
    row = make_subscription()
    Subscription.objects.update(status=status)

    assert deletion.delete_retired([row.pk], now=now) == 0
    assert Subscription.objects.exists()


def test_a_retired_one_in_other_hands_is_not_deleted(make_subscription: Make, now: datetime) -> None:
    row = removal.remove(make_subscription(), now=now, actor="test")
    Subscription.objects.update(claim="theirs", claimed_until=now + timedelta(minutes=1))

    assert deletion.delete_retired([row.pk], now=now) == 0


def test_history_is_named_by_what_becomes_of_it(make_subscription: Make, now: datetime) -> None:
    pausing.pause(make_subscription(), now=now, actor="test")

    history = deletion.history_of(Subscription.objects.all())

    assert history.goes == {"former identities": "1", "gaps": "1"}
    assert history.stays == {"operations": "2"}


def test_an_app_registration_takes_its_subscriptions_from_graph_first(
    make_subscription: Make, app_registration: AppRegistration, sandbox: Sandbox
) -> None:
    make_subscription(), make_subscription(resource="/users", change_type="updated")

    departure = delete(app_registration)

    assert (departure.is_deleted, departure.removed, sandbox.subscriptions) == (True, 2, {})
    assert not AppRegistration.objects.exists()
    assert not Subscription.objects.exists()
    assert Operation.objects.filter(action="remove", app_registration=None).count() == 2


def test_an_app_registration_with_history_only_is_deleted_without_asking_graph(
    make_subscription: Make, app_registration: AppRegistration, now: datetime, asked: Asked
) -> None:
    removal.remove(make_subscription(), now=now, actor="test")
    before = len(asked("DELETE"))

    assert delete(app_registration).is_deleted
    assert len(asked("DELETE")) == before
    assert not FormerIdentity.objects.exists()


def test_where_one_cannot_be_removed_nothing_is_deleted_and_it_can_be_done_again(
    make_subscription: Make, app_registration: AppRegistration, sandbox: Sandbox
) -> None:
    make_subscription(), make_subscription(resource="/users", change_type="updated")
    sandbox.add_fault(method="DELETE", status=403, body=DENIED)

    departure = delete(app_registration)

    assert (departure.is_deleted, departure.removed, departure.left) == (False, 1, 1)
    assert "Access denied" in departure.reasons[0]
    assert delete(app_registration).is_deleted
    assert sandbox.subscriptions == {}


def test_a_dead_credential_is_tried_once_and_says_when_it_ends_by_itself(
    make_subscription: Make, app_registration: AppRegistration, sandbox: Sandbox
) -> None:
    make_subscription(), make_subscription(resource="/users", change_type="updated")
    sandbox.add_fault(method="DELETE", status=401, times=None)

    departure = delete(app_registration)

    assert (departure.removed, departure.left, len(departure.reasons)) == (0, 2, 1)
    assert "lapses by itself at" in departure.reasons[0]


def test_what_has_lapsed_does_not_hold_a_dead_app_registration_back(
    make_subscription: Make, app_registration: AppRegistration, sandbox: Sandbox, now: datetime
) -> None:
    make_subscription(), make_subscription(resource="/users", change_type="updated")
    Subscription.objects.update(expires_at=now - timedelta(minutes=1))
    sandbox.add_fault(method="DELETE", status=401, times=None)

    assert delete(app_registration).is_deleted


def test_a_page_does_what_it_can_in_its_time(
    make_subscription: Make, app_registration: AppRegistration, now: datetime
) -> None:
    make_subscription()

    departure = delete(app_registration, until=now - timedelta(seconds=1))

    assert (departure.is_deleted, departure.removed, departure.left) == (False, 0, 1)
    assert AppRegistration.objects.exists()


def test_an_account_takes_its_own_subscriptions_only(
    make_subscription: Make, sign_in: Callable[..., DelegatedAccount], sandbox: Sandbox
) -> None:
    account = sign_in("Mail.Read")
    make_subscription(resource="/me/messages", delegated_account=account)
    row = make_subscription(resource="/users", change_type="updated")

    assert delete(account).removed == 1
    assert not DelegatedAccount.objects.exists()
    assert list(sandbox.subscriptions) == [row.graph_id]


def test_an_app_registration_takes_its_accounts_along(
    app_registration: AppRegistration, sign_in: Callable[..., DelegatedAccount]
) -> None:
    sign_in("Mail.Read")

    assert delete(app_registration).is_deleted
    assert not DelegatedAccount.objects.exists()


def test_one_on_which_somebody_works_holds_the_deletion_back(
    make_subscription: Make, app_registration: AppRegistration, now: datetime
) -> None:
    removal.remove(make_subscription(), now=now, actor="test")
    Subscription.objects.update(claim="theirs", claimed_until=now + timedelta(minutes=5))

    with pytest.raises(NotDeletableError):
        delete(app_registration)
    assert Subscription.objects.exists()
