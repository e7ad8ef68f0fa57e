"""An item as it came, for those who have to see with their own eyes: without the secrets that came with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from notifications import authenticity
from notifications.errors import NotificationRejectedError
from notifications.models import ChangeNotification, Delivery
from notifications.services import intake
from subscriptions.keys.field_encryption import FieldDecryptionError
from subscriptions.services.errors import UseCaseError

HIDDEN = "(kept secret)"
MOST_TOKENS = 20
# Ciphertext is of no use to the eye.
LONGEST_CIPHERTEXT = 60
_CIPHERTEXTS = frozenset({"data", "datakey", "datasignature"})
_CLAIMS = ("iss", "aud", "tid", "appid", "azp", "ver")
_TIMES = ("iat", "nbf", "exp")


@dataclass(frozen=True, kw_only=True)
class RawItem:
    """The item with its delivery; each token is what it says of itself, which proves nothing by itself."""

    headers: tuple[tuple[str, str], ...]
    item: Any
    tokens: tuple[tuple[tuple[str, str], ...], ...]


def as_it_came(notification: ChangeNotification) -> RawItem:
    """Read the delivery of a notification again.

    Raises:
        UseCaseError: there is none, or it cannot be read; the text says why.

    """
    try:
        delivery = Delivery.objects.filter(notifications=notification).first()
        if delivery is None:
            raise UseCaseError("Its delivery is not kept any more, or there was none.")
        if delivery.erased_at is not None:
            raise UseCaseError("The body of its delivery was erased.")
        envelope = intake.read(delivery)
    except FieldDecryptionError as error:
        raise UseCaseError(
            "The body cannot be opened: put the key with which it was saved back into FIELD_ENCRYPTION_KEYS."
        ) from error
    except NotificationRejectedError as error:
        raise UseCaseError(str(error)) from error
    item = next((one for one in envelope.items if one.index == notification.item_index), None)
    if item is None:
        raise UseCaseError("Its delivery has no such item.")
    headers = {
        "Received": f"{delivery.received_at:%Y-%m-%d %H:%M:%S} UTC at the address for {delivery.endpoint}",
        "Content-Type": delivery.content_type,
        "Content-Encoding": delivery.content_encoding,
        "Content-Length": f"{delivery.size:,} bytes",
    }
    return RawItem(
        headers=tuple((name, value) for name, value in headers.items() if value),
        item=_without_secrets(item.raw),
        tokens=tuple(
            tuple(_facts(token)) for token in (envelope.unverified_validation_tokens or ())[:MOST_TOKENS]
        ),
    )


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _shown(name, inner) for name, inner in value.items()}
    return [_without_secrets(inner) for inner in value] if isinstance(value, list) else value


def _shown(name: str, value: Any) -> Any:
    if name.lower() in {"clientstate", "validationtokens"}:
        return HIDDEN
    if name.lower() in _CIPHERTEXTS and isinstance(value, str) and len(value) > LONGEST_CIPHERTEXT:
        return f"{value[:LONGEST_CIPHERTEXT]}\N{HORIZONTAL ELLIPSIS} ({len(value):,} characters)"
    return _without_secrets(value)


def _facts(unverified_token: str) -> Iterator[tuple[str, str]]:
    """Yield what a token says of itself, never the token, which others might believe."""
    try:
        header = authenticity.token_header(unverified_token)
        claims = authenticity.unverified_claims(unverified_token)
    except NotificationRejectedError as error:
        yield "unreadable", str(error)
        return
    yield "kid", header.kid
    yield from ((name, str(claims[name])) for name in _CLAIMS if name in claims)
    yield from ((name, _moment(claims[name])) for name in _TIMES if name in claims)


def _moment(value: Any) -> str:
    try:
        return f"{datetime.fromtimestamp(float(value), UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (TypeError, ValueError, OverflowError, OSError):
        return str(value)
