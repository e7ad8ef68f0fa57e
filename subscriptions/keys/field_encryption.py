"""Encrypt the secrets that lie in the database."""

import re
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

# 32 bytes in URL-safe Base64. Fernet drops characters outside the alphabet, so a damaged key could pass.
_KEY_FORM = re.compile(r"[A-Za-z0-9_-]{43}=")


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
        self._fernet = MultiFernet([_fernet(key, position) for position, key in enumerate(keys, start=1)])

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

    def rotate(self, ciphertext: bytes) -> bytes:
        """Decrypt with whichever key fits, then encrypt anew with the first.

        Raises:
            FieldDecryptionError: no key fits, or the stored value is damaged.

        """
        try:
            return self._fernet.rotate(ciphertext)
        except InvalidToken as error:
            raise _unopened() from error


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


def _unopened() -> FieldDecryptionError:
    return FieldDecryptionError(
        "No key in FIELD_ENCRYPTION_KEYS opens a stored secret. "
        "Put back the key it was written with, after the current one, or enter the secret again."
    )
