"""Read what Graph posts: a body becomes values, none of them proven."""

import hashlib
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NoReturn

import msgspec
import orjson

from notifications.errors import NotificationRejectedError, Reason

# Graph's items are five levels deep. The bound keeps a hostile body from exhausting the stack.
MAX_DEPTH = 64

# Longest text taken per field, in characters: what the columns hold. Graph's own values are far shorter.
MAX_LENGTHS: Mapping[str, int] = MappingProxyType(
    {
        "id": 255,
        "subscriptionId": 64,
        "clientState": 1024,
        "changeType": 40,
        "lifecycleEvent": 40,
        "resource": 4096,
        "tenantId": 64,
        "organizationId": 64,
        # Indexed, and PostgreSQL's index takes less than 2,704 bytes.
        "resourceData.id": 512,
        "resourceData.@odata.type": 100,
        "resourceData.@odata.etag": 1024,
        "encryptedContent.encryptionCertificateId": 128,
        "encryptedContent.encryptionCertificateThumbprint": 128,
    }
)

_LIFECYCLE_EVENTS = {
    event.lower(): event for event in ("missed", "subscriptionRemoved", "reauthorizationRequired")
}
_GZIP = 16 + zlib.MAX_WBITS
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# As a union of types it would take several times as long to ask for.
_CONTAINERS = (dict, list)
_INT64 = range(-(2**63), 2**63)
# What stands around the two values of a body, and what a third key would need at least.
_TOKENS_FRAME = '"validationTokens":,'
_SHORTEST_FRAME_WITH_A_REPEATED_KEY = len('{"value":,"value":0}')
_EIGHT_BIT_CHARSETS = frozenset({"iso-8859-1", "windows-1252"})


class MalformedBodyError(NotificationRejectedError):
    """Say that a body is not a collection of change notifications, or is over a limit."""

    def __init__(self, message: str, *, reason: Reason = Reason.MALFORMED) -> None:
        super().__init__(reason, message)


# What each item is made into is not frozen: that would take three times as long to make.
@dataclass(slots=True, kw_only=True)
class UnverifiedEncryptedContent:
    """Hold the `encryptedContent` of an item as text; what is absent is empty."""

    data: str = field(repr=False)
    data_key: str = field(repr=False)
    data_signature: str = field(repr=False)
    certificate_id: str
    certificate_thumbprint: str


@dataclass(slots=True, kw_only=True)
class UnverifiedItem:
    """Hold one item of a body; what is absent is empty, and nothing in it is proven.

    All text and `raw` can be stored in PostgreSQL. `as_came` is the untouched JSON, for digests only.
    `problem` tells staff why the item cannot be used; it repeats no value.
    """

    index: int
    notification_id: str = ""
    subscription_id: str = ""
    client_state: str | None = field(default=None, repr=False)
    change_type: str = ""
    lifecycle_event: str = ""
    resource: str = ""
    resource_data: dict[str, Any] = field(default_factory=dict, repr=False)
    resource_type: str = ""
    resource_id: str = ""
    etag: str = ""
    tenant_id: str = ""
    encrypted_content: UnverifiedEncryptedContent | None = None
    as_came: Any = field(repr=False)
    problem: str | None = None

    @property
    def raw(self) -> Mapping[str, Any]:
        """The whole item, empty if it is no object."""
        return storable(self.as_came) if isinstance(self.as_came, dict) else {}


class _PlainItem(msgspec.Struct, rename="camel", gc=False):
    subscription_id: str = ""
    client_state: str | None = None


class _PlainBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    value: msgspec.Raw
    validation_tokens: msgspec.Raw = msgspec.Raw()


_PLAIN_BODIES = msgspec.json.Decoder(_PlainBody)
_PLAIN_ITEMS = msgspec.json.Decoder(list[_PlainItem])


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """Hold a whole body. The tokens are None if the body has no list of them (Graph sends null at times)."""

    items: tuple[UnverifiedItem, ...]
    unverified_validation_tokens: tuple[str, ...] | None = field(repr=False)


