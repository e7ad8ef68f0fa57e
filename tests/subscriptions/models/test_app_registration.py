"""What an app registration takes and refuses."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from subscriptions.models import AppRegistration


def test_what_was_saved_passes_its_own_checks(registration: AppRegistration) -> None:
    registration.full_clean()


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("tenant_id", "contoso", "Directory \\(tenant\\) ID"),
        ("tenant_id", "9c60f1e2-d57b-4a34-8e19", "Directory \\(tenant\\) ID"),
        ("tenant_id", "contoso.example/x", "Directory \\(tenant\\) ID"),
        ("client_id", "my app", "Application \\(client\\) ID"),
        ("client_id", "11111111-2222-3333-4444-55555555555", "Application \\(client\\) ID"),
        ("cloud", "moon", "not a valid choice"),
        ("name", "", "cannot be blank"),
    ],
)
def test_a_wrong_value_is_refused_in_words(
    registration: AppRegistration, name: str, value: str, text: str
) -> None:
    setattr(registration, name, value)

    with pytest.raises(ValidationError, match=text):
        registration.full_clean()


@pytest.mark.parametrize(
    ("tenant_id", "is_guid"),
    [("9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3", True), ("contoso.example", False), ("a-b-c-d-e.org", False)],
)
def test_a_tenant_is_named_by_id_or_by_domain(tenant_id: str, is_guid: bool) -> None:
    assert AppRegistration(tenant_id=tenant_id).has_guid_tenant is is_guid


def test_one_client_id_is_registered_once_in_a_tenant(registration: AppRegistration) -> None:
    registration.pk, registration.name = None, "Again"

    with pytest.raises(ValidationError, match="already registered"):
        registration.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        registration.save()


@pytest.mark.usefixtures("registration")
def test_a_name_is_given_once() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        AppRegistration.objects.create(name="Contoso", tenant_id="x.example", client_id="2")
