"""The form of a subscription tells what is wrong, and what to do, at the field that is wrong."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from subscriptions.keys import certificates as keys
from subscriptions.models import AppRegistration, DelegatedAccount, EncryptionCertificate, Subscription
from subscriptions.services import certificates

ADD = reverse("admin:subscriptions_subscription_add")
MESSAGES = "/users/9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3/messages"


@pytest.fixture
def account(registration: AppRegistration) -> DelegatedAccount:
    """Save an account that signed in to the app registration of the form."""
    return DelegatedAccount.objects.create(
        app_registration=registration,
        username="ada@fabrikam.example",
        home_account_id="1.2",
        kind="work",
        signed_in_at=datetime.now(UTC),
    )


@pytest.fixture
def form(registration: AppRegistration) -> Callable[..., dict[str, Any]]:
    """Return a function that fills in the form; keyword arguments change it."""

    def fill(**changes: Any) -> dict[str, Any]:
        return {
            "app_registration": registration.pk,
            "resource": MESSAGES,
            "change_type": ["created", "updated"],
            "encryption_certificate": "",
            "api_version": "v1.0",
            "lifetime_minutes": "",
            "auto_renew": "on",
            **changes,
        }

    return fill


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"app_registration": ""}, "app_registration", "required"),
        ({"app_registration": "999"}, "app_registration", "valid choice"),
        ({"resource": ""}, "resource", "required"),
        ({"resource": "https://graph.microsoft.com/v1.0/users"}, "resource", "only the path after /v1.0"),
        ({"resource": "/users/{user-id}/messages"}, "resource", "put a value for {user-id}"),
        ({"resource": "/me/messages"}, "resource", "/users/{user-id}"),
        ({"change_type": []}, "change_type", "at least one"),
        ({"change_type": ["renamed"]}, "change_type", "valid choice"),
        ({"resource": "/users", "change_type": ["created"]}, "change_type", "no created"),
        ({"resource": "/drives/b!1/root"}, "change_type", "Ask for updated alone"),
        ({"include_resource_data": "on"}, "encryption_certificate", "Choose the certificate"),
        ({"include_resource_data": "on"}, "resource", "$select"),
        ({"encryption_certificate": "999"}, "encryption_certificate", "valid choice"),
        ({"api_version": "v3"}, "api_version", "valid choice"),
        ({"delegated_account": "999"}, "delegated_account", "valid choice"),
        ({"delegated_account": "9" * 5000}, "delegated_account", "valid choice"),
        ({"app_registration": "9" * 5000}, "app_registration", "valid choice"),
        ({"resource": "/communications/presences/1"}, "resource", "Choose a signed-in account"),
        ({"use_immutable_ids": "on", "resource": "/users"}, "use_immutable_ids", "Outlook"),
        ({"include_security_webhooks": "on"}, "include_security_webhooks", "drives of work accounts"),
        ({"include_unknown_enum_members": "on"}, "include_unknown_enum_members", "Teams chat messages"),
        ({"notification_query_options": "a eq 1"}, "notification_query_options", "Universal Print"),
        ({"latest_supported_tls_version": "v9"}, "latest_supported_tls_version", "valid choice"),
        ({"lifetime_minutes": "soon"}, "lifetime_minutes", "whole number"),
        ({"lifetime_minutes": "0"}, "lifetime_minutes", "greater than or equal to 1"),
        ({"lifetime_minutes": "99999"}, "lifetime_minutes", "longest life"),
        ({"lifetime_minutes": "9" * 30}, "lifetime_minutes", "less than or equal to"),
    ],
)
def test_a_wrong_value_is_told_at_its_field(
    administrator: Client,
    form: Callable[..., dict[str, Any]],
    changes: dict[str, Any],
    field: str,
    said: str,
) -> None:
    answer = administrator.post(ADD, form(**changes))

    assert said in " ".join(answer.context["adminform"].form.errors[field])
    assert not Subscription.objects.exists()


def test_a_certificate_without_content_is_refused(
    administrator: Client, form: Callable[..., dict[str, Any]], certificate: EncryptionCertificate
) -> None:
    answer = administrator.post(ADD, form(encryption_certificate=certificate.pk))

    assert "used for content only" in str(answer.context["adminform"].form.errors)


def test_an_account_that_signed_in_to_another_app_is_refused(
    administrator: Client, form: Callable[..., dict[str, Any]], account: DelegatedAccount
) -> None:
    other = AppRegistration.objects.create(name="Contoso", tenant_id="t", client_id="c", client_secret="s")

    answer = administrator.post(ADD, form(app_registration=other.pk, delegated_account=account.pk))

    errors = answer.context["adminform"].form.errors
    assert "This account signed in to Fabrikam" in str(errors["delegated_account"])


def test_an_account_may_not_watch_what_graph_gives_to_apps_only(
    administrator: Client, form: Callable[..., dict[str, Any]], account: DelegatedAccount
) -> None:
    answer = administrator.post(ADD, form(resource="/teams/getAllMessages", delegated_account=account.pk))

    assert "to applications only" in str(answer.context["adminform"].form.errors["resource"])


def test_each_account_is_offered_with_the_app_that_it_signed_in_to(
    administrator: Client, account: DelegatedAccount
) -> None:
    page = administrator.get(ADD).content.decode()

    assert f"{account.username}, signed in to Fabrikam</option>" in page
    assert "None: as the app itself</option>" in page


def test_an_option_that_is_wrong_opens_the_part_of_the_form_that_hides_it(
    administrator: Client, form: Callable[..., dict[str, Any]]
) -> None:
    closed = administrator.get(ADD).content.decode()
    opened = administrator.post(ADD, form(include_security_webhooks="on")).content.decode()

    assert "<details><summary>" in closed
    assert "<details><summary>" not in opened


def test_the_page_says_in_whose_name_it_is_watched(
    administrator: Client, make_row: Callable[..., Subscription], account: DelegatedAccount
) -> None:
    by_user, by_app = make_row(delegated_account=account), make_row()

    pages = [
        administrator.get(reverse("admin:subscriptions_subscription_change", args=(row.pk,))).content.decode()
        for row in (by_user, by_app)
    ]

    assert f'{account.pk}/change/">ada@fabrikam.example</a>' in pages[0]
    assert "The app itself" in pages[1]


def test_only_certificates_that_are_good_for_new_subscriptions_are_offered(
    administrator: Client, certificate: EncryptionCertificate
) -> None:
    certificates.save("old", keys.generate("old", now=datetime.now(UTC) - timedelta(days=900)))
    draining = certificates.save("leaving", keys.generate("leaving", now=datetime.now(UTC)))
    EncryptionCertificate.objects.filter(pk=draining.pk).update(state="draining")

    answer = administrator.get(ADD)

    offered = answer.context["adminform"].form.fields["encryption_certificate"].queryset
    assert list(offered) == [certificate]


def test_a_clone_begins_with_the_wish_of_the_other(
    administrator: Client, make_row: Callable[..., Subscription]
) -> None:
    source = make_row(change_type="created,deleted", lifetime_minutes=90, auto_renew=False)

    answer = administrator.get(ADD, {"clone": source.pk})

    initial = answer.context["adminform"].form.initial
    assert (initial["resource"], initial["lifetime_minutes"]) == (source.resource, 90)
    assert initial["change_type"] == ["created", "deleted"]
    assert not initial["auto_renew"]


@pytest.mark.parametrize("source", ["999", "x", "", "9" * 30])
def test_a_clone_of_nothing_is_an_empty_form(administrator: Client, source: str) -> None:
    answer = administrator.get(ADD, {"clone": source})

    assert "resource" not in answer.context["adminform"].form.initial


def test_a_clone_needs_sight_of_the_other(
    signed_in: Callable[..., Client], make_row: Callable[..., Subscription]
) -> None:
    source = make_row()

    answer = signed_in("subscriptions.add_subscription").get(ADD, {"clone": source.pk})

    assert "resource" not in answer.context["adminform"].form.initial


def test_only_what_graph_does_not_own_can_be_changed(
    administrator: Client, make_row: Callable[..., Subscription], form: Callable[..., dict[str, Any]]
) -> None:
    subscription = make_row()
    url = reverse("admin:subscriptions_subscription_change", args=(subscription.pk,))

    administrator.post(url, form(resource="/users", status="removed", lifetime_minutes="60", auto_renew=""))

    before, after = subscription, Subscription.objects.get()
    assert (after.resource, after.status) == (before.resource, before.status)
    assert (after.lifetime_minutes, after.auto_renew) == (60, False)


def test_saving_leaves_alone_what_a_renewal_writes_at_the_same_moment(
    make_row: Callable[..., Subscription],
) -> None:
    from django.contrib import admin

    from subscriptions.admin.subscription_form import SubscriptionForm

    subscription = make_row()
    later = datetime.now(UTC) + timedelta(days=9)
    page = SubscriptionForm({"auto_renew": ""}, instance=subscription)
    assert page.is_valid()
    Subscription.objects.filter(pk=subscription.pk).update(expires_at=later)

    admin.site.get_model_admin(Subscription).save_model(None, page.instance, page, change=True)  # type: ignore[arg-type]

    stored = Subscription.objects.get()
    assert (stored.auto_renew, stored.expires_at) == (False, later)


def test_a_lifetime_beyond_the_limit_is_refused_later_too(
    administrator: Client, make_row: Callable[..., Subscription]
) -> None:
    subscription = make_row()
    url = reverse("admin:subscriptions_subscription_change", args=(subscription.pk,))

    answer = administrator.post(url, {"lifetime_minutes": "99999", "auto_renew": "on"})

    assert "longest life" in str(answer.context["adminform"].form.errors["lifetime_minutes"])


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"include_resource_data": True}, "Content comes with the notifications already"),
        ({"resource": "/drives/d/root"}, "recover_changes"),
    ],
)
def test_fetching_where_it_makes_no_sense_is_refused(
    facts: dict[str, Any],
    reason: str,
    administrator: Client,
    make_row: Callable[..., Subscription],
    certificate: EncryptionCertificate,
) -> None:
    subscription = make_row(encryption_certificate=certificate, **facts)
    url = reverse("admin:subscriptions_subscription_change", args=(subscription.pk,))

    answer = administrator.post(url, {"fetch_content": "on"})

    assert reason in str(answer.context["adminform"].form.errors["fetch_content"])


def test_fetching_can_be_switched_on_later(
    administrator: Client, make_row: Callable[..., Subscription]
) -> None:
    url = reverse("admin:subscriptions_subscription_change", args=(make_row().pk,))

    administrator.post(url, {"fetch_content": "on"})

    assert Subscription.objects.get().fetch_content
