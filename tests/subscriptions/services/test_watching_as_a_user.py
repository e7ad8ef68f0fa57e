"""What only users may watch is created, received, renewed and removed in the name of a signed-in account."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifications.models import ChangeNotification
from notifications.services import engine
from subscriptions.graph.errors import AccessDeniedError
from subscriptions.graph.sign_in import SignInNeededError
from subscriptions.models import (
    AppRegistration,
    DelegatedAccount,
    EncryptionCertificate,
    Operation,
    Subscription,
)
from subscriptions.sandbox import Sandbox
from subscriptions.services import creation, reauthorization, recreation, removal, renewal

SignIn = Callable[..., DelegatedAccount]
Watch = Callable[..., Subscription]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def watch(app_registration: AppRegistration, webhook: str) -> Watch:
    """Return a function that creates a subscription in the name of an account."""

    def watch(account: DelegatedAccount | None, resource: str, **changes: Any) -> Subscription:
        wish = {
            "app_registration": app_registration,
            "delegated_account": account,
            "resource": resource,
            "change_type": "updated",
            **changes,
        }
        return creation.create(Subscription(**wish), now=datetime.now(UTC), actor="test")

    return watch


@pytest.mark.parametrize(
    ("permission", "resource", "change_type", "changed"),
    [
        (
            "Presence.Read.All",
            "/communications/presences/{user}",
            "updated",
            "/communications/presences/{user}",
        ),
        ("Tasks.ReadWrite", "/me/todo/lists/L1/tasks", "created", "/users/{user}/todo/lists/L1/tasks/T1"),
        ("Mail.Read", "/me/messages", "created", "/users/{user}/messages/M1"),
        ("Calendars.Read", "me/events", "created", "/users/{user}/events/E1"),
    ],
    ids=["presence", "to do", "own mail", "own calendar"],
)
def test_it_is_created_received_renewed_and_removed(
    sign_in: SignIn,
    watch: Watch,
    sandbox: Sandbox,
    permission: str,
    resource: str,
    change_type: str,
    changed: str,
) -> None:
    user = sandbox.users[0].id
    subscription = watch(sign_in(permission), resource.format(user=user), change_type=change_type)
    created_until = subscription.expires_at

    sandbox.make_change(changed.format(user=user), change_type)
    sandbox.flush(10)
    engine.work_once()
    result = renewal.renew(subscription, now=datetime.now(UTC) + timedelta(minutes=1), actor="test")
    subscription.refresh_from_db()
    at_graph = next(iter(sandbox.subscriptions.values()))
    removal.remove(subscription, now=datetime.now(UTC), actor="test")

    row = ChangeNotification.objects.get()
    assert (row.state, row.subscription) == ("accepted", subscription)
    assert result == renewal.Result.RENEWED
    assert created_until is not None
    assert subscription.renewed_at is not None
    assert at_graph.creator_id == user
    assert not sandbox.subscriptions


def test_presence_with_content_is_opened(
    sign_in: SignIn, watch: Watch, sandbox: Sandbox, certificate: EncryptionCertificate
) -> None:
    path = f"/communications/presences/{sandbox.users[0].id}"
    watch(sign_in("Presence.Read.All"), path, include_resource_data=True, encryption_certificate=certificate)

    sandbox.make_change(path, "updated", content={"availability": "Away"})
    sandbox.flush(10)
    engine.work_once()

    row = ChangeNotification.objects.get()
    assert (row.state, row.content.data["availability"]) == ("accepted", "Away")


def test_the_app_itself_is_refused_what_only_users_may_watch(watch: Watch, sandbox: Sandbox) -> None:
    with pytest.raises(AccessDeniedError):
        watch(None, f"/communications/presences/{sandbox.users[0].id}")


def test_app_and_users_watch_the_same_side_by_side(sign_in: SignIn, watch: Watch, sandbox: Sandbox) -> None:
    path = f"/users/{sandbox.users[0].id}/messages"

    watch(None, path)
    watch(sign_in("Mail.Read"), path)

    users = [one.user_id for one in sandbox.subscriptions.values()]
    assert users == [None, sandbox.users[0].id]


def test_one_renewal_run_serves_the_app_and_each_user_with_their_own_tokens(
    sign_in: SignIn, watch: Watch, sandbox: Sandbox
) -> None:
    first, second = sandbox.users[:2]
    accounts = [sign_in("Mail.Read", "Calendars.Read", username=user.username) for user in (first, second)]
    for account in accounts:
        watch(account, "/me/messages")
        watch(account, "/me/events")
    watch(None, f"/users/{first.id}/contacts")
    Subscription.objects.update(renew_at=datetime.now(UTC))

    summary = renewal.renew_due(clock=lambda: datetime.now(UTC), actor="test")

    assert (summary.renewed, summary.errors) == (5, [])
    batches = [one for one in sandbox.requests if one.path.endswith("/$batch")]
    assert len(batches) == 2


def test_it_is_reauthorized_and_recreated_as_the_user(
    sign_in: SignIn, watch: Watch, sandbox: Sandbox
) -> None:
    subscription = watch(sign_in("Mail.Read"), "/me/messages")

    told = reauthorization.reauthorize(subscription, now=datetime.now(UTC), actor="test")
    recreation.recreate(subscription, now=datetime.now(UTC), actor="test")

    assert told == "Reauthorized."
    assert [one.user_id for one in sandbox.subscriptions.values()] == [sandbox.users[0].id]
    assert not Operation.objects.filter(succeeded=False).exists()


def test_a_subscription_whose_account_has_to_sign_in_again_says_so(sign_in: SignIn, watch: Watch) -> None:
    account = sign_in("Mail.Read")
    subscription = watch(account, "/me/messages")
    DelegatedAccount.objects.update(token_cache="{}")

    with pytest.raises(SignInNeededError):
        renewal.renew(subscription, now=datetime.now(UTC), actor="test")

    subscription.refresh_from_db()
    account.refresh_from_db()
    assert account.needs_sign_in
    assert subscription.status == Subscription.Status.ACTIVE
    assert "choose 'Sign in again'" in subscription.error_message


def test_a_run_goes_on_with_others_when_one_account_has_to_sign_in_again(
    sign_in: SignIn, watch: Watch, sandbox: Sandbox
) -> None:
    lost, well = (sign_in("Mail.Read", username=user.username) for user in sandbox.users[:2])
    for account in (lost, well):
        watch(account, "/me/messages")
    DelegatedAccount.objects.filter(pk=lost.pk).update(token_cache="{}")
    Subscription.objects.update(renew_at=datetime.now(UTC))

    summary = renewal.renew_due(clock=lambda: datetime.now(UTC), actor="test")

    assert (summary.renewed, summary.failed) == (1, 1)
    assert "has to sign in again" in summary.errors[0].message


def test_after_signing_in_again_the_next_run_renews(sign_in: SignIn, watch: Watch, sandbox: Sandbox) -> None:
    subscription = watch(sign_in("Mail.Read"), "/me/messages")
    sandbox.revoke_sign_ins(sandbox.users[0].id)
    DelegatedAccount.objects.update(token_cache="{}")
    with pytest.raises(SignInNeededError):
        renewal.renew(subscription, now=datetime.now(UTC), actor="test")

    account = sign_in("Mail.Read")
    summary = renewal.renew_due(clock=lambda: datetime.now(UTC), actor="test")

    subscription.refresh_from_db()
    assert (summary.renewed, subscription.error_message) == (1, "")
    assert not account.needs_sign_in
