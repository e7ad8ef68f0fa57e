"""The keys with which the sandbox signs every token, and their public half as a JWKS document."""

import base64
import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from subscriptions.sandbox import private_files

REMEMBERED_TOKENS = 256


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """One RSA key pair and its id."""

    kid: str
    private_key: rsa.RSAPrivateKey = field(repr=False)

    def as_jwk(self) -> dict[str, str]:
        """Return the public half as an entry of a JWKS document."""
        numbers = self.private_key.public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "x5t": self.kid,
            "n": _base64url(numbers.n),
            "e": _base64url(numbers.e),
        }


class SigningKeys:
    """The key in use and the one before it, as Entra publishes them while it rolls its keys.

    The one in use is kept in `directory`, so that tokens signed with it stay good over a restart.
    """

    def __init__(self, directory: Path) -> None:
        self._lock = threading.Lock()
        self._file = directory / "signing-key.pem"
        self._keys: tuple[SigningKey, ...] = (self._kept() or self._new(),)
        # Reading a token costs more than answering a call, and each call in a batch brings the same one.
        self.kid_of = lru_cache(REMEMBERED_TOKENS)(_kid_of)
        self.claims_in = lru_cache(REMEMBERED_TOKENS)(self._claims_in)

    @property
    def current(self) -> SigningKey:
        """The key that signs now."""
        return self._keys[0]

    def rotate(self) -> SigningKey:
        """Put a new key in use; the previous one stays published, older ones do not."""
        with self._lock:
            key = self._new()
            self._keys = (key, self._keys[0])
        return key

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the JWKS document."""
        return {"keys": [key.as_jwk() for key in self._keys]}

    def find(self, kid: str) -> rsa.RSAPublicKey | None:
        """Return the published public key with this id."""
        return next((key.private_key.public_key() for key in self._keys if key.kid == kid), None)

    def _claims_in(self, unverified_token: str, kid: str) -> dict[str, Any]:
        """Return the claims of a token that the named key has signed, whatever its times and audience.

        Raises:
            InvalidTokenError: it has not, or is none of those published.
        """
        key = self.find(kid)
        if key is None:
            raise jwt.InvalidKeyError
        # The sandbox has its own clock and several names, so times and audience are checked by the caller.
        return jwt.decode(
            unverified_token,
            key,
            algorithms=["RS256"],
            options={"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False},
        )

    def sign(self, claims: Mapping[str, object]) -> str:
        """Return the claims as an RS256 JWT under the current key."""
        key = self.current
        return jwt.encode(dict(claims), key.private_key, algorithm="RS256", headers={"kid": key.kid})

    def _kept(self) -> SigningKey | None:
        if not self._file.exists():
            return None
        # Our own file: to prove the primes again would take as long as to make them.
        key = load_pem_private_key(
            self._file.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True
        )
        return _named(key) if isinstance(key, rsa.RSAPrivateKey) else None

    def _new(self) -> SigningKey:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private_files.write(self._file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return _named(key)


def _named(private_key: rsa.RSAPrivateKey) -> SigningKey:
    der = private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    kid = base64.urlsafe_b64encode(hashlib.sha256(der).digest()[:20]).decode().rstrip("=")
    return SigningKey(kid=kid, private_key=private_key)


def _base64url(number: int) -> str:
    octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def _kid_of(unverified_token: str) -> str:
    return str(jwt.get_unverified_header(unverified_token).get("kid", ""))
