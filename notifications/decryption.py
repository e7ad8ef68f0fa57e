"""Open the encrypted resource data of a rich notification."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from typing import Any, NoReturn, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from notifications.errors import NotificationRejectedError, Reason

_DATA_KEY_BYTES = 32
_IV_BYTES = 16
_BLOCK_BITS = 128

# Graph's choice, not ours. OAEP does not rest on the collision resistance that SHA-1 has lost.
_SHA1 = hashes.SHA1()  # noqa: S303 - see above
_OAEP = padding.OAEP(mgf=padding.MGF1(algorithm=_SHA1), algorithm=_SHA1, label=None)


class SealedContent(Protocol):
    """Name what is needed of an `encryptedContent`, all of it unproven."""

    @property
    def data(self) -> str:
        """Base64 of the encrypted resource."""

    @property
    def data_key(self) -> str:
        """Base64 of the symmetric key, encrypted with our certificate."""

    @property
    def data_signature(self) -> str:
        """Base64 of the HMAC over the decoded data."""

    @property
    def certificate_thumbprint(self) -> str:
        """SHA-1 thumbprint in hex of the certificate that was used, empty if not told."""


def open_content(
    content: SealedContent, *, private_key: RSAPrivateKey, certificate_thumbprint: str
) -> dict[str, Any]:
    """Check and decrypt the resource data of one item.

    `certificate_thumbprint` is that of the certificate the private key belongs to, SHA-1 in hex. A thumbprint
    in the item must match it; an item without one stands or falls by its signature. What comes back is the
    JSON as Graph sent it: `envelope.storable` makes it fit for a database.

    Raises:
        NotificationRejectedError: thumbprint_mismatch, encrypted_content_malformed, content_not_authentic or
            content_not_json. Wrong data key, wrong signature and wrong padding give the same reason and text.

    Source: change-notifications-with-resource-data (2026-04-17).
    """
    thumbprint = content.certificate_thumbprint
    if thumbprint and thumbprint.lower() != certificate_thumbprint.lower():
        raise NotificationRejectedError(
            Reason.THUMBPRINT_MISMATCH, "The content was encrypted for another certificate of that id."
        )
    data = _decoded(content.data, "data")
    wrapped_key = _decoded(content.data_key, "dataKey")
    signature = _decoded(content.data_signature, "dataSignature") if content.data_signature else b""
    data_key = _data_key(wrapped_key, private_key)
    if not hmac.compare_digest(hmac.digest(data_key, data, hashlib.sha256), signature):
        raise _not_authentic()
    return _json_object(_decrypted(data, data_key))


def _decoded(text: str, name: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _not_base64(name) from error
    # The decoder passes over loose trailing bits, so several texts would stand for the same bytes: the last four
    # characters, which stand for up to three bytes, must be what those are written as.
    last = decoded[(len(decoded) - 1) // 3 * 3 :]
    if not decoded or base64.b64encode(last).decode("ascii") != text[-4:]:
        raise _not_base64(name)
    return decoded


def _data_key(wrapped_key: bytes, private_key: RSAPrivateKey) -> bytes:
    try:
        data_key = private_key.decrypt(wrapped_key, _OAEP)
    except ValueError:
        data_key = b""
    # A key nobody knows makes the signature fail: a sender cannot tell a bad data key from a bad signature.
    return data_key if len(data_key) == _DATA_KEY_BYTES else secrets.token_bytes(_DATA_KEY_BYTES)


def _decrypted(data: bytes, data_key: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES256(data_key), modes.CBC(data_key[:_IV_BYTES])).decryptor()
    unpadder = PKCS7(_BLOCK_BITS).unpadder()
    try:
        padded = decryptor.update(data) + decryptor.finalize()
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError as error:
        raise _not_authentic() from error


def _json_object(plaintext: bytes) -> dict[str, Any]:
    try:
        value = _DECODER.decode(plaintext.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        # No cause is kept: a decoding error carries the decrypted text.
        raise _not_json() from None
    if not isinstance(value, dict):
        raise _not_json()
    return value


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


# Made once: json.loads makes one for each content.
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _not_base64(name: str) -> NotificationRejectedError:
    return NotificationRejectedError(
        Reason.ENCRYPTED_CONTENT_MALFORMED, f"encryptedContent.{name} is missing or not Base64."
    )


def _not_authentic() -> NotificationRejectedError:
    return NotificationRejectedError(
        Reason.CONTENT_NOT_AUTHENTIC, "The encrypted content does not match its signature or our certificate."
    )


def _not_json() -> NotificationRejectedError:
    return NotificationRejectedError(Reason.CONTENT_NOT_JSON, "The decrypted content is not a JSON object.")
