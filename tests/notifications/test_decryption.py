"""Content opens only with its own key and an unbroken signature, and tells an attacker nothing else."""

import base64
import hashlib
import hmac
import json
import os
from dataclasses import dataclass, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications import decryption
from notifications.errors import NotificationRejectedError, Reason

THUMBPRINT = "00112233445566778899AABBCCDDEEFF00112233"
RESOURCE = {"id": "1801234567890", "body": {"content": "Gr\u00fc\u00dfe \U0001f44b"}, "size": 1.5}


@dataclass(frozen=True, kw_only=True)
class Sealed:
    data: str
    data_key: str
    data_signature: str
    certificate_thumbprint: str = THUMBPRINT


@pytest.fixture(scope="module")
def private_key() -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def encrypt(padded: bytes, data_key: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(data_key), modes.CBC(data_key[:16])).encryptor()
    return encryptor.update(padded) + encryptor.finalize()


def pad(plaintext: bytes) -> bytes:
    missing = 16 - len(plaintext) % 16
    return plaintext + bytes([missing]) * missing


def seal_bytes(
    data: bytes, private_key: RSAPrivateKey, *, data_key: bytes, digest: hashes.HashAlgorithm | None = None
) -> Sealed:
    digest = digest or hashes.SHA1()  # noqa: S303 - Graph's own choice
    oaep = padding.OAEP(mgf=padding.MGF1(digest), algorithm=digest, label=None)
    return Sealed(
        data=base64_text(data),
        data_key=base64_text(private_key.public_key().encrypt(data_key, oaep)),
        data_signature=base64_text(hmac.digest(data_key, data, hashlib.sha256)),
    )


def seal(
    resource: Any,
    private_key: RSAPrivateKey,
    *,
    key_bytes: int = 32,
    digest: hashes.HashAlgorithm | None = None,
) -> Sealed:
    plaintext = resource if isinstance(resource, bytes) else json.dumps(resource).encode()
    data_key = os.urandom(key_bytes)
    return seal_bytes(encrypt(pad(plaintext), data_key), private_key, data_key=data_key, digest=digest)


def open_content(content: Sealed, private_key: RSAPrivateKey) -> dict[str, Any]:
    return decryption.open_content(content, private_key=private_key, certificate_thumbprint=THUMBPRINT)


def refusal(content: Sealed, private_key: RSAPrivateKey) -> NotificationRejectedError:
    with pytest.raises(NotificationRejectedError) as caught:
        open_content(content, private_key)
    assert caught.value.is_final
    return caught.value


class TestOpening:
    @pytest.mark.parametrize("key_size", [2048, 3072, 4096])
    def test_content_opens_with_each_key_size_that_graph_takes(self, key_size: int) -> None:
        private_key = rsa.generate_private_key(public_exponent=65537, key_size=key_size)

        assert open_content(seal(RESOURCE, private_key), private_key) == RESOURCE

    @pytest.mark.parametrize("resource", [{}, {"a": "x" * 200_000}, {"a": "0123456"}])
    def test_content_of_any_length_opens(self, resource: dict[str, Any], private_key: RSAPrivateKey) -> None:
        assert open_content(seal(resource, private_key), private_key) == resource

    def test_a_byte_order_mark_is_passed_over(self, private_key: RSAPrivateKey) -> None:
        sealed = seal(b"\xef\xbb\xbf{}", private_key)

        assert open_content(sealed, private_key) == {}

    @pytest.mark.parametrize("thumbprint", [THUMBPRINT, THUMBPRINT.lower(), ""])
    def test_the_thumbprint_may_be_in_any_case_or_absent(
        self, thumbprint: str, private_key: RSAPrivateKey
    ) -> None:
        sealed = replace(seal(RESOURCE, private_key), certificate_thumbprint=thumbprint)

        assert open_content(sealed, private_key) == RESOURCE


