"""What arrived, in plain words: what happened, what was checked, why it was refused."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from notifications.admin import item_words
from notifications.errors import Reason
from notifications.models import ChangeNotification, ContentFetch, Delivery, NotificationContent

# A GUID, a thread of Teams or an item of Outlook: names of Graph's own have no digits and stay whole.
_LONG_ID = re.compile(r"(?=[^/'()?&=,\s]*\d)[^/'()?&=,\s]{19,}")
_STATE_KINDS = {
    ChangeNotification.State.ACCEPTED: "good",
    ChangeNotification.State.WAITING: "busy",
    ChangeNotification.State.REJECTED: "bad",
    ChangeNotification.State.DEAD: "warn",
}
_STATE_WORDS = {
    ChangeNotification.State.ACCEPTED: "Genuine",
    ChangeNotification.State.WAITING: "Waiting",
    ChangeNotification.State.REJECTED: "Rejected",
    ChangeNotification.State.DEAD: "Given up",
}
_DELIVERY_KINDS = {
    Delivery.State.QUEUED: "busy",
    Delivery.State.WAITING: "busy",
    Delivery.State.DONE: "good",
    Delivery.State.DEAD: "warn",
}
_STATE_MEANINGS = {
    ChangeNotification.State.ACCEPTED: "It is genuine: every check below passed.",
    ChangeNotification.State.WAITING: "It cannot be proven or opened yet, and is tried again.",
    ChangeNotification.State.REJECTED: "It is not taken as genuine, and nothing was done because of it.",
    ChangeNotification.State.DEAD: "It could not be proven or opened in time, and is no longer tried.",
}
_LIFECYCLE = {
    "reauthorizationRequired": "Graph asks for the subscription to be reauthorized",
    "subscriptionRemoved": "Graph has removed the subscription",
    "missed": "Graph could not deliver some changes",
}
CHECKS = {
    "clientState": "The clientState is the one that we chose for this subscription.",
    "validationToken": "A validation token signed by Microsoft was issued to Graph for this app and tenant.",
    "delta": "We read it at Graph ourselves, by a delta query in the name of the subscription.",
    "dataSignature": "The content carries the right signature and was opened with our private key.",
}
_UNPROVEN = "What came did not prove that Microsoft sent it."
REASONS: dict[str, str] = {
    Reason.MALFORMED: "The item does not have the form that Graph sends.",
    Reason.TOO_LARGE: "The delivery was larger than MAX_DELIVERY_BYTES allows.",
    Reason.UNKNOWN_SUBSCRIPTION: (
        "No subscription here has this ID. Somebody else's, one that was deleted here, or a forgery."
    ),
    Reason.CLIENT_STATE_MISSING: "It came without a clientState, and ours always has one. Probably a forgery.",
    Reason.CLIENT_STATE_MISMATCH: (
        "Its clientState is not the one of the subscription. Probably a forgery, or another system's "
        "subscription that points here."
    ),
    Reason.VALIDATION_TOKENS_MISSING: f"Encrypted content came without validation tokens. {_UNPROVEN}",
    Reason.VALIDATION_TOKEN_MALFORMED: f"The validation token cannot be read. {_UNPROVEN}",
    Reason.VALIDATION_TOKEN_ALGORITHM: f"The validation token is not signed as Microsoft signs. {_UNPROVEN}",
    Reason.VALIDATION_TOKEN_SIGNATURE: f"The validation token's signature is wrong. {_UNPROVEN}",
    Reason.VALIDATION_TOKEN_EXPIRED: (
        "The validation token had expired when it arrived. An old one was used again, or this server's clock is wrong."
    ),
    Reason.VALIDATION_TOKEN_NOT_YET_VALID: (
        "The validation token is not valid yet: check this server's clock. It is tried again by itself."
    ),
    Reason.VALIDATION_TOKEN_AUDIENCE: f"The validation token was issued for another app. {_UNPROVEN}",
    Reason.VALIDATION_TOKEN_ISSUER: f"The validation token was issued by somebody else. {_UNPROVEN}",
    Reason.VALIDATION_TOKEN_AZP: (
        "The validation token was issued to an application that is not Graph's sender. In a national cloud, check "
        "CHANGE_TRACKING_APP_IDS."
    ),
    Reason.VALIDATION_TOKEN_TENANT: f"The validation token belongs to another tenant. {_UNPROVEN}",
    Reason.UNKNOWN_SIGNING_KEY: f"The validation token is signed with a key that is not Microsoft's. {_UNPROVEN}",
    Reason.SIGNING_KEYS_UNAVAILABLE: "Microsoft's signing keys could not be fetched. It is tried again by itself.",
    Reason.UNKNOWN_CERTIFICATE: (
        "It is encrypted for a certificate that is not here. Import that certificate with its private key, and it "
        "is opened by itself."
    ),
    Reason.PRIVATE_KEY_UNAVAILABLE: (
        "The private key cannot be opened. Put the key with which it was saved back into FIELD_ENCRYPTION_KEYS."
    ),
    Reason.PRIVATE_KEY_DESTROYED: (
        "The private key of its certificate was destroyed here before it could be opened: nobody can open it."
    ),
    Reason.THUMBPRINT_MISMATCH: (
        "It names one of our certificates, but with another thumbprint: two certificates share a name."
    ),
    Reason.ENCRYPTED_CONTENT_MALFORMED: "The encrypted content is damaged or not in Graph's form.",
    Reason.CONTENT_NOT_AUTHENTIC: "The content's signature is wrong: it was changed on the way, or is a forgery.",
    Reason.CONTENT_NOT_JSON: "The content was opened, but it is not JSON.",
}


def badge(kind: str, text: str) -> SafeString:
    """Return a coloured word."""
    return format_html('<span class="gsm-badge gsm-{}">{}</span>', kind, text)


def kind_of_state(notification: ChangeNotification) -> str:
    """Return how to feel about the state of a notification: good, busy, warn or bad."""
    return _STATE_KINDS[ChangeNotification.State(notification.state)]


def state_badge(notification: ChangeNotification) -> SafeString:
    """Return the state of a notification as a badge."""
    return badge(kind_of_state(notification), _STATE_WORDS[ChangeNotification.State(notification.state)])


def delivery_badge(delivery: Delivery) -> SafeString:
    """Return the state of a delivery as a badge."""
    state = Delivery.State(delivery.state)
    return badge(_DELIVERY_KINDS[state], state.label)


def what_happened(notification: ChangeNotification) -> str:
    """Return the change and the kind of thing, as in `created · message`."""
    parts = (notification.change_type or notification.lifecycle_event, kind_of_thing(notification))
    return " · ".join(part for part in parts if part) or "item"


def kind_of_thing(notification: ChangeNotification) -> str:
    """Return the last word of Graph's type, as in `message` for `#Microsoft.Graph.Message`."""
    return notification.resource_type.rpartition(".")[2].removeprefix("#")


