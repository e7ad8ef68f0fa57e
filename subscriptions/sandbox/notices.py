"""The items of a notification and the envelope around them, spelled as in Graph's samples.

Source: https://learn.microsoft.com/graph/api/resources/changenotification (2026-10-01).
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from subscriptions.sandbox import identifiers
from subscriptions.sandbox.clock import as_notification_time
from subscriptions.sandbox.encryption import encrypt
from subscriptions.sandbox.items import Item
from subscriptions.sandbox.paths import split_query
from subscriptions.sandbox.preferences import ALL_ENUM_MEMBERS, IMMUTABLE_IDS
from subscriptions.sandbox.stored import StoredSubscription
from subscriptions.sandbox.world import Change

LIFECYCLE_EVENTS = frozenset({"reauthorizationRequired", "subscriptionRemoved", "missed"})
_ALWAYS = frozenset({"id", "@odata.type", "@odata.id", "@odata.etag"})
# Source: https://learn.microsoft.com/graph/api/resources/chatmessage (2026).
_LATE_MEMBERS = (("messageType", "systemEventMessage"),)
_REDMOND = timezone(timedelta(hours=-8))


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One notification item on its way to one URL."""

    address: str
    subscription: StoredSubscription
    document: Mapping[str, object] = field(repr=False)


def change_notice(subscription: StoredSubscription, change: Change) -> Notice:
    """Return the notice of a change, with encrypted content where the subscription asked for it."""
    style = change.item.kind.style
    data = _resource_data(subscription, change)
    document: dict[str, object] = {}
    if style == "outlook" and not subscription.is_rich:
        document["id"] = f"{secrets.token_urlsafe(9)}/{secrets.token_hex(2)}"
    document |= _heading(subscription, change)
    document["resource"] = _named(subscription, change.item, change.item.kind.resource)
    document["tenantId"] = subscription.tenant_id
    document["resourceData"] = data
    if subscription.is_rich:
        document["encryptedContent"] = encrypt(
            _selected(subscription, data | dict(change.content) | data),
            subscription.encryption_certificate or "",
            subscription.encryption_certificate_id or "",
        )
    return Notice(address=subscription.notification_url, subscription=subscription, document=document)


def lifecycle_notice(subscription: StoredSubscription, event: str) -> Notice:
    """Return a lifecycle notice.

    Raises:
        ValueError: the event is unknown or the subscription has no lifecycle URL.

    Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events (2026-03-24).
    """
    if event not in LIFECYCLE_EVENTS:
        raise ValueError(f"{event!r} is no lifecycle event")
    if subscription.lifecycle_notification_url is None:
        raise ValueError(f"subscription {subscription.id} has no lifecycleNotificationUrl")
    document: dict[str, object] = {
        "subscriptionId": subscription.id,
        "subscriptionExpirationDateTime": as_notification_time(subscription.expires_at),
        "tenantId": subscription.tenant_id,
    }
    if subscription.client_state is not None:
        document["clientState"] = subscription.client_state
    document["lifecycleEvent"] = event
    address = subscription.lifecycle_notification_url
    return Notice(address=address, subscription=subscription, document=document)


def envelope(notices: Sequence[Notice], prove: Callable[[str, str], str]) -> dict[str, object]:
    """Return the body of one POST; `prove` makes the validation token for an application and a tenant."""
    body: dict[str, object] = {"value": [dict(notice.document) for notice in notices]}
    pairs = {
        (notice.subscription.application_id, notice.subscription.tenant_id): None
        for notice in notices
        if "encryptedContent" in notice.document
    }
    if pairs:
        body["validationTokens"] = [prove(application_id, tenant_id) for application_id, tenant_id in pairs]
    return body


def _heading(subscription: StoredSubscription, change: Change) -> dict[str, object]:
    heading: dict[str, object] = {
        "subscriptionId": subscription.id,
        "subscriptionExpirationDateTime": _expiry(subscription.expires_at, change.item.kind.style),
    }
    if subscription.client_state is not None:
        heading["clientState"] = subscription.client_state
    return heading | {"changeType": change.change_type}


def _expiry(expires_at: datetime, style: str) -> str:
    # Samples of Teams print the local time of Redmond with its offset, all others UTC.
    if style == "teams":
        return expires_at.astimezone(_REDMOND).strftime("%Y-%m-%dT%H:%M:%S.%f0-08:00")
    return as_notification_time(expires_at)


def _resource_data(subscription: StoredSubscription, change: Change) -> dict[str, object]:
    """Return what is told openly; of meetings that is everything, where no encryption was asked for.

    Source: https://learn.microsoft.com/graph/changenotifications-for-onlinemeeting (2026).
    """
    item, kind = change.item, change.item.kind
    data: dict[str, object] = {"@odata.type": kind.odata_type}
    if kind.style == "container":
        return data
    odata_id = _named(subscription, item, kind.odata_id)
    data["@odata.id"] = odata_id
    if kind.style == "outlook" and "@odata.etag" in change.content:
        data["@odata.etag"] = change.content["@odata.etag"]
    if kind.style == "membership":
        gone = {"@removed": "deleted"} if change.change_type == "deleted" else {}
        return data | {"id": item.path[1], f"{item.path[2]}@delta": [{"id": item.id, **gone}]}
    data["id"] = odata_id if kind.style == "event" else _identifier(subscription, item)
    is_open = kind.type_name == "onlineMeeting" and not subscription.is_rich
    return dict(change.content) | data if is_open else data


def _named(subscription: StoredSubscription, item: Item, template: str) -> str:
    watched = subscription.resource.lstrip("/")
    return item.named(template, watched=watched, identifier=_identifier(subscription, item))


def _identifier(subscription: StoredSubscription, item: Item) -> str:
    is_lasting = subscription.prefers(IMMUTABLE_IDS) and item.is_in_mailbox
    return identifiers.immutable(item.id) if is_lasting else item.id


def _selected(subscription: StoredSubscription, content: Mapping[str, object]) -> dict[str, object]:
    select = split_query(subscription.resource)[1].get("$select", "")
    names = {name.strip().lower() for name in select.split(",") if name.strip()}
    shown = dict(content) if subscription.prefers(ALL_ENUM_MEMBERS) else _with_known_members(content)
    if not names:
        return shown
    return {name: value for name, value in shown.items() if name in _ALWAYS or name.lower() in names}


def _with_known_members(content: Mapping[str, object]) -> dict[str, object]:
    # Who does not ask for members that came late is told that there is one, not which.
    return {
        name: "unknownFutureValue" if (name, value) in _LATE_MEMBERS else value
        for name, value in content.items()
    }
