"""Resource data sealed for the holder of a certificate.

Source: https://learn.microsoft.com/graph/change-notifications-with-resource-data (2026-04-17).
"""

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Mapping

from cryptography import x509
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric import padding as asymmetric_padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_BLOCK_BITS = 128


def encrypt(content: Mapping[str, object], certificate: str, certificate_id: str) -> dict[str, str]:
    """Return `encryptedContent` for a Base64 DER certificate.

    Raises:
        ValueError: the certificate cannot be read or holds no RSA key.
    """
    der = base64.b64decode(certificate, validate=True)
    public_key = x509.load_der_x509_certificate(der).public_key()
    if not isinstance(public_key, RSAPublicKey):
        raise ValueError("the certificate holds no RSA key")  # noqa: TRY004 - the value is wrong, not its type
    symmetric_key = os.urandom(32)
    data = _aes(json.dumps(content, ensure_ascii=False).encode(), symmetric_key)
    sha1 = hashes.SHA1()  # noqa: S303 - Graph wraps the key with OAEP over SHA-1, which OAEP does not weaken
    oaep = asymmetric_padding.OAEP(asymmetric_padding.MGF1(sha1), sha1, None)
    return {
        "data": _base64(data),
        "dataSignature": _base64(hmac.digest(symmetric_key, data, "sha256")),
        "dataKey": _base64(public_key.encrypt(symmetric_key, oaep)),
        "encryptionCertificateId": certificate_id,
        "encryptionCertificateThumbprint": hashlib.sha1(der).hexdigest().upper(),  # noqa: S324 - a name, not a proof
    }


def _aes(plain: bytes, key: bytes) -> bytes:
    padder = padding.PKCS7(_BLOCK_BITS).padder()
    # The key is new for every item, so its first half may serve as the initialisation vector.
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
