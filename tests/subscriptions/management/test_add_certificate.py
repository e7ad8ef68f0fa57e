"""add_certificate: makes or imports one, and never uses a name for another key."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from subscriptions.keys import certificates as keys
from subscriptions.models import EncryptionCertificate

pytestmark = pytest.mark.django_db

Run = Callable[..., Any]


@pytest.fixture
def pem(key_pair: keys.KeyPair, tmp_path: Path) -> str:
    """Write a key pair to a file."""
    file = tmp_path / "pair.pem"
    file.write_text(key_pair.private_key_pem + key_pair.certificate_pem)
    return str(file)


@pytest.fixture
def pfx(key_pair: keys.KeyPair, tmp_path: Path) -> str:
    """Write a key pair to a PFX file with the password `open sesame`."""
    key = load_pem_private_key(key_pair.private_key_pem.encode(), None)
    certificate = x509.load_pem_x509_certificate(key_pair.certificate_pem.encode())
    file = tmp_path / "pair.pfx"
    file.write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"pair",
            key,  # type: ignore[arg-type] # RSA, as the fixture made it
            certificate,
            None,
            BestAvailableEncryption(b"open sesame"),
        )
    )
    return str(file)


def test_it_makes_one_and_prints_one_object(run: Run) -> None:
    answer = run("add_certificate", "--name=hooks", "--json")

    row = EncryptionCertificate.objects.get()
    assert answer.code == 0
    assert answer.json == {
        "id": row.pk,
        "name": "hooks",
        "status": "created",
        "state": "active",
        "thumbprint": row.thumbprint,
        "key_size": 2048,
        "not_before_at": row.not_before_at.isoformat(),
        "expires_at": row.not_after_at.isoformat(),
    }
    assert answer.json["expires_at"].endswith("+00:00")


def test_running_it_twice_makes_one(run: Run) -> None:
    first = run("add_certificate", "--name=hooks", "--json")
    second = run("add_certificate", "--name=hooks", "--json")

    assert (second.code, second.json) == (0, {**first.json, "status": "existing"})


def test_a_pem_file_is_imported(run: Run, pem: str) -> None:
    answer = run("add_certificate", "--name=hooks", f"--pem={pem}", "--json")
    again = run("add_certificate", "--name=hooks", f"--pem={pem}", "--json")

    assert (answer.code, answer.json["status"]) == (0, "created")
    assert (again.code, again.json["status"]) == (0, "existing")
    assert "PRIVATE KEY" not in answer.out + answer.err


def test_a_pfx_file_is_opened_with_its_password(run: Run, pfx: str) -> None:
    wrong = run("add_certificate", "--name=hooks", f"--pfx={pfx}", "--password-env=PW", PW="no-good")
    right = run("add_certificate", "--name=hooks", f"--pfx={pfx}", "--password-env=PW", PW="open sesame")

    assert (wrong.code, "password is wrong" in wrong.err, right.code) == (2, True, 0)
    assert "no-good" not in wrong.err


@pytest.mark.usefixtures("certificate")
def test_a_name_is_not_used_for_another_key(run: Run, tmp_path: Path) -> None:
    other = keys.generate("other", now=datetime.now(UTC))
    file = tmp_path / "other.pem"
    file.write_text(other.private_key_pem + other.certificate_pem)

    answer = run("add_certificate", "--name=hooks", f"--pem={file}")

    assert (answer.code, "Choose a new name" in answer.err) == (2, True)


@pytest.mark.usefixtures("certificate")
def test_a_key_does_not_get_a_second_name(run: Run, pem: str) -> None:
    answer = run("add_certificate", "--name=other", f"--pem={pem}")

    assert (answer.code, "under another name" in answer.err) == (2, True)


@pytest.mark.parametrize("name", ["", "my hooks", "h" * 65])
def test_an_unfit_name_exits_2(run: Run, name: str) -> None:
    assert run("add_certificate", f"--name={name}").code == 2
    assert not EncryptionCertificate.objects.exists()


@pytest.mark.parametrize("option", ["--pem", "--pfx"])
def test_a_file_that_is_not_there_exits_2(run: Run, option: str) -> None:
    answer = run("add_certificate", "--name=hooks", f"{option}=/no/such/file")

    assert (answer.code, "cannot be read" in answer.err) == (2, True)


def test_what_graph_would_refuse_exits_2_with_the_reason(run: Run, tmp_path: Path) -> None:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "curve")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    file = tmp_path / "curve.pem"
    file.write_bytes(
        builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )

    answer = run("add_certificate", "--name=hooks", f"--pem={file}")

    assert (answer.code, "Graph takes RSA" in answer.err) == (2, True)


def test_people_are_told_what_matters(run: Run) -> None:
    answer = run("add_certificate", "--name=hooks")

    assert "hooks: RSA 2048, thumbprint" in answer.out
    assert answer.out.endswith(" UTC.\n")


def test_without_verbosity_nothing_is_printed(run: Run, pem: str) -> None:
    answer = run("add_certificate", "--name=hooks", f"--pem={pem}", "-v0")

    assert (answer.code, answer.out, answer.err) == (0, "", "")
