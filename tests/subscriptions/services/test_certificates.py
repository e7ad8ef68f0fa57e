"""Encryption certificates: made, saved, and their private keys handed out."""

from datetime import datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ValidationError
from pytest_django.fixtures import Settings

from subscriptions.keys import certificates as keys
from subscriptions.keys.certificates import UnusableCertificateError
from subscriptions.keys.field_encryption import FieldDecryptionError
from subscriptions.models import EncryptionCertificate
from subscriptions.services import certificates

pytestmark = pytest.mark.django_db


def test_a_made_certificate_is_valid_for_two_years(now: datetime) -> None:
    row = certificates.generate("hooks", key_size=2048, now=now)

    facts = keys.describe(row.certificate)
    assert (row.thumbprint, row.subject, row.key_size) == (facts.thumbprint, "CN=hooks", 2048)
    assert row.is_valid_at(now)
    assert row.not_after_at > now + timedelta(days=729)


def test_its_private_key_belongs_to_it(certificate: EncryptionCertificate) -> None:
    found = certificates.private_key_for("hooks")

    assert found
    key, thumbprint = found
    assert thumbprint == certificate.thumbprint
    assert key.public_key() == keys.load_private_key(certificate.private_key.reveal()).public_key()


def test_a_loaded_key_is_kept(certificate: EncryptionCertificate) -> None:
    first, second = (certificates.private_key_for(str(certificate)) for _ in range(2))

    assert first
    assert second
    assert first[0] is second[0]


def test_an_unknown_name_has_no_key() -> None:
    assert certificates.private_key_for("nobody") is None


@pytest.mark.usefixtures("certificate")
def test_a_retired_key_that_was_erased_is_not_there() -> None:
    EncryptionCertificate.objects.update(private_key="")

    assert certificates.private_key_for("hooks") is None


@pytest.mark.usefixtures("certificate")
def test_without_the_field_key_there_is_an_error_and_no_key(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(FieldDecryptionError):
        certificates.private_key_for("hooks")


@pytest.mark.parametrize("name", ["my hooks", "-hooks", "hooks/1"])
def test_an_unfit_name_is_refused(key_pair: keys.KeyPair, name: str) -> None:
    with pytest.raises(ValidationError, match="letters, digits"):
        certificates.save(name, key_pair)
    assert not EncryptionCertificate.objects.exists()


def test_an_empty_name_is_refused(now: datetime) -> None:
    with pytest.raises(UnusableCertificateError):
        certificates.generate("", key_size=2048, now=now)


@pytest.mark.usefixtures("certificate")
def test_a_certificate_does_not_get_a_second_name(key_pair: keys.KeyPair) -> None:
    with pytest.raises(ValidationError, match="here already, under another name"):
        certificates.save("other", key_pair)


@pytest.mark.usefixtures("certificate")
def test_a_name_does_not_get_a_second_key(now: datetime) -> None:
    with pytest.raises(ValidationError, match="already exists"):
        certificates.generate("hooks", key_size=2048, now=now)
