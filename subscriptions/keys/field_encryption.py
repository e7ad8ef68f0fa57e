"""Encrypt the secrets that lie in the database."""

import base64
import hmac
import os
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import count

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# 32 bytes in URL-safe Base64. Fernet drops characters outside the alphabet, so a damaged key could pass.
_KEY_FORM = re.compile(r"[A-Za-z0-9_-]{43}=")

# Begins what `seal` returns; no Fernet token begins with it.
_SEALED = b"\x01"
_SALT_BYTES = 16
_NONCE_BYTES = 12
_HEAD_BYTES = len(_SEALED) + _SALT_BYTES + _NONCE_BYTES
_TIME_BYTES = 8
_COUNT_BYTES = _NONCE_BYTES - _TIME_BYTES
# As many processes may have sealed what one reads.
_AEADS_KEPT = 256


class InvalidFieldKeyError(ValueError):
    """Say that FIELD_ENCRYPTION_KEYS cannot be used as it stands."""


class FieldDecryptionError(Exception):
    """Say that none of the configured keys opens a stored value."""


class FieldCipher:
    """Encrypt with the first of several keys and decrypt with any of them.

    Raises:
        InvalidFieldKeyError: there is no key, or one of them is malformed.

    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise InvalidFieldKeyError(
                "FIELD_ENCRYPTION_KEYS is empty: give at least one key, 32 random bytes in URL-safe Base64."
            )
        self._key_count = len(keys)
        self._fernets = [_fernet(key, position) for position, key in enumerate(keys, start=1)]
        self._fernet = MultiFernet(self._fernets)
        self._sealing_keys = [_sealing_key(key) for key in keys]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(<{self._key_count} keys>)"

    def encrypt(self, plaintext: bytes) -> bytes:
        """Encrypt with the first key."""
        return self._fernet.encrypt(plaintext)

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Decrypt with whichever key fits.

        Raises:
            FieldDecryptionError: no key fits, or the stored value is damaged.

        """
        try:
            return self._fernet.decrypt(ciphertext)
        except InvalidToken as error:
            raise _unopened() from error

    def seal(self, plaintext: bytes) -> bytes:
        """Encrypt bytes with the first key, for a column of bytes.

        AES-256-GCM under a key of this process alone, with a nonce that it never repeats. It costs a seventh of a
        Fernet token, and the result is a quarter shorter.
        """
        key = self._sealing_keys[0]
        sealer = _sealers.get(key) or _sealers.setdefault(key, _Sealer(key))
        return sealer.seal(plaintext)

    def unseal(self, sealed: bytes) -> bytes:
        """Decrypt what `seal` or `encrypt` returned, with whichever key fits.

        Raises:
            FieldDecryptionError: no key fits, or the stored value is damaged.

        """
        if not sealed.startswith(_SEALED):
            return self.decrypt(sealed)
        for key in self._sealing_keys:
            with suppress(InvalidTag, ValueError):
                return _unsealed(sealed, key)
        raise _unopened()

    def position_of(self, ciphertext: bytes) -> int:
        """Return which key opens a value that `seal` or `encrypt` returned; the first one is 1.

        Raises:
            FieldDecryptionError: no key fits, or the stored value is damaged.

        """
        is_sealed = ciphertext.startswith(_SEALED)
        for position, (fernet, key) in enumerate(
            zip(self._fernets, self._sealing_keys, strict=True), start=1
        ):
            with suppress(InvalidTag, InvalidToken, ValueError):
                _unsealed(ciphertext, key) if is_sealed else fernet.decrypt(ciphertext)
                return position
        raise _unopened()

    def rotate(self, ciphertext: bytes) -> bytes:
        """Decrypt with whichever key fits, then encrypt anew with the first, in the same form.

        Raises:
            FieldDecryptionError: no key fits, or the stored value is damaged.

        """
        if ciphertext.startswith(_SEALED):
            return self.seal(self.unseal(ciphertext))
        try:
            return self._fernet.rotate(ciphertext)
        except InvalidToken as error:
            raise _unopened() from error


class _Sealer:
    """Seals under a key that no other process has.

    Random bytes for each value would let go of the interpreter, which the threads of a busy web process then hand
    around. A nonce is the time and a count: the count goes on within a tick, and the time within what a restored
    snapshot of the machine would repeat.
    """

    def __init__(self, key: bytes) -> None:
        self._salt = os.urandom(_SALT_BYTES)
        self._aead = _aead(key, self._salt)
        self._numbers = count()

    def seal(self, plaintext: bytes) -> bytes:
        number = next(self._numbers) % 256**_COUNT_BYTES
        nonce = time.time_ns().to_bytes(_TIME_BYTES, "big") + number.to_bytes(_COUNT_BYTES, "big")
        return b"".join((_SEALED, self._salt, nonce, self._aead.encrypt(nonce, plaintext, _SEALED)))


_sealers: dict[bytes, _Sealer] = {}
# A forked process must not go on with the numbers of its parent.
os.register_at_fork(after_in_child=_sealers.clear)


def generate_key() -> str:
    """Make a key fit for FIELD_ENCRYPTION_KEYS."""
    return Fernet.generate_key().decode("ascii")


def _fernet(key: str, position: int) -> Fernet:
    if not _KEY_FORM.fullmatch(key):
        raise InvalidFieldKeyError(
            f"FIELD_ENCRYPTION_KEYS: key {position} is malformed. "
            "A key is 32 random bytes in URL-safe Base64: 43 characters and a closing '='."
        )
    return Fernet(key)


def _sealing_key(key: str) -> bytes:
    # Apart from the halves that Fernet uses of the same key.
    return hmac.digest(base64.urlsafe_b64decode(key), b"graph-subscription-manager sealed bytes", "sha256")


@lru_cache(maxsize=_AEADS_KEPT)
def _aead(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(hmac.digest(key, salt, "sha256"))


def _unsealed(sealed: bytes, key: bytes) -> bytes:
    salt, nonce = sealed[1 : 1 + _SALT_BYTES], sealed[1 + _SALT_BYTES : _HEAD_BYTES]
    return _aead(key, salt).decrypt(nonce, sealed[_HEAD_BYTES:], _SEALED)


def _unopened() -> FieldDecryptionError:
    return FieldDecryptionError(
        "No key in FIELD_ENCRYPTION_KEYS opens a stored secret. "
        "Put back the key it was written with, after the current one, or enter the secret again."
    )
