"""The public keys that Microsoft signs its tokens with, fetched when needed and kept for a day."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from threading import Lock
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm

from subscriptions.graph import transport
from subscriptions.graph.answers import Answer
from subscriptions.graph.clouds import Cloud
from subscriptions.graph.errors import SigningKeysUnavailableError, UnknownSigningKeyError, UnreachableError

# The keys roll daily, and may roll at once when one is compromised.
# Source: Microsoft Learn, change-notifications-with-resource-data.md (2026-04-17).
MAX_AGE = timedelta(days=1)
# Strangers can name any key id: without a pause each of their tokens would cost a fetch, even a failing one.
COOLDOWN = timedelta(seconds=30)
READ_TIMEOUT_SECONDS = 10.0
MIN_KEY_BITS = 2048

_METADATA_PATHS = (
    "/common/v2.0/.well-known/openid-configuration",
    "/common/.well-known/openid-configuration",
)


@dataclass(frozen=True, kw_only=True)
class _KeySet:
    """The keys of one fetch, by id. `fetched_clock` is on the monotonic clock, in seconds."""

    keys: Mapping[str, RSAPublicKey]
    fetched_clock: float


class SigningKeys:
    """The signing keys of one cloud. Threads may share it."""

    def __init__(self, cloud: Cloud, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._cloud = cloud
        self._clock = clock
        self._transport = transport.shared(cloud.ca_bundle)
        self._lock = Lock()
        self._current: _KeySet | None = None
        self._asked_clock: float | None = None
        self._last_failure: SigningKeysUnavailableError | None = None

    def key_for(self, kid: str) -> RSAPublicKey:
        """Return the key of that id.

        Raises:
            UnknownSigningKeyError: no such key is published; transient during the cooldown.
            SigningKeysUnavailableError: the keys cannot be fetched now.

        """
        key = self._known(kid)
        if key is not None:
            return key
        with self._lock:
            return self._known(kid) or self._fetched(kid)

    def _known(self, kid: str) -> RSAPublicKey | None:
        current = self._current
        if current is None or self._clock() - current.fetched_clock > MAX_AGE.total_seconds():
            return None
        return current.keys.get(kid)

    def _fetched(self, kid: str) -> RSAPublicKey:
        remaining = self._remaining_cooldown()
        if remaining and self._last_failure is not None:
            raise SigningKeysUnavailableError(self._last_failure.message)
        if remaining:
            raise UnknownSigningKeyError(kid, retry_after=remaining)
        self._refresh()
        key = self._known(kid)
        if key is None:
            raise UnknownSigningKeyError(kid)
        return key

    def _remaining_cooldown(self) -> timedelta:
        if self._asked_clock is None:
            return timedelta()
        return max(COOLDOWN - timedelta(seconds=self._clock() - self._asked_clock), timedelta())

    def _refresh(self) -> None:
        self._asked_clock = self._clock()
        try:
            keys = _keys_in(self._document(self._key_set_address()))
        except SigningKeysUnavailableError as error:
            self._last_failure = error
            raise
        self._last_failure = None
        self._current = _KeySet(keys=keys, fetched_clock=self._asked_clock)

    def _key_set_address(self) -> str:
        newer, older = (self._cloud.login_url + path for path in _METADATA_PATHS)
        metadata = self._answer(newer)
        if metadata.status == HTTPStatus.NOT_FOUND:
            metadata = self._answer(older)
        address = _object_in(metadata).get("jwks_uri")
        if not isinstance(address, str) or not address.startswith("https://"):
            raise SigningKeysUnavailableError(
                "The sign-in metadata names no https address for the signing keys."
            )
        return address

    def _document(self, url: str) -> Mapping[str, Any]:
        return _object_in(self._answer(url))

    def _answer(self, url: str) -> Answer:
        try:
            return Answer.of(self._transport.send("GET", url, read_timeout_seconds=READ_TIMEOUT_SECONDS))
        except UnreachableError as error:
            raise SigningKeysUnavailableError(error.message) from error


def _object_in(answer: Answer) -> Mapping[str, Any]:
    if answer.status != HTTPStatus.OK or not isinstance(answer.unverified_body, dict):
        raise SigningKeysUnavailableError(
            f"The sign-in service answered {answer.status} where keys were asked for."
        )
    return answer.unverified_body


def _keys_in(document: Mapping[str, Any]) -> dict[str, RSAPublicKey]:
    published = document.get("keys")
    if not isinstance(published, list):
        raise SigningKeysUnavailableError("The published key set holds no keys.")
    keys = {}
    for entry in published:
        key = _rsa_key_in(entry) if isinstance(entry, dict) else None
        if key is not None:
            keys[entry["kid"]] = key
    return keys


def _rsa_key_in(entry: Mapping[str, Any]) -> RSAPublicKey | None:
    is_for_signatures = entry.get("kty") == "RSA" and entry.get("use", "sig") == "sig"
    if not is_for_signatures or not isinstance(entry.get("kid"), str):
        return None
    try:
        # Only the public numbers are handed on, whatever else the entry holds.
        key = RSAAlgorithm.from_jwk({"kty": "RSA", "n": entry.get("n"), "e": entry.get("e")})
    except (jwt.InvalidKeyError, ValueError, TypeError):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size >= MIN_KEY_BITS else None
