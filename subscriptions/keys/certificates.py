"""Make, import and describe the certificates with which Graph encrypts resource data for us."""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID

MIN_KEY_SIZE = 2048
MAX_KEY_SIZE = 4096
KEY_SIZES = (2048, 3072, 4096)

# A chain with its key is some 20,000 bytes; the bound keeps an upload from costing much time.
MAX_IMPORT_LENGTH = 100_000
MAX_COMMON_NAME_LENGTH = 64

# So that a host whose clock is a little slow does not find its own new certificate not yet valid.
_BACKDATED = timedelta(minutes=5)

_PEM_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_CERTIFICATE_LABELS = frozenset({"CERTIFICATE", "X509 CERTIFICATE"})
_ENCRYPTED_KEY = re.compile(r"BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED")
# What a PFX file begins with, after its outer tag and length: the integer 3.
_PFX_VERSION = b"\x02\x01\x03"


class UnusableCertificateError(ValueError):
    """Say why Graph, or we, could not use a certificate or key, and what to do."""


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """Hold a certificate and its private key, the key as unencrypted PKCS#8."""

    private_key_pem: str = field(repr=False)
    certificate_pem: str


@dataclass(frozen=True, kw_only=True)
class CertificateFacts:
    """Hold what staff want to know of a certificate; fingerprints and serial number in upper-case hex."""

    thumbprint: str
    thumbprint_sha256: str
    subject: str
    not_before_at: datetime
    not_after_at: datetime
    key_size: int
    serial_number: str


def generate(
    common_name: str,
    *,
    key_size: int = 2048,
    now: datetime,
    valid_for: timedelta = timedelta(days=365 * 2),
) -> KeyPair:
    """Make an RSA key and a self-signed certificate, valid from a little before `now`.

    `key_size` is 2048, 3072 or 4096 bits. `now` is aware.

    Raises:
        UnusableCertificateError: the name is empty, too long or unprintable, or the size or duration is not
            one that Graph takes.

    Source: change-notifications-with-resource-data (2026-04-17): self-signed, RSA of 2048 to 4096 bits.
    """
    if not 0 < len(common_name) <= MAX_COMMON_NAME_LENGTH or not common_name.isprintable():
        raise UnusableCertificateError(
            f"The common name must have 1 to {MAX_COMMON_NAME_LENGTH} printable characters."
        )
    if key_size not in KEY_SIZES:
        raise UnusableCertificateError("The key size must be 2048, 3072 or 4096 bits.")
    if valid_for <= timedelta(0):
        raise UnusableCertificateError("The certificate must be valid for some time.")
    private_key = rsa.generate_private_key(public_exponent=65537, key_size=key_size)
    certificate = _self_signed(private_key, common_name, now=now, valid_for=valid_for)
    return _key_pair(private_key, certificate)


def import_pem(text: str | bytes, *, password: str | None = None, now: datetime) -> KeyPair:
    """Take a certificate and its private key, in any order, from PEM text; of a chain, the one of that key.

    Raises:
        UnusableCertificateError: with what is wrong and what to do.

    """
    blocks = _pem_blocks(text)
    keys = [block for label, block in blocks if label.endswith("PRIVATE KEY")]
    certificates = [_pem_certificate(block) for label, block in blocks if label in _CERTIFICATE_LABELS]
    if not keys:
        raise _no_private_key()
    if len(keys) > 1:
        raise UnusableCertificateError("There are several private keys. Keep the one that belongs here.")
    return _matched(_pem_private_key(keys[0], password), certificates, now=now)


