"""Which certificates a new subscription may use, and what their names are."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from subscriptions.models import EncryptionCertificate

SECOND = timedelta(seconds=1)


def test_it_is_usable_from_the_first_to_the_last_moment(certificate: EncryptionCertificate) -> None:
    first, end = certificate.not_before_at, certificate.not_after_at
    usable = EncryptionCertificate.objects.usable

    assert usable(first).exists()
    assert usable(end - SECOND).exists()
    assert not usable(first - SECOND).exists()
    assert not usable(end).exists()


def test_validity_has_the_same_bounds(certificate: EncryptionCertificate) -> None:
    first, end = certificate.not_before_at, certificate.not_after_at

    answers = [certificate.is_valid_at(at) for at in (first - SECOND, first, end - SECOND, end)]

    assert answers == [False, True, True, False]


@pytest.mark.parametrize("state", ["draining", "retired"])
def test_what_is_on_its_way_out_is_not_for_new_subscriptions(
    certificate: EncryptionCertificate, state: str
) -> None:
    EncryptionCertificate.objects.update(state=state)

    assert not EncryptionCertificate.objects.usable(certificate.not_before_at).exists()


@pytest.mark.parametrize("name", ["", "-hooks", "my hooks", "hooks/1", "h\u00fcks", "h" * 129])
def test_a_name_that_graph_might_not_repeat_is_refused(certificate: EncryptionCertificate, name: str) -> None:
    certificate.encryption_certificate_id = name

    with pytest.raises(ValidationError):
        certificate.full_clean()


def test_a_name_is_never_given_twice(certificate: EncryptionCertificate) -> None:
    certificate.pk, certificate.thumbprint = None, "0" * 40

    with pytest.raises(IntegrityError), transaction.atomic():
        certificate.save(force_insert=True)


def test_a_certificate_has_one_name(certificate: EncryptionCertificate) -> None:
    certificate.pk, certificate.encryption_certificate_id = None, "other"

    with pytest.raises(IntegrityError), transaction.atomic():
        certificate.save(force_insert=True)