def parse(
    unverified_body: bytes,
    *,
    content_type: str = "",
    content_encoding: str = "",
    max_bytes: int,
    max_items: int,
) -> Envelope:
    """Read a posted body into items, keeping an odd item from spoiling its neighbours.

    `max_bytes` bounds the body as sent and as unpacked. UTF-8, UTF-16 and UTF-32 are recognised by
    themselves; the content type is used only for the older one-byte character sets.

    Raises:
        MalformedBodyError: no JSON object with a `value` list, or too large (`Reason.TOO_LARGE`).

    Source: changenotificationcollection (2021), resources/changenotification (2026-10-01).
    """
    document = _json_document(_text(_unpacked(unverified_body, content_encoding, max_bytes), content_type))
    if not isinstance(document, dict):
        raise MalformedBodyError("The body is not a JSON object.")
    envelope = _Fields(document)
    value = envelope.get("value")
    if not isinstance(value, list):
        raise MalformedBodyError("The body has no list named value.")
    if envelope.problems or isinstance(document, _Repeating):
        raise MalformedBodyError("A key of the body stands twice.")
    if len(value) > max_items:
        raise MalformedBodyError(f"The body has more than {max_items} items.", reason=Reason.TOO_LARGE)
    return Envelope(
        items=tuple(_item(index, unverified) for index, unverified in enumerate(value)),
        unverified_validation_tokens=_tokens(envelope.get("validationTokens")),
    )


