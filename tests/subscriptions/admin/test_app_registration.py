"""App registrations in the admin: credentials go in and never come out, and the test really signs in."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from subscriptions.keys import certificates as keys
from subscriptions.keys.certificates import KeyPair
from subscriptions.models import AppRegistration, Subscription

ADD = reverse("admin:subscriptions_appregistration_add")
LIST = reverse("admin:subscriptions_appregistration_changelist")
GUID = "7d6a1c1e-55c1-4b6e-9e53-0c6d1a0f3b12"
SIGHT = "subscriptions.view_appregistration"
TESTING = "subscriptions.test_connection"


def page_of(registration: AppRegistration) -> str:
    return reverse("admin:subscriptions_appregistration_change", args=(registration.pk,))


def form(**changes: str) -> dict[str, str]:
    return {
        "name": "Contoso",
        "cloud": "global",
        "tenant_id": "contoso.example",
        "client_id": GUID,
        "credential_type": "client_secret",
        "new_client_secret": "some~secret~value",
        "new_certificate": "",
        "private_key_password": "",
        "federated_token_file": "",
        **changes,
    }


def test_a_client_secret_is_stored_and_never_shown_again(administrator: Client) -> None:
    administrator.post(ADD, form())

    registration = AppRegistration.objects.get()
    page = administrator.get(page_of(registration)).content.decode()
    assert registration.client_secret.reveal() == "some~secret~value"
    assert "some~secret~value" not in page
    assert all("some~secret~value" not in entry.get_change_message() for entry in LogEntry.objects.all())


def test_a_refused_form_does_not_send_the_secrets_back(administrator: Client, key_pair: KeyPair) -> None:
    pem = key_pair.certificate_pem + key_pair.private_key_pem

    answer = administrator.post(ADD, form(name="", new_certificate=pem, private_key_password="pw~secret"))

    page = answer.content.decode()
    assert "This field is required" in page
    assert "some~secret~value" not in page
    assert "pw~secret" not in page
    assert "PRIVATE KEY-----" not in page


def test_an_empty_secret_keeps_the_stored_one(administrator: Client, registration: AppRegistration) -> None:
    changes = form(name="Renamed", new_client_secret="", tenant_id="fabrikam.example")

    administrator.post(page_of(registration), changes)

    registration.refresh_from_db()
    assert registration.name == "Renamed"
    assert registration.client_secret.reveal() == "kept~secret"


def test_a_new_secret_makes_due_what_the_old_one_kept_from_being_renewed(
    administrator: Client, registration: AppRegistration
) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    row = Subscription.objects.create(
        app_registration=registration,
        resource="/users",
        change_type="updated",
        status=Subscription.Status.GONE,
        error_cause="credential",
        renew_at=later,
    )

    administrator.post(page_of(registration), form(new_client_secret="newer~secret"))

    row.refresh_from_db()
    assert row.renew_at is not None
    assert row.renew_at < later


def test_the_history_names_the_credential_and_not_its_value(
    administrator: Client, registration: AppRegistration
) -> None:
    administrator.post(page_of(registration), form(name="Fabrikam", new_client_secret="newer~secret"))

    message = LogEntry.objects.get().get_change_message()
    assert "Client secret" in message
    assert "newer~secret" not in message


def test_a_certificate_takes_the_place_of_a_secret(
    administrator: Client, registration: AppRegistration, key_pair: KeyPair
) -> None:
    pem = key_pair.certificate_pem + key_pair.private_key_pem
    changes = form(credential_type="certificate", new_client_secret="", new_certificate=pem)

    administrator.post(page_of(registration), changes)

    registration.refresh_from_db()
    assert registration.credential_type == "certificate"
    assert registration.credential_private_key.reveal() == key_pair.private_key_pem
    assert not registration.client_secret


def test_ids_are_stored_in_lower_case(administrator: Client) -> None:
    administrator.post(ADD, form(client_id=GUID.upper(), tenant_id="Contoso.Example"))

    registration = AppRegistration.objects.get()
    assert (registration.client_id, registration.tenant_id) == (GUID, "contoso.example")


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"name": ""}, "name", "required"),
        ({"tenant_id": "my tenant"}, "tenant_id", "a GUID, or a domain"),
        ({"client_id": "my-app"}, "client_id", "a GUID of 36 characters"),
        ({"cloud": "custom"}, "cloud", "CUSTOM_GRAPH_URL"),
        ({"cloud": "moon"}, "cloud", "Select a valid choice"),
        ({"credential_type": "password"}, "credential_type", "Select a valid choice"),
        ({"new_client_secret": GUID}, "new_client_secret", "copy the Value"),
        ({"new_client_secret": ""}, "new_client_secret", "Enter the Value of a client secret"),
        (
            {"credential_type": "certificate", "new_client_secret": ""},
            "new_certificate",
            "Paste the certificate",
        ),
        ({"credential_type": "certificate"}, "new_client_secret", "leave this empty"),
        ({"new_certificate": "-----BEGIN"}, "new_certificate", "leave this empty"),
        (
            {"credential_type": "certificate", "new_client_secret": "", "new_certificate": "no PEM"},
            "new_certificate",
            "There is no PEM in this",
        ),
        (
            {"credential_type": "federated_token_file", "new_client_secret": ""},
            "federated_token_file",
            "Enter the path",
        ),
        (
            {
                "credential_type": "federated_token_file",
                "new_client_secret": "",
                "federated_token_file": "token",
            },
            "federated_token_file",
            "beginning with /",
        ),
    ],
)
def test_a_wrong_value_is_told_at_its_field(
    administrator: Client, changes: dict[str, str], field: str, said: str
) -> None:
    answer = administrator.post(ADD, form(**changes))

    assert said in " ".join(answer.context["adminform"].form.errors[field])
    assert not AppRegistration.objects.exists()


def test_a_wrong_password_of_the_key_is_told_at_the_certificate(administrator: Client) -> None:
    pem = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
    changes = form(credential_type="certificate", new_client_secret="", new_certificate=pem)

    answer = administrator.post(ADD, changes)

    assert "Give its password" in str(answer.context["adminform"].form.errors["new_certificate"])


def test_an_app_is_registered_once_for_a_tenant(administrator: Client, registration: AppRegistration) -> None:
    changes = form(tenant_id=registration.tenant_id, client_id=registration.client_id)

    answer = administrator.post(ADD, changes)

    assert "already registered" in str(answer.context["adminform"].form.non_field_errors())


def test_the_identity_is_fixed_while_graph_holds_subscriptions_under_it(
    administrator: Client, registration: AppRegistration, make_row: Callable[..., Subscription]
) -> None:
    make_row()

    administrator.post(page_of(registration), form(client_id=GUID, new_client_secret=""))

    registration.refresh_from_db()
    assert registration.name == "Contoso"
    assert registration.client_id != GUID


def test_somebody_who_may_only_look_sees_no_field_for_credentials(
    signed_in: Callable[..., Client], registration: AppRegistration
) -> None:
    page = signed_in(SIGHT).get(page_of(registration)).content.decode()

    assert registration.tenant_id in page
    assert "new_client_secret" not in page
    assert "Test connection" not in page


@pytest.mark.usefixtures("registration")
def test_the_list_costs_the_same_for_any_number_of_rows(
    administrator: Client, django_assert_num_queries: Any
) -> None:
    for number in range(5):
        AppRegistration.objects.create(
            name=f"App {number}", tenant_id="a.example", client_id=f"{GUID[:-1]}{number}"
        )

    with django_assert_num_queries(5):
        administrator.get(LIST)


def test_the_list_counts_subscriptions_that_are_not_removed(
    administrator: Client, registration: AppRegistration, make_row: Callable[..., Subscription]
) -> None:
    make_row()
    make_row()
    make_row(status="removed")

    page = administrator.get(LIST).content.decode()

    assert f'?app={registration.pk}">2</a>' in page


@pytest.mark.usefixtures("webhook")
def test_the_button_tests_the_connection_and_says_what_it_found(
    administrator: Client, app_registration: AppRegistration
) -> None:
    url = reverse("admin:subscriptions_appregistration_test_connection", args=(app_registration.pk,))

    answer = administrator.post(url)

    app_registration.refresh_from_db()
    assert app_registration.check_succeeded
    assert "Connected." in str(next(iter(get_messages(answer.wsgi_request))))
    assert answer.headers["Location"] == page_of(app_registration)


@pytest.mark.usefixtures("webhook")
def test_the_action_tests_several_connections_and_counts(
    administrator: Client, app_registration: AppRegistration
) -> None:
    broken = AppRegistration.objects.create(
        name="Broken",
        cloud="custom",
        tenant_id=app_registration.tenant_id,
        client_id=GUID,
        client_secret="no",
    )
    chosen = [app_registration.pk, broken.pk]

    answer = administrator.post(LIST, {"action": "test_connections", "_selected_action": chosen})

    said = str(next(iter(get_messages(answer.wsgi_request))))
    assert said.startswith("Connected 1, failed 1. Broken: ")
    assert "AADSTS700016" in said


@pytest.mark.parametrize("rights", [(), (SIGHT,), (TESTING,)])
def test_testing_needs_its_own_right_and_sight_of_the_app(
    signed_in: Callable[..., Client], registration: AppRegistration, rights: tuple[str, ...]
) -> None:
    url = reverse("admin:subscriptions_appregistration_test_connection", args=(registration.pk,))

    answer = signed_in(*rights).post(url)

    registration.refresh_from_db()
    assert answer.status_code == 403
    assert registration.checked_at is None


def test_a_stranger_is_sent_to_sign_in(client: Client, registration: AppRegistration) -> None:
    url = reverse("admin:subscriptions_appregistration_test_connection", args=(registration.pk,))

    answer = client.post(url)

    registration.refresh_from_db()
    assert answer.headers["Location"].startswith(reverse("admin:login"))
    assert registration.checked_at is None


@pytest.mark.usefixtures("webhook")
def test_somebody_with_both_rights_may_test(
    signed_in: Callable[..., Client], app_registration: AppRegistration
) -> None:
    url = reverse("admin:subscriptions_appregistration_test_connection", args=(app_registration.pk,))

    signed_in(SIGHT, TESTING).post(url)

    app_registration.refresh_from_db()
    assert app_registration.check_succeeded


def test_the_action_is_not_offered_without_the_right(
    signed_in: Callable[..., Client], registration: AppRegistration
) -> None:
    signed_in(SIGHT).post(LIST, {"action": "test_connections", "_selected_action": [registration.pk]})

    registration.refresh_from_db()
    assert registration.checked_at is None


def test_a_link_cannot_start_a_test(administrator: Client, registration: AppRegistration) -> None:
    url = reverse("admin:subscriptions_appregistration_test_connection", args=(registration.pk,))

    assert administrator.get(url).status_code == 405


def test_the_key_of_a_certificate_is_read_with_its_password(administrator: Client, key_pair: KeyPair) -> None:
    sealed = encrypted(key_pair, "right")
    changes = form(credential_type="certificate", new_client_secret="", new_certificate=sealed)

    administrator.post(ADD, {**changes, "private_key_password": "right"})

    assert AppRegistration.objects.get().credential_private_key.reveal() == key_pair.private_key_pem


def encrypted(pair: KeyPair, password: str) -> str:
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

    key = keys.load_private_key(pair.private_key_pem).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode())
    )
    return pair.certificate_pem + key.decode()


def next_to(registration: AppRegistration, **changes: str) -> dict[str, str]:
    """Return the form of a registration with a next secret."""
    return form(
        **{
            "name": registration.name,
            "tenant_id": registration.tenant_id,
            "client_id": registration.client_id,
            "new_client_secret": "",
            "next_kind": "client_secret",
            "new_next_client_secret": "next~secret",
            **changes,
        }
    )


def test_a_next_secret_is_put_beside_the_one_in_use(
    administrator: Client, registration: AppRegistration
) -> None:
    soon = f"{datetime.now(UTC) + timedelta(days=200):%Y-%m-%d}"

    administrator.post(page_of(registration), next_to(registration, next_secret_expires_on=soon))

    registration.refresh_from_db()
    page = administrator.get(page_of(registration)).content.decode()
    assert registration.client_secret.reveal() == "kept~secret"
    assert registration.next_client_secret.reveal() == "next~secret"
    assert f"{registration.next_credential_expires_at:%Y-%m-%d %H:%M}" == f"{soon} 00:00"
    assert "next~secret" not in page
    assert soon in page


def test_a_next_certificate_says_itself_when_it_ends(
    administrator: Client, registration: AppRegistration, key_pair: KeyPair
) -> None:
    pem = key_pair.certificate_pem + key_pair.private_key_pem
    changes = {"next_kind": "certificate", "new_next_client_secret": "", "new_next_certificate": pem}

    administrator.post(page_of(registration), next_to(registration, **changes))

    registration.refresh_from_db()
    end = keys.describe(key_pair.certificate_pem).not_after_at
    assert registration.next_credential_expires_at == end
    assert registration.next_credential_private_key


def test_the_next_one_is_kept_and_taken_away(administrator: Client, registration: AppRegistration) -> None:
    administrator.post(page_of(registration), next_to(registration))
    administrator.post(page_of(registration), next_to(registration, new_next_client_secret=""))
    registration.refresh_from_db()
    kept = registration.next_client_secret.reveal()

    administrator.post(page_of(registration), next_to(registration, next_kind="", new_next_client_secret=""))

    registration.refresh_from_db()
    assert kept == "next~secret"
    assert (registration.next_credential_type, bool(registration.next_client_secret)) == ("", False)


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"new_next_client_secret": ""}, "new_next_client_secret", "Fill this in"),
        ({"next_secret_expires_on": "2020-01-01"}, "next_secret_expires_on", "That is past"),
        ({"next_secret_expires_on": "soon"}, "next_secret_expires_on", "valid date"),
        ({"secret_expires_on": "2020-01-01"}, "secret_expires_on", "That is past"),
        (
            {"next_kind": "certificate", "new_next_certificate": "nonsense"},
            "new_next_certificate",
            "There is no PEM",
        ),
        ({"next_kind": "password"}, "next_kind", "Select a valid choice"),
    ],
)
def test_a_wrong_next_credential_is_told_at_its_field(
    administrator: Client, registration: AppRegistration, changes: dict[str, str], field: str, said: str
) -> None:
    answer = administrator.post(page_of(registration), next_to(registration, **changes))

    assert said in " ".join(answer.context["adminform"].form.errors[field])
    assert "next~secret" not in answer.content.decode()
    assert not AppRegistration.objects.get().next_client_secret


def test_the_end_of_a_secret_is_entered_and_goes_with_it(
    administrator: Client, registration: AppRegistration
) -> None:
    day = f"{datetime.now(UTC) + timedelta(days=10):%Y-%m-%d}"
    same = {"next_kind": "", "new_next_client_secret": "", "secret_expires_on": day}
    administrator.post(page_of(registration), next_to(registration, **same))
    registration.refresh_from_db()
    entered = registration.credential_expires_at
    listed = administrator.get(LIST).content.decode()

    administrator.post(page_of(registration), next_to(registration, **same, new_client_secret="newer~secret"))

    registration.refresh_from_db()
    assert f"{entered:%Y-%m-%d}" == day
    assert "9 d" in listed
    assert registration.credential_expires_at is None


def test_the_next_one_is_put_in_use_by_a_click(administrator: Client, registration: AppRegistration) -> None:
    administrator.post(page_of(registration), next_to(registration))

    answer = administrator.post(use_next(registration), follow=True)

    registration.refresh_from_db()
    assert registration.client_secret.reveal() == "next~secret"
    assert registration.next_client_secret.reveal() == "kept~secret"
    assert "is in use from now on" in answer.content.decode()


def test_without_a_next_one_nothing_is_offered_or_done(
    administrator: Client, registration: AppRegistration
) -> None:
    page = administrator.get(page_of(registration)).content.decode()

    answer = administrator.post(use_next(registration), follow=True)

    assert use_next(registration) not in page
    assert "There is no next credential" in answer.content.decode()


@pytest.mark.parametrize("rights", [(), (SIGHT,), (SIGHT, TESTING)])
def test_the_next_one_is_put_in_use_only_by_those_who_may_change_it(
    signed_in: Callable[..., Client], registration: AppRegistration, rights: tuple[str, ...]
) -> None:
    assert signed_in(*rights).post(use_next(registration)).status_code == 403


def use_next(registration: AppRegistration) -> str:
    return reverse("admin:subscriptions_appregistration_use_next_credential", args=(registration.pk,))
