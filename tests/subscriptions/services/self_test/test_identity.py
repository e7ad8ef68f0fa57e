"""Whether apps and accounts sign in and may do what they should."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pytest_django.fixtures import Settings

from subscriptions.models import AppRegistration, Operation, Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.services.findings import Finding, Status

pytestmark = pytest.mark.django_db(transaction=True)
Look = Callable[..., list[Finding]]
Maker = Callable[..., Subscription]


def test_an_app_that_works_is_good_all_over(look: Look, app_registration: AppRegistration) -> None:
    (credentials,), (listed,) = look("credentials"), look("subscriptions")

    assert (credentials.status, credentials.subject) == (Status.OK, app_registration.name)
    assert (listed.status, listed.message) == (Status.OK, "Graph lists the app's subscriptions: 0.")


def test_the_call_to_graph_is_on_the_log(look: Look, app_registration: AppRegistration) -> None:
    look("subscriptions")

    operation = Operation.objects.get(app_registration=app_registration)
    assert (operation.action, operation.actor) == ("test", "alice")


def test_a_wrong_secret_is_told_in_plain_words(look: Look, app_registration: AppRegistration) -> None:
    app_registration.client_secret = "wrong"
    app_registration.save()

    (finding,) = look("credentials")

    assert finding.status == Status.ERROR
    assert "AADSTS7000215" in finding.message
    assert "client secret is wrong" in finding.advice


def test_a_credential_that_does_not_open_is_told(
    look: Look, app_registration: AppRegistration, settings: Settings
) -> None:
    assert app_registration.client_secret
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    (finding,) = look("credentials")

    assert finding.status == Status.ERROR
    assert "FIELD_ENCRYPTION_KEYS" in finding.message


def test_a_custom_cloud_without_addresses_is_told(
    look: Look, app_registration: AppRegistration, settings: Settings
) -> None:
    assert app_registration.cloud == "custom"
    settings.CUSTOM_GRAPH_URL = settings.CUSTOM_LOGIN_URL = ""

    (finding,) = look("credentials")

    assert finding.status == Status.ERROR
    assert "CUSTOM_GRAPH_URL" in finding.message


def test_a_refused_list_of_subscriptions_is_told(
    look: Look, sandbox: Sandbox, app_registration: AppRegistration
) -> None:
    assert app_registration.pk
    body = {"error": {"code": "ExtensionError", "message": "Access denied"}}
    sandbox.add_fault(path="/subscriptions", status=403, body=body)

    (finding,) = look("subscriptions")

    assert finding.status == Status.ERROR
    assert "lacks a permission" in finding.advice


def test_a_missing_permission_is_named_with_the_resource(
    look: Look, sandbox: Sandbox, make_subscription: Maker
) -> None:
    subscription = make_subscription()
    sandbox.grant(subscription.app_registration.client_id, roles=["User.Read.All"])

    (finding,) = look("permissions")

    assert finding.status == Status.ERROR
    assert finding.message == f"Mail.Read is missing: needed by {subscription.resource}."
    assert "Application permissions, add Mail.Read" in finding.advice


def test_many_resources_without_a_permission_make_one_finding(
    look: Look, sandbox: Sandbox, make_subscription: Maker
) -> None:
    for number in range(5):
        subscription = make_subscription(resource=f"/users/{number:08}-d57b-4a34-8e19-7b2d04c6a5f3/messages")
    sandbox.grant(subscription.app_registration.client_id, roles=["User.Read.All"])

    (finding,) = look("permissions")

    assert finding.message.endswith(" and 2 more.")


def test_what_a_team_may_have_granted_is_only_warned_of(
    look: Look, sandbox: Sandbox, make_subscription: Maker
) -> None:
    subscription = make_subscription(
        resource="/teams/fbe2bf47-16c8-47cf-b4a5-4b9b187c508b/channels", change_type="created"
    )
    sandbox.grant(subscription.app_registration.client_id, roles=["User.Read.All"])

    (finding,) = look("permissions")

    assert finding.status == Status.WARNING
    assert "unless the owner of the team or chat has granted it" in finding.message


def test_permissions_that_suffice_are_told(look: Look, sandbox: Sandbox, make_subscription: Maker) -> None:
    subscription = make_subscription()
    sandbox.grant(subscription.app_registration.client_id, roles=["Mail.Read", "User.Read.All"])

    (finding,) = look("permissions")

    assert finding.status == Status.OK
    assert finding.message == "The token carries what the subscriptions need: Mail.Read."


@pytest.mark.parametrize("change", [{"is_enabled": False}, {"status": Subscription.Status.REMOVED}])
def test_a_removed_or_disabled_subscription_needs_no_permission(
    look: Look, sandbox: Sandbox, app_registration: AppRegistration, change: dict[str, Any]
) -> None:
    app_registration.subscriptions.create(resource="/users/1/messages", change_type="created", **change)
    sandbox.grant(app_registration.client_id, roles=["User.Read.All"])

    (finding,) = look("permissions")

    assert finding.status == Status.OK
    assert finding.message == "The token carries 1 permission; no subscription needs one yet."


def test_a_permission_that_one_resource_must_have_from_the_tenant_is_an_error(
    look: Look, sandbox: Sandbox, app_registration: AppRegistration
) -> None:
    for resource in ("/chats", "/chats/19:1@thread.v2"):
        app_registration.subscriptions.create(resource=resource, change_type="updated")
    sandbox.grant(app_registration.client_id, roles=["User.Read.All"])

    (finding,) = look("permissions")

    assert finding.status == Status.ERROR
    assert finding.message == "Chat.ReadBasic.All is missing: needed by /chats, /chats/19:1@thread.v2."


def test_a_token_without_any_permission_is_warned_of(
    look: Look, sandbox: Sandbox, app_registration: AppRegistration
) -> None:
    sandbox.grant(app_registration.client_id, roles=[])

    (finding,) = look("permissions")

    assert finding.status == Status.WARNING
    assert "carries no permission" in finding.message


def test_an_account_is_checked_for_its_own_subscriptions(
    look: Look, sign_in: Callable[..., object], make_subscription: Maker
) -> None:
    account = sign_in("Presence.Read.All")
    make_subscription(
        resource="/communications/presences/9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3",
        change_type="updated",
        delegated_account=account,
    )

    of_app, of_account = look("permissions")

    assert of_account.status == Status.OK
    assert "Presence.Read.All" in of_account.message
    assert of_account.subject == f"{of_app.subject}: {account}"


def test_an_account_that_has_to_sign_in_again_is_told(
    look: Look, sandbox: Sandbox, sign_in: Callable[..., object]
) -> None:
    account = sign_in()
    sandbox.revoke_sign_ins(sandbox.users[0].id)

    of_app, of_account = look("credentials")

    assert (of_app.status, of_account.status) == (Status.OK, Status.ERROR)
    assert str(account) in of_account.subject
    assert "sign in again" in of_account.advice


def test_what_time_does_not_allow_is_named(look: Look, app_registration: AppRegistration) -> None:
    (finding,) = look("credentials", time_limit=timedelta(0))

    assert finding.status == Status.WARNING
    assert f"--app '{app_registration.name}'" in finding.advice


def test_no_app_registration_at_all_is_warned_of(look: Look) -> None:
    (finding,) = look("credentials")

    assert finding.status == Status.WARNING
    assert "no app registration yet" in finding.message