def plain_claims(unverified_body: bytes, *, max_items: int) -> Iterator[tuple[str, str]]:
    """Yield subscriptionId and clientState of the items in a body that is spelled exactly as Graph spells it.

    Many times faster than `parse`, and only good for finding out soon that a body is ours. Whatever is odd yields
    nothing, and `parse` has to say what it is: other encodings, repeated keys, keys in another case, much white space.
    """
    try:
        if not unverified_body.isascii():
            # What is passed over is not looked at as text.
            unverified_body.decode()
        body = _PLAIN_BODIES.decode(unverified_body)
        beside = len(unverified_body) - len(memoryview(body.value)) - len(memoryview(body.validation_tokens))
        if beside >= _SHORTEST_FRAME_WITH_A_REPEATED_KEY + len(_TOKENS_FRAME) * bool(body.validation_tokens):
            return
        items = _PLAIN_ITEMS.decode(body.value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    if len(items) > max_items:
        return
    for item in items:
        if item.subscription_id and item.client_state is not None:
            yield item.subscription_id, item.client_state


def storable(value: Any) -> Any:
    """Copy JSON so that PostgreSQL and every JSON reader take it.

    NUL and lone surrogates become U+FFFD; a number beyond 64-bit integers or finite floats becomes its text.

    Raises:
        MalformedBodyError: nested more than `MAX_DEPTH` levels deep.

    """
    return _storable(value, MAX_DEPTH)


def fingerprint(item: UnverifiedItem, *, subscription_key: str) -> str:
    """Digest what tells a change from another one, to find repeated deliveries of the same.

    `subscription_key` is our own lasting key of the subscription; the result is in lower-case hex.
    Where Graph sends no id, etag or content, two changes of one resource can read the same: no digest tells
    them apart, so let a match count only within the hours in which Graph repeats a delivery.

    Source: resources/changenotification (2026-10-01): the id is optional.
    """
    if item.notification_id:
        event = [item.change_type, item.lifecycle_event]
        return _digest([subscription_key, item.notification_id, event, item.resource, item.etag])
    # The first two change when a subscription is recreated, the expiry on each renewal. But a lifecycle
    # notice is told from the next one by nothing else than the expiry.
    left_out = {"clientstate", "subscriptionid"}
    if not item.lifecycle_event:
        left_out.add("subscriptionexpirationdatetime")
    kept = item.as_came
    if isinstance(kept, dict):
        kept = {name: value for name, value in kept.items() if name.lower() not in left_out}
    return _digest([subscription_key, kept])


def content_digest(item: UnverifiedItem) -> str:
    """Digest the whole item as it came, whatever the order of its keys. Lower-case hex."""
    return _digest(item.as_came)


def _digest(value: Any) -> str:
    try:
        canonical = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # Large numbers and lone surrogates; what holds none is never written in this way.
        canonical = json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")
    return digest(canonical)


def digest(words: bytes) -> str:
    """Digest words to 128 bits in lower-case hex: longer ones make an index of millions that much larger."""
    return hashlib.blake2b(words, digest_size=16).hexdigest()


def _unpacked(body: bytes, content_encoding: str, max_bytes: int) -> bytes:
    encoding = content_encoding.strip().lower()
    if len(body) > max_bytes:
        raise _too_large(max_bytes)
    if encoding in {"", "identity"}:
        return body
    if encoding not in {"gzip", "x-gzip"}:
        raise MalformedBodyError("The body's content encoding is not supported; gzip is.")
    unpacker = zlib.decompressobj(_GZIP)
    try:
        unpacked = unpacker.decompress(body, max_bytes + 1)
    except zlib.error as error:
        raise MalformedBodyError("The body is not gzip as its header says.") from error
    if len(unpacked) > max_bytes:
        raise _too_large(max_bytes)
    if not unpacker.eof or unpacker.unused_data:
        raise MalformedBodyError("The gzip body is cut short or has something after its end.")
    return unpacked


def _too_large(max_bytes: int) -> MalformedBodyError:
    return MalformedBodyError(f"The body has more than {max_bytes} bytes.", reason=Reason.TOO_LARGE)


def _text(body: bytes, content_type: str) -> str:
    detected: str = json.detect_encoding(body)
    declared = _eight_bit_charset(content_type) if detected == "utf-8" else None
    try:
        return body.decode(declared or detected)
    except UnicodeDecodeError as error:
        raise MalformedBodyError("The body is not text in the encoding it seems to have.") from error


def _eight_bit_charset(content_type: str) -> str | None:
    for parameter in content_type.lower().split(";")[1:]:
        name, _, value = parameter.partition("=")
        charset = value.strip().strip('"')
        if name.strip() == "charset" and charset in _EIGHT_BIT_CHARSETS:
            return charset
    return None


class _Repeating(dict[str, Any]):
    """Mark an object in which a key stands twice, so that readers may differ on what it says."""


def _json_document(text: str) -> Any:
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise MalformedBodyError("The body is not JSON.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Repeating(pairs)


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


# Made once: json.loads makes one for each body.
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse_constant)


def _storable(value: Any, depth: int) -> Any:
    # What JSON is read into has no other types. The order is that of how often they come: each item has dozens.
    kind = type(value)
    if kind is str:
        return _storable_text(value)
    if kind is bool or value is None:
        return value
    if kind is int:
        return value if value in _INT64 else str(value)
    if kind is float:
        return value if abs(value) < float("inf") else str(value)
    if depth == 0:
        raise _too_deep()
    if kind is list:
        return [_storable(element, depth - 1) for element in value]
    return {_storable_text(name): _storable(element, depth - 1) for name, element in value.items()}


def _storable_text(text: str) -> str:
    return text if text.isascii() and "\0" not in text else _UNSTORABLE.sub(_REPLACEMENT, text)


def _has_repeated_key(unverified: dict[str, Any] | list[Any], depth: int = MAX_DEPTH) -> bool:
    """Look into all of it.

    Raises:
        MalformedBodyError: nested more than `MAX_DEPTH` levels deep.

    """
    if depth == 0:
        raise _too_deep()
    found = isinstance(unverified, _Repeating)
    for inner in unverified.values() if isinstance(unverified, dict) else unverified:
        if isinstance(inner, _CONTAINERS) and _has_repeated_key(inner, depth - 1):
            found = True
    return found


def _too_deep() -> MalformedBodyError:
    return MalformedBodyError(f"The JSON is nested more than {MAX_DEPTH} levels deep.")


class _Fields:
    """Read an object by Graph's names in any case, noting each problem instead of failing."""

    def __init__(
        self, values: Mapping[str, Any], prefix: str = "", problems: list[str] | None = None
    ) -> None:
        self._values = {name.lower(): value for name, value in values.items()}
        self._prefix = prefix
        self.problems: list[str] = [] if problems is None else problems
        if len(self._values) < len(values):
            self.problems.append(f"a key of {prefix.rstrip('.') or 'the item'} stands in two spellings")

    def get(self, name: str) -> Any:
        return self._values.get(name.lower())

    def text(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            return ""
        full_name = self._prefix + name
        if not isinstance(value, str):
            self.problems.append(f"{full_name} is not text")
            return ""
        longest = MAX_LENGTHS.get(full_name, len(value))
        if len(value) > longest:
            self.problems.append(f"{full_name} was cut from {len(value)} to {longest} characters")
            value = value[:longest]
        return _storable_text(value)

    def required_text(self, name: str) -> str:
        if self.get(name) in (None, ""):
            self.problems.append(f"{name} is missing")
        return self.text(name)

    def object(self, name: str) -> dict[str, Any] | None:
        value = self.get(name)
        if value is None or isinstance(value, dict):
            return value
        self.problems.append(f"{self._prefix}{name} is not an object")
        return None


def _item(index: int, unverified: Any) -> UnverifiedItem:
    try:
        is_repeating = isinstance(unverified, _CONTAINERS) and _has_repeated_key(unverified)
    except MalformedBodyError as error:
        # Nothing of it is kept: what digests and stores it could exhaust the stack.
        return UnverifiedItem(index=index, as_came=None, problem=str(error))
    if not isinstance(unverified, dict):
        return UnverifiedItem(index=index, as_came=unverified, problem="the item is not an object")
    problems = ["a key stands twice"] if is_repeating else []
    fields = _Fields(unverified, problems=problems)
    resource_data = storable(fields.object("resourceData") or {})
    data_fields = _Fields(resource_data, "resourceData.", problems)
    return UnverifiedItem(
        index=index,
        notification_id=fields.text("id"),
        subscription_id=fields.required_text("subscriptionId").lower(),
        client_state=None if fields.get("clientState") is None else fields.text("clientState"),
        change_type=fields.text("changeType").lower(),
        lifecycle_event=_lifecycle_event(fields),
        resource=fields.text("resource"),
        resource_data=resource_data,
        resource_type=_resource_type(data_fields.text("@odata.type")),
        resource_id=data_fields.text("id"),
        etag=data_fields.text("@odata.etag"),
        tenant_id=(fields.text("tenantId") or fields.text("organizationId")).lower(),
        encrypted_content=_encrypted_content(fields),
        as_came=unverified,
        problem="; ".join(problems) or None,
    )


def _lifecycle_event(fields: _Fields) -> str:
    event = fields.text("lifecycleEvent")
    if bool(event) == (fields.get("changeType") not in (None, "")):
        fields.problems.append("there must be either a changeType or a lifecycleEvent")
    return _LIFECYCLE_EVENTS.get(event.lower(), event)


def _resource_type(odata_type: str) -> str:
    name = odata_type.removeprefix("#").rpartition(".")[2]
    return name[:1].lower() + name[1:]


def _encrypted_content(fields: _Fields) -> UnverifiedEncryptedContent | None:
    values = fields.object("encryptedContent")
    if values is None:
        return None
    content = _Fields(values, "encryptedContent.", fields.problems)
    return UnverifiedEncryptedContent(
        data=content.text("data"),
        data_key=content.text("dataKey"),
        data_signature=content.text("dataSignature"),
        certificate_id=content.text("encryptionCertificateId"),
        certificate_thumbprint=content.text("encryptionCertificateThumbprint"),
    )


def _tokens(value: Any) -> tuple[str, ...] | None:
    if not isinstance(value, list):
        return None
    return tuple(dict.fromkeys(token for token in value if isinstance(token, str)))
