"""What is said about certificates and the time they have left."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from subscriptions.keys import certificates as keys
from subscriptions.models import AppRegistration, EncryptionCertificate
from subscriptions.sandbox import Sandbox
from subscriptions.services.access import app_registrations
from subscriptions.services.access.app_registrations import NewCredential
from subscriptions.services.findings import Status
from subscriptions.services.self_test import certificates

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("left", "status"),
    [
        (timedelta(days=31), Status.OK),
        (timedelta(days=30), Status.WARNING),
        (timedelta(hours=1), Status.WARNING),
        (timedelta(0), Status.ERROR),
        (timedelta(days=-1), Status.ERROR),
    ],
)
def test_an_encryption_certificate_is_judged_by_the_time_it_has_left(
    certificate: EncryptionCertificate, left: timedelta, status: Status
) -> None:
    (finding,) = certificates.check(now=certificate.not_after_at - left)

    assert finding.status == status
    assert f"{certificate.not_after_at:%Y-%m-%d}" in finding.message


def test_a_retired_certificate_that_nothing_uses_is_not_looked_at(certificate: EncryptionCertificate) -> None:
    EncryptionCertificate.objects.update(state=EncryptionCertificate.State.RETIRED)

    assert list(certificates.check(now=certificate.not_after_at)) == []


@pytest.mark.django_db(transaction=True)
def test_a_draining_certificate_is_looked_at_while_a_subscription_uses_it(
    certificate: EncryptionCertificate, make_subscription: Callable[..., object]
) -> None:
    make_subscription(
        resource="/users/9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3/messages?$select=subject",
        include_resource_data=True,
        encryption_certificate=certificate,
    )
    EncryptionCertificate.objects.update(state=EncryptionCertificate.State.DRAINING)

    (finding,) = certificates.check(now=certificate.not_after_at)

    assert finding.status == Status.ERROR


def test_the_certificate_an_app_signs_in_with_is_looked_at(
    custom_cloud: Sandbox, key_pair: keys.KeyPair
) -> None:
    registered = app_registrations.register(
        name="Fabrikam",
        cloud=AppRegistration.Cloud.CUSTOM,
        tenant_id=custom_cloud.tenant_id,
        client_id=custom_cloud.application.client_id,
        credential=NewCredential(pem=key_pair.private_key_pem + key_pair.certificate_pem),
    )
    ends_at = keys.describe(key_pair.certificate_pem).not_after_at

    (finding,) = certificates.of_credential(registered, now=ends_at - timedelta(days=3))

    assert finding.status == Status.WARNING
    assert "in 3 days" in finding.message
    assert "Entra" in finding.advice


def test_a_secret_is_looked_at_if_its_end_was_entered(app_registration: AppRegistration) -> None:
    now = datetime.now(UTC)
    unknown = list(certificates.of_credential(app_registration, now=now))
    app_registration.credential_expires_at = now

    (finding,) = certificates.of_credential(app_registration, now=now)

    assert unknown == []
    assert finding.message.startswith("The client secret expired on")
