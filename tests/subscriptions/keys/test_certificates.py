"""Certificates that Graph would take come in; every other is refused with what to do."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from subscriptions.keys import certificates
from subscriptions.keys.certificates import KeyPair, UnusableCertificateError

NOW = datetime(2027, 2, 3, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
PASSWORD = "p\u00e4ss"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def make_certificate(
    private_key: PrivateKey, *, not_before: datetime = NOW - DAY, not_after: datetime = NOW + DAY
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "invented")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private_key.public_key())
        .serial_number(0xC0FFEE)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .sign(private_key, hashes.SHA256())
    )


def certificate_text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def key_text(
    private_key: PrivateKey,
    *,
    encryption: KeySerializationEncryption | None = None,
    key_format: PrivateFormat = PrivateFormat.PKCS8,
) -> str:
    return private_key.private_bytes(Encoding.PEM, key_format, encryption or NoEncryption()).decode()


def make_pfx(
    key: PrivateKey | None,
    certificate: x509.Certificate | None,
    *,
    chain: list[x509.Certificate] | None = None,
    password: str | None = PASSWORD,
) -> bytes:
    encryption = NoEncryption() if password is None else BestAvailableEncryption(password.encode())
    return pkcs12.serialize_key_and_certificates(b"invented", key, certificate, chain, encryption)


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def other_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def short_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - to be refused


@pytest.fixture(scope="module")
def long_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=4352)


@pytest.fixture(scope="module")
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def certificate(key: rsa.RSAPrivateKey) -> x509.Certificate:
    return make_certificate(key)


@pytest.fixture(scope="module")
def pair(key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> KeyPair:
    return KeyPair(private_key_pem=key_text(key), certificate_pem=certificate_text(certificate))


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(UnusableCertificateError) as caught:
        call()
    return str(caught.value)


def import_pem(text: str | bytes, *, password: str | None = None) -> KeyPair:
    return certificates.import_pem(text, password=password, now=NOW)


def import_pfx(data: bytes, *, password: str | None = PASSWORD) -> KeyPair:
    return certificates.import_pfx(data, password=password, now=NOW)


class TestGenerating:
    @pytest.mark.parametrize("key_size", [2048, 3072, 4096])
    def test_a_generated_pair_is_one_that_we_import(self, key_size: int) -> None:
        made = certificates.generate("Contoso hooks", key_size=key_size, now=NOW)

        facts = certificates.describe(made.certificate_pem)
        assert facts.key_size == key_size
        assert facts.subject == "CN=Contoso hooks"
        assert facts.not_after_at == NOW + timedelta(days=730)
        assert import_pem(made.certificate_pem + made.private_key_pem) == made

    def test_a_generated_certificate_is_for_encipherment_by_an_end_entity(self) -> None:
        made = certificates.generate("hooks", now=NOW, valid_for=DAY)

        certificate = x509.load_pem_x509_certificate(made.certificate_pem.encode())
        assert certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_encipherment
        assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        assert certificate.not_valid_after_utc == NOW + DAY
        certificate.verify_directly_issued_by(certificate)

    def test_a_host_with_a_slow_clock_takes_it(self) -> None:
        made = certificates.generate("hooks", now=NOW)

        assert (
            certificates.parse_public(made.certificate_pem, NOW - timedelta(minutes=4))
            == made.certificate_pem
        )

    @pytest.mark.parametrize("common_name", ["", "x" * 65, "a\0b", "a\nb", "\ud800"])
    def test_an_unfit_name_is_refused(self, common_name: str) -> None:
        assert "1 to 64 printable" in refusal(lambda: certificates.generate(common_name, now=NOW))

    @pytest.mark.parametrize("key_size", [0, 1024, 2047, 8192])
    def test_an_unfit_size_is_refused(self, key_size: int) -> None:
        text = refusal(lambda: certificates.generate("hooks", key_size=key_size, now=NOW))

        assert "2048, 3072 or 4096" in text

    def test_an_empty_duration_is_refused(self) -> None:
        text = refusal(lambda: certificates.generate("hooks", now=NOW, valid_for=timedelta(0)))

        assert "valid for some time" in text

    def test_the_private_key_does_not_show(self, pair: KeyPair) -> None:
        assert "PRIVATE" not in repr(pair)


class TestDescribing:
    def test_the_facts_of_a_certificate(self, pair: KeyPair, certificate: x509.Certificate) -> None:
        facts = certificates.describe(pair.certificate_pem)

        assert facts.thumbprint == certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - Graph's own
        assert facts.thumbprint_sha256 == certificate.fingerprint(hashes.SHA256()).hex().upper()
        assert (facts.not_before_at, facts.not_after_at) == (NOW - DAY, NOW + DAY)
        assert (facts.key_size, facts.serial_number, facts.subject) == (2048, "C0FFEE", "CN=invented")

    def test_the_public_form_is_der_in_one_line_of_base64(
        self, pair: KeyPair, certificate: x509.Certificate
    ) -> None:
        text = certificates.public_base64(pair.certificate_pem)

        assert base64.b64decode(text, validate=True) == certificate.public_bytes(Encoding.DER)

    def test_a_stored_key_loads(self, pair: KeyPair, key: rsa.RSAPrivateKey) -> None:
        assert certificates.load_private_key(pair.private_key_pem).private_numbers() == key.private_numbers()

    @pytest.mark.parametrize(
        "read", [certificates.describe, certificates.public_base64, certificates.load_private_key]
    )
    def test_garbage_is_refused(self, read: Callable[[str], Any]) -> None:
        assert "cannot be read" in refusal(lambda: read("garbage"))


class TestImportingPem:
    def test_key_and_certificate_come_in_any_order_between_other_lines(self, pair: KeyPair) -> None:
        text = f"Bag Attributes\n  friendlyName: x\n{pair.private_key_pem}subject=x\n{pair.certificate_pem}"

        assert import_pem(text) == pair
        assert import_pem((pair.certificate_pem + pair.private_key_pem).encode()) == pair
        assert import_pem(text.replace("\n", "\r\n")) == pair

    def test_an_older_key_format_becomes_pkcs8(self, pair: KeyPair, key: rsa.RSAPrivateKey) -> None:
        older = key_text(key, key_format=PrivateFormat.TraditionalOpenSSL)

        assert "BEGIN RSA PRIVATE KEY" in older
        assert import_pem(older + pair.certificate_pem) == pair

    @pytest.mark.parametrize("key_format", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
    def test_an_encrypted_key_needs_its_password(
        self, key_format: PrivateFormat, pair: KeyPair, key: rsa.RSAPrivateKey
    ) -> None:
        encryption = BestAvailableEncryption(PASSWORD.encode())
        text = key_text(key, encryption=encryption, key_format=key_format) + pair.certificate_pem

        assert import_pem(text, password=PASSWORD) == pair
        assert "Give its password" in refusal(lambda: import_pem(text))
        assert "Give its password" in refusal(lambda: import_pem(text, password=""))
        assert "password is wrong" in refusal(lambda: import_pem(text, password="hush"))

    def test_a_needless_password_does_no_harm(self, pair: KeyPair) -> None:
        assert import_pem(pair.private_key_pem + pair.certificate_pem, password="x") == pair

    def test_of_a_chain_the_certificate_of_the_key_is_taken(
        self, pair: KeyPair, other_key: rsa.RSAPrivateKey, ec_key: ec.EllipticCurvePrivateKey
    ) -> None:
        issuers = [certificate_text(make_certificate(issuer)) for issuer in (other_key, ec_key)]

        assert import_pem("".join([*issuers, pair.certificate_pem, pair.private_key_pem])) == pair

    def test_of_two_certificates_of_one_key_the_one_that_lasts_longer_is_taken(
        self, pair: KeyPair, key: rsa.RSAPrivateKey
    ) -> None:
        renewed = certificate_text(make_certificate(key, not_after=NOW + 2 * DAY))

        taken = import_pem(pair.certificate_pem + renewed + pair.private_key_pem)

        assert taken.certificate_pem == renewed

    def test_a_pair_that_does_not_match_is_refused(self, pair: KeyPair, other_key: rsa.RSAPrivateKey) -> None:
        text = refusal(lambda: import_pem(pair.certificate_pem + key_text(other_key)))

        assert "do not belong together" in text

    def test_both_halves_must_be_there_once(self, pair: KeyPair, other_key: rsa.RSAPrivateKey) -> None:
        two_keys = pair.private_key_pem + key_text(other_key) + pair.certificate_pem

        assert "no private key" in refusal(lambda: import_pem(pair.certificate_pem))
        assert "no certificate" in refusal(lambda: import_pem(pair.private_key_pem))
        assert "several private keys" in refusal(lambda: import_pem(two_keys))

    def test_a_key_of_another_kind_is_refused(self, ec_key: ec.EllipticCurvePrivateKey) -> None:
        text = certificate_text(make_certificate(ec_key)) + key_text(ec_key)

        assert "not RSA" in refusal(lambda: import_pem(text))

    @pytest.mark.parametrize(("fixture", "bits"), [("short_key", "1024"), ("long_key", "4352")])
    def test_a_key_of_another_size_is_refused(
        self, fixture: str, bits: str, request: pytest.FixtureRequest
    ) -> None:
        private_key = request.getfixturevalue(fixture)
        text = certificate_text(make_certificate(private_key)) + key_text(private_key)

        assert f"{bits} bits" in refusal(lambda: import_pem(text))

    def test_an_expired_certificate_is_refused(self, key: rsa.RSAPrivateKey) -> None:
        text = certificate_text(make_certificate(key, not_after=NOW)) + key_text(key)

        assert "expired on 2027-02-03 12:00 UTC" in refusal(lambda: import_pem(text))

    def test_a_certificate_of_the_future_is_refused(self, key: rsa.RSAPrivateKey) -> None:
        text = certificate_text(make_certificate(key, not_before=NOW + timedelta(seconds=1))) + key_text(key)

        assert "not valid until 2027-02-03 12:00 UTC" in refusal(lambda: import_pem(text))

    @pytest.mark.parametrize("half", ["private_key_pem", "certificate_pem"])
    def test_a_half_cut_short_is_refused_without_being_quoted(self, half: str, pair: KeyPair) -> None:
        lines = getattr(pair, half).splitlines()
        cut = "\n".join([*lines[:4], lines[-1], ""])
        text = cut + (pair.certificate_pem if half == "private_key_pem" else pair.private_key_pem)

        reason = refusal(lambda: import_pem(text))

        assert "cut short" in reason
        assert lines[2] not in reason

    @pytest.mark.parametrize("text", ["", "garbage", b"\x30\x82\xff\x00", "-----BEGIN CERTIFICATE-----"])
    def test_what_is_no_pem_is_refused(self, text: str | bytes) -> None:
        assert "no PEM" in refusal(lambda: import_pem(text))

    def test_a_pfx_given_as_pem_is_told_apart(
        self, key: rsa.RSAPrivateKey, certificate: x509.Certificate
    ) -> None:
        data = make_pfx(key, certificate)

        assert "as PFX" in refusal(lambda: import_pem(data))
        assert "as PFX" in refusal(lambda: import_pem(data.decode("latin-1")))

    def test_a_huge_text_is_refused_at_once(self) -> None:
        assert "longer than" in refusal(lambda: import_pem("-----BEGIN A-----" * 10_000))

    @given(st.text(max_size=80), st.binary(max_size=80))
    @settings(max_examples=60)
    def test_nothing_causes_another_error(self, text: str, data: bytes) -> None:
        block = f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"
        key_block = block.replace("CERTIFICATE", "PRIVATE KEY")

        for unfit in (text, data, block + key_block, key_block):
            assert refusal(lambda unfit=unfit: import_pem(unfit))  # type: ignore[misc]
        assert refusal(lambda: import_pfx(data))
        assert refusal(lambda: import_pfx(b"\x30\x50\x02\x01\x03" + data))


class TestImportingPfx:
    @pytest.mark.parametrize("password", [PASSWORD, None])
    def test_a_pfx_opens_with_its_password_or_without_one(
        self, password: str | None, pair: KeyPair, key: rsa.RSAPrivateKey, certificate: x509.Certificate
    ) -> None:
        assert import_pfx(make_pfx(key, certificate, password=password), password=password) == pair

    def test_an_empty_password_field_means_no_password(
        self, pair: KeyPair, key: rsa.RSAPrivateKey, certificate: x509.Certificate
    ) -> None:
        assert import_pfx(make_pfx(key, certificate, password=None), password="") == pair

    @pytest.mark.parametrize("password", ["hush", "", None])
    def test_a_wrong_or_missing_password_is_refused(
        self, password: str | None, key: rsa.RSAPrivateKey, certificate: x509.Certificate
    ) -> None:
        text = refusal(lambda: import_pfx(make_pfx(key, certificate), password=password))

        assert "password is wrong or missing" in text
        assert "hush" not in text

    def test_of_a_chain_the_certificate_of_the_key_is_taken(
        self,
        pair: KeyPair,
        key: rsa.RSAPrivateKey,
        certificate: x509.Certificate,
        other_key: rsa.RSAPrivateKey,
    ) -> None:
        chain = [make_certificate(other_key)]

        assert import_pfx(make_pfx(key, certificate, chain=chain)) == pair

    def test_both_halves_must_be_there(self, key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> None:
        assert "no private key" in refusal(lambda: import_pfx(make_pfx(None, certificate)))
        assert "no certificate" in refusal(lambda: import_pfx(make_pfx(key, None)))

    def test_the_rules_of_pem_hold_here_too(
        self, ec_key: ec.EllipticCurvePrivateKey, short_key: rsa.RSAPrivateKey, key: rsa.RSAPrivateKey
    ) -> None:
        expired = make_certificate(key, not_after=NOW)

        assert "not RSA" in refusal(lambda: import_pfx(make_pfx(ec_key, make_certificate(ec_key))))
        assert "1024 bits" in refusal(lambda: import_pfx(make_pfx(short_key, make_certificate(short_key))))
        assert "expired" in refusal(lambda: import_pfx(make_pfx(key, expired)))

    def test_other_files_are_told_apart(
        self, pair: KeyPair, key: rsa.RSAPrivateKey, certificate: x509.Certificate
    ) -> None:
        der_key = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

        assert "as PEM" in refusal(lambda: import_pfx(pair.certificate_pem.encode()))
        assert "without a private key" in refusal(lambda: import_pfx(certificate.public_bytes(Encoding.DER)))
        assert "private key alone" in refusal(lambda: import_pfx(der_key))
        assert "not a PFX" in refusal(lambda: import_pfx(b"garbage"))
        assert "not a PFX" in refusal(lambda: import_pfx(b""))
        assert "longer than" in refusal(lambda: import_pfx(bytes(100_001)))

    def test_a_damaged_pfx_is_refused(self, key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> None:
        assert "damaged" in refusal(lambda: import_pfx(make_pfx(key, certificate)[:-50]))


class TestPublicField:
    def test_a_certificate_is_cleaned_of_what_surrounds_it(self, pair: KeyPair) -> None:
        assert (
            certificates.parse_public(f" subject=x\r\n{pair.certificate_pem}\n\n", NOW)
            == pair.certificate_pem
        )

    @pytest.mark.parametrize("encrypted", [True, False])
    def test_a_private_key_is_refused_with_that_reason(
        self, encrypted: bool, pair: KeyPair, key: rsa.RSAPrivateKey
    ) -> None:
        encryption = BestAvailableEncryption(b"x") if encrypted else NoEncryption()
        text = pair.certificate_pem + key_text(key, encryption=encryption)

        assert "holds a private key" in refusal(lambda: certificates.parse_public(text, NOW))

    def test_the_rules_for_certificates_hold_here_too(
        self,
        pair: KeyPair,
        key: rsa.RSAPrivateKey,
        ec_key: ec.EllipticCurvePrivateKey,
        short_key: rsa.RSAPrivateKey,
    ) -> None:
        refused = {
            "several certificates": pair.certificate_pem * 2,
            "not RSA": certificate_text(make_certificate(ec_key)),
            "1024 bits": certificate_text(make_certificate(short_key)),
            "expired": certificate_text(make_certificate(key, not_after=NOW)),
            "not valid until": certificate_text(make_certificate(key, not_before=NOW + DAY / 2)),
            "no certificate": "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----",
            "no PEM": "garbage",
        }

        for reason, text in refused.items():
            assert reason in refusal(lambda text=text: certificates.parse_public(text, NOW))  # type: ignore[misc]