class TestRefusing:
    @pytest.mark.parametrize("thumbprint", [THUMBPRINT[:-1], "F" * 40, "0"])
    def test_another_thumbprint_is_refused(self, thumbprint: str, private_key: RSAPrivateKey) -> None:
        sealed = replace(seal(RESOURCE, private_key), certificate_thumbprint=thumbprint)

        assert refusal(sealed, private_key).reason is Reason.THUMBPRINT_MISMATCH

    @pytest.mark.parametrize("name", ["data", "data_key", "data_signature"])
    @pytest.mark.parametrize("text", ["!", "AAA", "AA\n==", "AB==", "AAAA=", "\u00e9", "\ud800", " "])
    def test_what_is_not_strict_base64_is_malformed(
        self, name: str, text: str, private_key: RSAPrivateKey
    ) -> None:
        sealed = replace(seal(RESOURCE, private_key), **{name: text})

        assert refusal(sealed, private_key).reason is Reason.ENCRYPTED_CONTENT_MALFORMED

    @pytest.mark.parametrize("name", ["data", "data_key"])
    def test_missing_parts_are_malformed(self, name: str, private_key: RSAPrivateKey) -> None:
        sealed = replace(seal(RESOURCE, private_key), **{name: ""})

        assert refusal(sealed, private_key).reason is Reason.ENCRYPTED_CONTENT_MALFORMED

    def test_a_missing_signature_is_refused(self, private_key: RSAPrivateKey) -> None:
        sealed = replace(seal(RESOURCE, private_key), data_signature="")

        assert refusal(sealed, private_key).reason is Reason.CONTENT_NOT_AUTHENTIC

    @pytest.mark.parametrize("key_bytes", [16, 24])
    def test_a_shorter_aes_key_is_refused(self, key_bytes: int, private_key: RSAPrivateKey) -> None:
        sealed = seal(RESOURCE, private_key, key_bytes=key_bytes)

        assert refusal(sealed, private_key).reason is Reason.CONTENT_NOT_AUTHENTIC

    def test_oaep_with_another_hash_is_refused(self, private_key: RSAPrivateKey) -> None:
        sealed = seal(RESOURCE, private_key, digest=hashes.SHA256())

        assert refusal(sealed, private_key).reason is Reason.CONTENT_NOT_AUTHENTIC

    def test_one_items_signature_does_not_vouch_for_another(self, private_key: RSAPrivateKey) -> None:
        first, second = seal(RESOURCE, private_key), seal(RESOURCE, private_key)

        mixed = replace(first, data=second.data)

        assert refusal(mixed, private_key).reason is Reason.CONTENT_NOT_AUTHENTIC

    def test_bad_key_bad_signature_and_bad_padding_look_the_same(self, private_key: RSAPrivateKey) -> None:
        sealed, data_key = seal(RESOURCE, private_key), os.urandom(32)
        other_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        bad_contents = [
            seal(RESOURCE, other_key),
            replace(sealed, data_key=base64_text(b"short")),
            replace(sealed, data_signature=base64_text(b"short")),
            replace(sealed, data_signature=base64_text(bytes(32))),
            seal_bytes(encrypt(b"no padding here!", data_key), private_key, data_key=data_key),
            seal_bytes(b"no whole block", private_key, data_key=data_key),
        ]

        refusals = [refusal(content, private_key) for content in bad_contents]

        assert {(error.reason, str(error)) for error in refusals} == {
            (Reason.CONTENT_NOT_AUTHENTIC, str(refusals[0]))
        }

    @pytest.mark.parametrize(
        "plaintext",
        [
            b"",
            b"no json: hush",
            b"[]",
            b"null",
            b'{"a": NaN}',
            b'{"a": "\xff"}',
            b'{"a": 1' + b"0" * 5_000 + b"}",
            b'{"a": ' + b"[" * 100_000,
        ],
        ids=lambda plaintext: str(plaintext[:16]),
    )
    def test_what_is_no_json_object_is_refused_without_being_quoted(
        self, plaintext: bytes, private_key: RSAPrivateKey
    ) -> None:
        error = refusal(seal(plaintext, private_key), private_key)

        assert error.reason is Reason.CONTENT_NOT_JSON
        assert "hush" not in repr(error)
        assert error.__cause__ is None

    @pytest.mark.parametrize("name", ["data", "data_key", "data_signature"])
    def test_a_changed_character_anywhere_is_refused(self, name: str, private_key: RSAPrivateKey) -> None:
        sealed = seal(RESOURCE, private_key)
        text = getattr(sealed, name)

        @given(st.integers(0, len(text) - 1), st.sampled_from("ABCDwxyz0189+/=- "))
        @settings(max_examples=60, deadline=None)
        def check(position: int, character: str) -> None:
            changed = text[:position] + character + text[position + 1 :]
            if changed != text:
                refusal(replace(sealed, **{name: changed}), private_key)

        check()
