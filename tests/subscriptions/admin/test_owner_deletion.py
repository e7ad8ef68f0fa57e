"""Deleting an app registration or an account: asked with the list, done at Graph first."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from subscriptions.models import AppRegistration, DelegatedAccount, Operation, Subscription
from subscriptions.sandbox import Sandbox

SIGHT = "subscriptions.view_appregistration"
DELETING = "subscriptions.delete_appregistration"
REMOVING = "subscriptions.remove_subscription"

Make = Callable[..., Subscription]


def page_of(owner: AppRegistration | DelegatedAccount) -> str:
    return reverse(f"admin:subscriptions_{owner._meta.model_name}_delete", args=(owner.pk,))


def said(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def test_the_page_names_what_would_end(
    administrator: Client, make_row: Make, registration: AppRegistration
) -> None:
    for _ in range(25):
        make_row()

    page = administrator.get(page_of(registration)).content.decode()

    assert "25 subscriptions end first" in page
    assert "/users/1/messages" in page
    assert "and 5 more" in page
    assert not Operation.objects.exists()


def test_it_is_deleted_after_its_subscriptions_ended_at_graph(
    signed_in: Callable[..., Client],
    make_subscription: Make,
    app_registration: AppRegistration,
    sandbox: Sandbox,
) -> None:
    make_subscription()

    answer = signed_in(SIGHT, DELETING, REMOVING).post(page_of(app_registration), {"post": "yes"})

    assert (sandbox.subscriptions, AppRegistration.objects.count()) == ({}, 0)
    assert said(answer) == "Deleted: Contoso. Subscriptions ended at Graph first: 1."
    assert LogEntry.objects.filter(action_flag=3).count() == 1


def test_a_refusal_of_graph_is_told_and_nothing_is_deleted(
    administrator: Client, make_subscription: Make, app_registration: AppRegistration, sandbox: Sandbox
) -> None:
    make_subscription()
    sandbox.add_fault(method="DELETE", status=403)

    answer = administrator.post(page_of(app_registration))

    assert "Not deleted: 0 removed at Graph, 1 left." in said(answer)
    assert answer.headers["Location"] == page_of(app_registration)
    assert AppRegistration.objects.exists()


@pytest.mark.parametrize("rights", [(), (SIGHT,), (SIGHT, REMOVING), (SIGHT, DELETING)])
def test_nearly_enough_rights_are_not_enough(
    signed_in: Callable[..., Client],
    make_row: Make,
    registration: AppRegistration,
    rights: tuple[str, ...],
) -> None:
    make_row()

    answer = signed_in(*rights).post(page_of(registration))

    assert answer.status_code == 403
    assert AppRegistration.objects.exists()


def test_who_may_not_retire_is_told_so(
    signed_in: Callable[..., Client], make_row: Make, registration: AppRegistration
) -> None:
    make_row()

    page = signed_in(SIGHT, DELETING).get(page_of(registration)).content.decode()

    assert "You may not remove subscriptions at Graph" in page
    assert "Remove at Graph and delete" not in page


def test_with_history_only_the_right_to_delete_is_enough(
    signed_in: Callable[..., Client], make_row: Make, registration: AppRegistration
) -> None:
    make_row(status="removed")

    signed_in(SIGHT, DELETING).post(page_of(registration))

    assert not AppRegistration.objects.exists()
    assert not Subscription.objects.exists()


def test_a_stranger_is_sent_to_sign_in(client: Client, registration: AppRegistration) -> None:
    assert client.post(page_of(registration)).headers["Location"].startswith(reverse("admin:login"))


def test_one_that_is_not_there_is_not_found(administrator: Client, db: None) -> None:
    url = reverse("admin:subscriptions_appregistration_delete", args=(999,))

    assert administrator.post(url).status_code == 404


def test_many_at_once_cannot_be_deleted(administrator: Client, registration: AppRegistration) -> None:
    url = reverse("admin:subscriptions_appregistration_changelist")

    administrator.post(
        url, {"action": "delete_selected", "_selected_action": [registration.pk], "post": "yes"}
    )

    assert AppRegistration.objects.exists()


def test_an_account_is_deleted_after_what_it_watches(
    administrator: Client,
    make_subscription: Make,
    sign_in: Callable[..., DelegatedAccount],
    sandbox: Sandbox,
) -> None:
    account = sign_in("Mail.Read")
    make_subscription(resource="/me/messages", delegated_account=account)

    page = administrator.get(page_of(account)).content.decode()
    administrator.post(page_of(account))

    assert "1 subscription ends first" in page
    assert (sandbox.subscriptions, DelegatedAccount.objects.count()) == ({}, 0)