def import_pfx(data: bytes, *, password: str | None, now: datetime) -> KeyPair:
    """Take a certificate and its private key from a PFX (PKCS#12) file; of a chain, the one of that key.

    Raises:
        UnusableCertificateError: with what is wrong and what to do.

    """
    if len(data) > MAX_IMPORT_LENGTH:
        raise _too_long()
    if b"-----BEGIN " in data:
        raise UnusableCertificateError("This is PEM text, not a PFX file. Import it as PEM.")
    if _PFX_VERSION not in data[:16]:
        raise _not_pfx(data)
    try:
        bundle = pkcs12.load_pkcs12(data, None if password is None else password.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnusableCertificateError(
            "The PFX file does not open. The password is wrong or missing, or the file is damaged."
        ) from error
    if bundle.key is None:
        raise _no_private_key()
    first = [bundle.cert] if bundle.cert else []
    certificates = [held.certificate for held in (*first, *bundle.additional_certs)]
    return _matched(_rsa_private_key(bundle.key), certificates, now=now)


def parse_public(text: str | bytes, now: datetime) -> str:
    """Take one certificate in PEM, without a private key, for a field that is not secret; return clean PEM.

    Raises:
        UnusableCertificateError: with what is wrong and what to do.

    """
    blocks = _pem_blocks(text)
    if any(label.endswith("PRIVATE KEY") for label, _block in blocks):
        raise UnusableCertificateError(
            "This holds a private key, and this field is for the public certificate only. "
            "Paste only the part from BEGIN CERTIFICATE to END CERTIFICATE, and treat the key as exposed."
        )
    certificates = [_pem_certificate(block) for label, block in blocks if label in _CERTIFICATE_LABELS]
    if not certificates:
        raise _no_certificate()
    if len(certificates) > 1:
        raise UnusableCertificateError(
            "There are several certificates. Paste only the one that belongs here."
        )
    _rsa_public_key(certificates[0])
    _check_validity(certificates[0], now=now)
    return _pem(certificates[0])


def describe(certificate_pem: str) -> CertificateFacts:
    """Tell the facts of a certificate. Its thumbprint is the SHA-1 that Graph names in `encryptedContent`.

    Raises:
        UnusableCertificateError: the text is no certificate with an RSA key that Graph takes.

    """
    certificate = _pem_certificate(certificate_pem)
    return CertificateFacts(
        thumbprint=certificate.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303 - Graph's own choice
        thumbprint_sha256=certificate.fingerprint(hashes.SHA256()).hex().upper(),
        subject=certificate.subject.rfc4514_string(),
        not_before_at=certificate.not_valid_before_utc,
        not_after_at=certificate.not_valid_after_utc,
        key_size=_rsa_public_key(certificate).key_size,
        serial_number=f"{certificate.serial_number:X}",
    )


def public_base64(certificate_pem: str) -> str:
    """Give a certificate as `encryptionCertificate` wants it: Base64 of the DER on one line, without markers.

    Raises:
        UnusableCertificateError: the text is no certificate.

    Source: change-notifications-with-resource-data (2026-04-17) and the code of Microsoft's SDKs.
    """
    return base64.b64encode(_pem_certificate(certificate_pem).public_bytes(Encoding.DER)).decode("ascii")


def load_private_key(private_key_pem: str) -> RSAPrivateKey:
    """Load a stored private key. This takes some 35 ms, so keep the result.

    Raises:
        UnusableCertificateError: the text is no unencrypted RSA key of 2048 to 4096 bits.

    """
    return _pem_private_key(private_key_pem, None)


def _self_signed(
    private_key: RSAPrivateKey, common_name: str, *, now: datetime, valid_for: timedelta
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    public_key = private_key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + valid_for)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_encipherment_only(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )
    return builder.sign(private_key, hashes.SHA256())


def _encipherment_only() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pair(private_key: RSAPrivateKey, certificate: x509.Certificate) -> KeyPair:
    key_bytes = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return KeyPair(private_key_pem=key_bytes.decode("ascii"), certificate_pem=_pem(certificate))


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def _matched(
    private_key: RSAPrivateKey, certificates: Sequence[x509.Certificate], *, now: datetime
) -> KeyPair:
    if not certificates:
        raise _no_certificate()
    matching = list(_matching(private_key, certificates))
    if not matching:
        raise UnusableCertificateError(
            "The private key and the certificate do not belong together. Import two that were made together."
        )
    # A certificate may have been renewed for the same key; the one that lasts longest is meant.
    certificate = max(matching, key=lambda candidate: candidate.not_valid_after_utc)
    _check_validity(certificate, now=now)
    return _key_pair(private_key, certificate)


def _matching(
    private_key: RSAPrivateKey, certificates: Iterable[x509.Certificate]
) -> Iterable[x509.Certificate]:
    wanted = private_key.public_key()
    for certificate in certificates:
        try:
            if certificate.public_key() == wanted:
                yield certificate
        except (ValueError, UnsupportedAlgorithm):
            # Another link of the chain may have a key of a kind we do not know.
            continue


def _check_validity(certificate: x509.Certificate, *, now: datetime) -> None:
    not_before_at, not_after_at = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < not_before_at:
        raise UnusableCertificateError(
            f"The certificate is not valid until {not_before_at:%Y-%m-%d %H:%M} UTC. "
            "Use one that is valid now, or check this host's clock."
        )
    if now >= not_after_at:
        raise UnusableCertificateError(
            f"The certificate expired on {not_after_at:%Y-%m-%d %H:%M} UTC. Use one that is valid now."
        )


def _pem_blocks(text: str | bytes) -> list[tuple[str, str]]:
    if len(text) > MAX_IMPORT_LENGTH:
        raise _too_long()
    readable = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    blocks = [(match[1], match[0]) for match in _PEM_BLOCK.finditer(readable)]
    if not blocks:
        raise UnusableCertificateError(
            "There is no PEM in this: it should have lines like -----BEGIN CERTIFICATE-----. "
            "Import a .pfx or .p12 file as PFX; convert a binary .cer or .der file with "
            "'openssl x509 -inform DER -outform PEM'."
        )
    return blocks


def _pem_certificate(block: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(block.encode())
    except ValueError as error:
        raise UnusableCertificateError(
            "The certificate cannot be read. It may be cut short: copy it whole, from BEGIN to END."
        ) from error


def _pem_private_key(block: str, password: str | None) -> RSAPrivateKey:
    is_encrypted = bool(_ENCRYPTED_KEY.search(block))
    if is_encrypted and not password:
        raise UnusableCertificateError("The private key is encrypted. Give its password.")
    try:
        # A password for a key without one is harmless, but the loader refuses it.
        key = load_pem_private_key(block.encode(), password.encode() if is_encrypted and password else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if is_encrypted:
            raise UnusableCertificateError(
                "The private key does not open. The password is wrong, or the key is damaged."
            ) from error
        raise UnusableCertificateError(
            "The private key cannot be read. It may be cut short: copy it whole, from BEGIN to END."
        ) from error
    return _rsa_private_key(key)


def _rsa_private_key(key: object) -> RSAPrivateKey:
    if not isinstance(key, RSAPrivateKey):
        raise _not_rsa()
    _check_key_size(key.key_size)
    return key


def _rsa_public_key(certificate: x509.Certificate) -> RSAPublicKey:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _not_rsa() from error
    if not isinstance(key, RSAPublicKey):
        raise _not_rsa()
    _check_key_size(key.key_size)
    return key


def _check_key_size(key_size: int) -> None:
    if not MIN_KEY_SIZE <= key_size <= MAX_KEY_SIZE:
        raise UnusableCertificateError(
            f"The key has {key_size} bits, and Graph takes {MIN_KEY_SIZE} to {MAX_KEY_SIZE}. "
            "Make a new certificate."
        )


def _not_rsa() -> UnusableCertificateError:
    return UnusableCertificateError(
        "The key is not RSA; it may be one of elliptic curves (EC). "
        f"Graph takes RSA of {MIN_KEY_SIZE} to {MAX_KEY_SIZE} bits: make a new certificate."
    )


def _no_private_key() -> UnusableCertificateError:
    return UnusableCertificateError(
        "There is no private key in this, and we need it to decrypt. Export the certificate with its key."
    )


def _no_certificate() -> UnusableCertificateError:
    return UnusableCertificateError(
        "There is no certificate in this. Add the part from BEGIN CERTIFICATE to END CERTIFICATE."
    )


def _too_long() -> UnusableCertificateError:
    return UnusableCertificateError(
        f"This is longer than {MAX_IMPORT_LENGTH} bytes. Give only the certificate, its chain and its key."
    )


def _not_pfx(data: bytes) -> UnusableCertificateError:
    if _is_der_certificate(data):
        return UnusableCertificateError(
            "This is a certificate without a private key, not a PFX file. Export it as PFX with its key."
        )
    if _is_der_private_key(data):
        return UnusableCertificateError(
            "This is a private key alone, not a PFX file. Export it with its certificate."
        )
    return UnusableCertificateError("This is not a PFX file. Choose a file ending in .pfx or .p12.")


def _is_der_certificate(data: bytes) -> bool:
    try:
        x509.load_der_x509_certificate(data)
    except ValueError:
        return False
    return True


def _is_der_private_key(data: bytes) -> bool:
    try:
        load_der_private_key(data, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True
