"""The keys with which the sandbox signs every token, and their public half as a JWKS document."""

import base64
import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


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
    """The key in use and the one before it, as Entra publishes them while it rolls its keys."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: tuple[SigningKey, ...] = (_generate(),)

    @property
    def current(self) -> SigningKey:
        """The key that signs now."""
        return self._keys[0]

    def rotate(self) -> SigningKey:
        """Put a new key in use; the previous one stays published, older ones do not."""
        key = _generate()
        with self._lock:
            self._keys = (key, self._keys[0])
        return key

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the JWKS document."""
        return {"keys": [key.as_jwk() for key in self._keys]}

    def find(self, kid: str) -> rsa.RSAPublicKey | None:
        """Return the published public key with this id."""
        return next((key.private_key.public_key() for key in self._keys if key.kid == kid), None)

    def sign(self, claims: Mapping[str, object]) -> str:
        """Return the claims as an RS256 JWT under the current key."""
        key = self.current
        return jwt.encode(dict(claims), key.private_key, algorithm="RS256", headers={"kid": key.kid})


def _generate() -> SigningKey:
    private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    der = private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    kid = base64.urlsafe_b64encode(hashlib.sha256(der).digest()[:20]).decode().rstrip("=")
    return SigningKey(kid=kid, private_key=private_key)


def _base64url(number: int) -> str:
    octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")
