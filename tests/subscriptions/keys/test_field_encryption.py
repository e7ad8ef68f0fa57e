"""Stored secrets open with the right keys only, and keys never show."""

import subprocess
import sys

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from subscriptions.keys import field_encryption
from subscriptions.keys.field_encryption import FieldCipher, FieldDecryptionError, InvalidFieldKeyError

OLD, NEW, FOREIGN = (field_encryption.generate_key() for _ in range(3))


@given(st.binary(max_size=100))
def test_what_was_encrypted_is_decrypted(plaintext: bytes) -> None:
    cipher = FieldCipher([NEW])

    assert cipher.decrypt(cipher.encrypt(plaintext)) == plaintext


def test_the_first_key_encrypts() -> None:
    ciphertext = FieldCipher([NEW, OLD]).encrypt(b"secret")

    assert Fernet(NEW).decrypt(ciphertext) == b"secret"


def test_an_older_key_still_decrypts() -> None:
    ciphertext = FieldCipher([OLD]).encrypt(b"secret")

    assert FieldCipher([NEW, OLD]).decrypt(ciphertext) == b"secret"


def test_rotation_moves_a_value_to_the_first_key() -> None:
    ciphertext = FieldCipher([OLD]).encrypt(b"secret")

    rotated = FieldCipher([NEW, OLD]).rotate(ciphertext)

    assert FieldCipher([NEW]).decrypt(rotated) == b"secret"


@pytest.mark.parametrize(
    "ciphertext", [FieldCipher([FOREIGN]).encrypt(b"x"), b"", b"plain", b"\xff", b"gAAAA"], ids=range(5)
)
@pytest.mark.parametrize("verb", ["decrypt", "rotate"])
def test_what_no_key_opens_raises_and_says_what_to_do(verb: str, ciphertext: bytes) -> None:
    cipher = FieldCipher([NEW, OLD])

    with pytest.raises(FieldDecryptionError, match=r"FIELD_ENCRYPTION_KEYS.*Put back the key"):
        getattr(cipher, verb)(ciphertext)


def test_a_changed_byte_is_noticed() -> None:
    ciphertext = FieldCipher([NEW]).encrypt(b"secret")
    middle = len(ciphertext) // 2
    changed = (
        ciphertext[:middle] + (b"A" if ciphertext[middle] != ord("A") else b"B") + ciphertext[middle + 1 :]
    )

    with pytest.raises(FieldDecryptionError):
        FieldCipher([NEW]).decrypt(changed)


def test_there_must_be_a_key() -> None:
    with pytest.raises(InvalidFieldKeyError, match="FIELD_ENCRYPTION_KEYS is empty"):
        FieldCipher([])


@pytest.mark.parametrize(
    "key",
    ["", "hush", OLD[:-1], OLD + "=", OLD + "\n", " " + OLD, "hu!sh" + OLD, "\u00e9" * 44],
    ids=range(8),
)
def test_a_malformed_key_is_named_by_its_place_only(key: str) -> None:
    with pytest.raises(InvalidFieldKeyError, match="key 2 is malformed") as caught:
        FieldCipher([NEW, key])

    assert "hush" not in str(caught.value)
    assert OLD not in str(caught.value)


def test_no_key_shows() -> None:
    cipher = FieldCipher([NEW, OLD])

    assert repr(cipher) == str(cipher) == "FieldCipher(<2 keys>)"


@given(st.binary(max_size=100))
def test_what_was_sealed_is_unsealed(plaintext: bytes) -> None:
    cipher = FieldCipher([NEW])

    assert cipher.unseal(cipher.seal(plaintext)) == plaintext


def test_an_older_key_still_unseals_and_rotation_moves_to_the_first() -> None:
    sealed = FieldCipher([OLD]).seal(b"secret")

    rotated = FieldCipher([NEW, OLD]).rotate(sealed)

    assert FieldCipher([NEW, OLD]).unseal(sealed) == b"secret"
    assert FieldCipher([NEW]).unseal(rotated) == b"secret"


def test_what_was_encrypted_as_text_is_unsealed_too() -> None:
    cipher = FieldCipher([NEW])

    assert cipher.unseal(cipher.encrypt(b"secret")) == b"secret"


def test_no_two_sealed_values_are_alike() -> None:
    cipher = FieldCipher([NEW])

    assert len({cipher.seal(b"secret") for _ in range(100)}) == 100


def test_a_forked_process_seals_under_a_key_of_its_own() -> None:
    script = """
import os, sys
from subscriptions.keys.field_encryption import FieldCipher, generate_key
cipher = FieldCipher([generate_key()])
cipher.seal(b"secret")
child = os.fork()
sealed = cipher.seal(b"secret")
if child:
    # One after the other: what both print at once may be mixed.
    os.wait()
print(sealed[1:17].hex(), cipher.unseal(sealed).decode(), flush=True)
"""

    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    ).stdout

    salts, texts = zip(*(line.split() for line in told.splitlines()), strict=True)
    assert (len(set(salts)), texts) == (2, ("secret", "secret"))


@pytest.mark.parametrize("position", [0, 1, 17, 29, -1])
def test_a_changed_byte_of_a_sealed_value_is_noticed(position: int) -> None:
    changed = bytearray(FieldCipher([NEW]).seal(b"secret"))
    changed[position] ^= 1

    with pytest.raises(FieldDecryptionError):
        FieldCipher([NEW]).unseal(bytes(changed))


@pytest.mark.parametrize(
    "sealed",
    [FieldCipher([FOREIGN]).seal(b"x"), b"", b"\x01", b"\x01short", b"\x01" + b"x" * 28],
    ids=range(5),
)
def test_what_no_key_unseals_raises_and_says_what_to_do(sealed: bytes) -> None:
    with pytest.raises(FieldDecryptionError, match="FIELD_ENCRYPTION_KEYS"):
        FieldCipher([NEW, OLD]).unseal(sealed)