def said(
    notification: ChangeNotification,
    *,
    content: Mapping[str, Any] | None = None,
    before: Mapping[str, Any] | None = None,
) -> str:
    """Return what the notification says, as a sentence without its end; more with its content, and the one before."""
    if not notification.lifecycle_event:
        kind = kind_of_thing(notification)
        return item_words.sentence(kind, notification.change_type, content=content, before=before)
    return _LIFECYCLE.get(notification.lifecycle_event, "A lifecycle notification of an unknown kind came")


def summary(
    notification: ChangeNotification,
    *,
    content: Mapping[str, Any] | None = None,
    before: Mapping[str, Any] | None = None,
) -> str:
    """Return what the notification says, and what became of it, in sentences."""
    state = ChangeNotification.State(notification.state)
    claim = said(notification, content=content, before=before)
    if state != ChangeNotification.State.ACCEPTED:
        claim = f"It claims: {claim[0].lower()}{claim[1:]}"
    return f"{claim}. {_STATE_MEANINGS[state]}"


def origin_of_content(content: NotificationContent) -> str:
    """Return where content is from, and of which moment it speaks."""
    at = to_the_second(content.opened_at)
    if content.source == NotificationContent.Source.FETCHED:
        return f"Fetched from Graph at {at}. It is the state at that time, not that of the change."
    if content.source == NotificationContent.Source.DELTA:
        return f"Found by delta query at {at}. It is the state at that time; earlier ones may lie before it."
    key = (
        f" with certificate {content.encryption_certificate_id}" if content.encryption_certificate_id else ""
    )
    return f"Decrypted at {at}{key}."


def of_fetch(fetch: ContentFetch) -> str:
    """Return what became of reading the resource at Graph; nothing where the content speaks for itself."""
    if fetch.state == ContentFetch.State.DONE:
        return ""
    trace = f" request-id {fetch.request_id}." if fetch.request_id else ""
    if fetch.state == ContentFetch.State.WANTED:
        told = f" The last try: {fetch.outcome}" if fetch.outcome else ""
        when = to_the_second(fetch.next_attempt_at)
        return f"Wanted by {fetch.requested_by}; the next try is at {when}.{told}{trace}"
    return f"{fetch.get_state_display()} at {to_the_second(fetch.finished_at)}. {fetch.outcome}{trace}"


def reason_in_words(reason: str) -> str:
    """Return what a reason means; an unknown one as it is."""
    return REASONS.get(reason, reason)


def moment(at: datetime | None) -> SafeString:
    """Return a time in UTC that is broken between day and hour only."""
    if at is None:
        return format_html("{}", to_the_second(at))
    return format_html(
        '<span class="gsm-nowrap">{}</span> <span class="gsm-nowrap">{}</span>',
        f"{at:%Y-%m-%d}",
        f"{at:%H:%M:%S} UTC",
    )


def path(resource: str) -> SafeString:
    """Return a path that may be broken after its slashes."""
    return format_html('<span class="gsm-code gsm-path">{}</span>', _broken(resource))


def shortened(text: str) -> str:
    """Return a path or an id in which each long id has lost its middle."""
    return _LONG_ID.sub(lambda match: f"{match[0][:6]}…{match[0][-4:]}", text)


def path_in_short(resource: str) -> SafeString:
    """Return a path for two lines of a list, with the whole one hover away."""
    return format_html(
        '<span class="gsm-code gsm-two-lines" title="{}">{}</span>', resource, _broken(shortened(resource))
    )


def to_the_second(at: datetime | None) -> str:
    """Return a time in UTC; a dash for none."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "–"  # noqa: RUF001 -- the dash of Django's own empty cells


def _broken(resource: str) -> SafeString:
    return format_html_join("", "{}<wbr>", ((part,) for part in re.split("(?<=/)", resource)))
