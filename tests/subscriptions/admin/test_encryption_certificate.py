"""Encryption certificates in the admin: made and imported, and the private key never shown."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from subscriptions.keys import certificates as keys
from subscriptions.keys.certificates import KeyPair
from subscriptions.models import EncryptionCertificate, Subscription
from subscriptions.services import certificate_rotation, certificates

ADD = reverse("admin:subscriptions_encryptioncertificate_add")
LIST = reverse("admin:subscriptions_encryptioncertificate_changelist")
SIGHT = "subscriptions.view_encryptioncertificate"


def page_of(certificate: EncryptionCertificate, page: str = "change") -> str:
    return reverse(f"admin:subscriptions_encryptioncertificate_{page}", args=(certificate.pk,))


def form(**changes: Any) -> dict[str, Any]:
    return {
        "encryption_certificate_id": "hooks-2026",
        "source": "generate",
        "new_key_size": "2048",
        "pem_text": "",
        "password": "",
        **changes,
    }


def pem_of(pair: KeyPair) -> str:
    return pair.certificate_pem + pair.private_key_pem


def pfx_of(pair: KeyPair, password: str) -> bytes:
    return pkcs12.serialize_key_and_certificates(
        b"hooks",
        keys.load_private_key(pair.private_key_pem),
        x509.load_pem_x509_certificate(pair.certificate_pem.encode()),
        None,
        BestAvailableEncryption(password.encode()),
    )


@pytest.mark.parametrize("size", [2048, 3072])
def test_a_certificate_is_made(administrator: Client, size: int) -> None:
    administrator.post(ADD, form(new_key_size=str(size)))

    certificate = EncryptionCertificate.objects.get()
    assert certificate.key_size == size
    assert "PRIVATE KEY" in certificate.private_key.reveal()


def test_a_certificate_is_imported_from_text(administrator: Client, key_pair: KeyPair) -> None:
    administrator.post(ADD, form(source="pem", pem_text=pem_of(key_pair)))

    certificate = EncryptionCertificate.objects.get()
    assert certificate.certificate == key_pair.certificate_pem


def test_a_certificate_is_imported_from_a_pem_file(administrator: Client, key_pair: KeyPair) -> None:
    file = SimpleUploadedFile("hooks.pem", pem_of(key_pair).encode())

    administrator.post(ADD, form(source="pem", pem_file=file))

    assert EncryptionCertificate.objects.get().certificate == key_pair.certificate_pem


def test_a_certificate_is_imported_from_a_pfx_file(administrator: Client, key_pair: KeyPair) -> None:
    file = SimpleUploadedFile("hooks.pfx", pfx_of(key_pair, "right"))

    administrator.post(ADD, form(source="pfx", pfx_file=file, password="right"))

    assert EncryptionCertificate.objects.get().certificate == key_pair.certificate_pem


def test_a_wrong_password_is_told_at_the_file(administrator: Client, key_pair: KeyPair) -> None:
    file = SimpleUploadedFile("hooks.pfx", pfx_of(key_pair, "right"))

    answer = administrator.post(ADD, form(source="pfx", pfx_file=file, password="wrong"))

    assert "password is wrong" in str(answer.context["adminform"].form.errors["pfx_file"])
    assert 'value="wrong"' not in answer.content.decode()


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"encryption_certificate_id": ""}, "encryption_certificate_id", "required"),
        ({"encryption_certificate_id": "two words"}, "encryption_certificate_id", "Use letters, digits"),
        ({"encryption_certificate_id": "x" * 65}, "encryption_certificate_id", "1 to 64"),
        ({"encryption_certificate_id": "x" * 129}, "encryption_certificate_id", "at most 128"),
        ({"source": ""}, "source", "required"),
        ({"source": "thin air"}, "source", "Select a valid choice"),
        ({"new_key_size": "1024"}, "new_key_size", "Select a valid choice"),
        ({"source": "pem"}, "pem_file", "Choose a file"),
        ({"source": "pem", "pem_text": "nothing"}, "pem_text", "There is no PEM in this"),
        ({"source": "pfx"}, "pfx_file", "Choose a file"),
    ],
)
def test_a_wrong_value_is_told_at_its_field(
    administrator: Client, changes: dict[str, str], field: str, said: str
) -> None:
    answer = administrator.post(ADD, form(**changes))

    assert said in " ".join(answer.context["adminform"].form.errors[field])
    assert not EncryptionCertificate.objects.exists()


def test_a_file_far_too_large_is_not_read(administrator: Client) -> None:
    file = SimpleUploadedFile("film.pfx", b"x" * (keys.MAX_IMPORT_LENGTH + 1))

    answer = administrator.post(ADD, form(source="pfx", pfx_file=file))

    assert "longer than" in str(answer.context["adminform"].form.errors["pfx_file"])


def test_a_certificate_without_its_key_is_refused(administrator: Client, key_pair: KeyPair) -> None:
    answer = administrator.post(ADD, form(source="pem", pem_text=key_pair.certificate_pem))

    assert "no private key" in str(answer.context["adminform"].form.errors["pem_text"])


def test_an_expired_certificate_is_refused(administrator: Client) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=900)
    pair = keys.generate("old", now=long_ago)

    answer = administrator.post(ADD, form(source="pem", pem_text=pem_of(pair)))

    assert "expired on" in str(answer.context["adminform"].form.errors["pem_text"])


def test_a_key_of_another_kind_is_refused(administrator: Client, key_pair: KeyPair) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    answer = administrator.post(ADD, form(source="pem", pem_text=key_pair.certificate_pem + pem))

    assert "not RSA" in str(answer.context["adminform"].form.errors["pem_text"])


def test_the_same_certificate_is_not_taken_twice(
    administrator: Client, certificate: EncryptionCertificate, key_pair: KeyPair
) -> None:
    answer = administrator.post(ADD, form(source="pem", pem_text=pem_of(key_pair)))

    assert f"under the name {certificate}" in str(answer.context["adminform"].form.errors["pem_text"])


def test_a_name_in_use_is_refused(administrator: Client, certificate: EncryptionCertificate) -> None:
    answer = administrator.post(ADD, form(encryption_certificate_id=str(certificate)))

    assert "already exists" in str(answer.context["adminform"].form.errors["encryption_certificate_id"])


def test_no_page_shows_the_private_key(
    administrator: Client, certificate: EncryptionCertificate, key_pair: KeyPair
) -> None:
    secret = key_pair.private_key_pem.splitlines()[3]

    pages = [administrator.get(url) for url in (LIST, page_of(certificate), page_of(certificate, "download"))]

    assert all(answer.status_code == 200 for answer in pages)
    assert all(secret not in answer.content.decode() for answer in pages)
    assert all("PRIVATE KEY" not in answer.content.decode() for answer in pages)


def test_a_refused_import_does_not_send_the_key_back(administrator: Client, key_pair: KeyPair) -> None:
    pem = pem_of(key_pair)

    answer = administrator.post(ADD, form(encryption_certificate_id="", source="pem", pem_text=pem))

    assert key_pair.private_key_pem.splitlines()[3] not in answer.content.decode()


def test_the_name_cannot_be_changed(administrator: Client, certificate: EncryptionCertificate) -> None:
    administrator.post(page_of(certificate), {"encryption_certificate_id": "other", "state": "draining"})

    certificate.refresh_from_db()
    assert (certificate.encryption_certificate_id, certificate.state) == ("hooks", "draining")


def test_a_certificate_in_use_cannot_be_retired(
    administrator: Client, certificate: EncryptionCertificate, make_row: Callable[..., Subscription]
) -> None:
    make_row(include_resource_data=True, encryption_certificate=certificate)

    answer = administrator.post(page_of(certificate), {"state": "retired"})

    certificate.refresh_from_db()
    assert "1 subscription uses hooks" in str(answer.context["adminform"].form.errors["state"])
    assert certificate.state == "active"


def test_a_certificate_in_use_cannot_be_deleted_and_the_page_says_why(
    administrator: Client, certificate: EncryptionCertificate, make_row: Callable[..., Subscription]
) -> None:
    make_row(include_resource_data=True, encryption_certificate=certificate)

    answer = administrator.post(page_of(certificate, "delete"), {"post": "yes"})

    assert "that no subscription uses, can be deleted" in answer.content.decode()
    assert EncryptionCertificate.objects.exists()


def test_one_that_graph_was_told_of_cannot_be_deleted(
    administrator: Client, certificate: EncryptionCertificate
) -> None:
    EncryptionCertificate.objects.update(first_used_at=datetime.now(UTC))

    assert administrator.post(page_of(certificate, "delete"), {"post": "yes"}).status_code == 403
    assert EncryptionCertificate.objects.exists()


def test_one_that_graph_was_never_told_of_can_be_deleted(
    administrator: Client, certificate: EncryptionCertificate
) -> None:
    administrator.post(page_of(certificate, "delete"), {"post": "yes"})

    assert not EncryptionCertificate.objects.exists()


def test_back_in_use_the_time_to_its_retirement_begins_anew(
    administrator: Client, certificate: EncryptionCertificate
) -> None:
    certificate_rotation.replace_by_new(certificate, now=datetime.now(UTC))
    EncryptionCertificate.objects.filter(pk=certificate.pk).update(unused_since_at=datetime.now(UTC))

    administrator.post(page_of(certificate), {"state": "active"})

    certificate.refresh_from_db()
    assert (certificate.state, certificate.unused_since_at, certificate.replaced_by) == ("active", None, None)


def test_without_its_key_the_state_is_fixed(
    administrator: Client, certificate: EncryptionCertificate
) -> None:
    EncryptionCertificate.objects.update(state="retired", private_key="", key_destroyed_at=datetime.now(UTC))

    administrator.post(page_of(certificate), {"state": "active"})

    certificate.refresh_from_db()
    assert certificate.state == "retired"


def test_several_cannot_be_deleted_at_once(administrator: Client, certificate: EncryptionCertificate) -> None:
    chosen = {"action": "delete_selected", "_selected_action": [certificate.pk], "post": "yes"}

    administrator.post(LIST, chosen)

    assert EncryptionCertificate.objects.exists()


def test_the_public_certificate_can_be_downloaded(
    signed_in: Callable[..., Client], certificate: EncryptionCertificate
) -> None:
    answer = signed_in(SIGHT).get(page_of(certificate, "download"))

    assert answer.content.decode() == certificate.certificate
    assert 'filename="hooks.pem"' in answer.headers["Content-Disposition"]


def test_the_download_needs_sight_of_certificates(
    signed_in: Callable[..., Client], certificate: EncryptionCertificate
) -> None:
    assert signed_in().get(page_of(certificate, "download")).status_code == 403


def test_a_stranger_is_sent_to_sign_in(client: Client, certificate: EncryptionCertificate) -> None:
    answer = client.get(page_of(certificate, "download"))

    assert answer.headers["Location"].startswith(reverse("admin:login"))


@pytest.mark.usefixtures("certificate")
def test_the_list_costs_the_same_for_any_number_of_rows(
    administrator: Client, django_assert_num_queries: Any
) -> None:
    certificates.save("another", keys.generate("another", now=datetime.now(UTC)))

    with django_assert_num_queries(5):
        administrator.get(LIST)
