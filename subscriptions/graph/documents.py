"""What goes to Graph and what comes back, as values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from subscriptions.graph.errors import GraphError, UnexpectedAnswerError

# Graph writes up to seven digits of a second; Python's clock holds six.
_TIMESTAMP = re.compile(
    r"(?P<seconds>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d+))?(?P<offset>Z|[+-]\d\d:\d\d)",
    re.ASCII,
)


def parse_timestamp(text: str) -> datetime:
    """Read one of Graph's timestamps as an aware UTC datetime; digits beyond microseconds are cut off.

    Raises:
        ValueError: the text is no such timestamp, or carries no offset.

    """
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        raise ValueError("Not a timestamp with an offset, such as 2026-11-20T18:23:45Z.")
    offset = match["offset"].replace("Z", "+00:00")
    fraction = (match["fraction"] or "0")[:6].ljust(6, "0")
    try:
        return datetime.fromisoformat(f"{match['seconds']}.{fraction}{offset}").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("The timestamp names no moment of the calendar.") from error


def format_timestamp(at: datetime) -> str:
    """Write a moment as Graph does, in UTC with a closing Z.

    Raises:
        ValueError: the datetime is naive.

    """
    if at.tzinfo is None:
        raise ValueError("A naive datetime names no moment; give it a time zone.")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


@dataclass(frozen=True, kw_only=True)
class SubscriptionRequest:
    """A subscription to be created.

    `encryption_certificate` is the Base64 of the DER bytes on one line. `prefer` holds values of the Prefer
    header.

    Source: Microsoft Learn, resources/subscription.md (2026-09-17).
    """

    resource: str
    change_type: str
    notification_url: str
    lifecycle_notification_url: str | None = None
    expires_at: datetime
    client_state: str = field(repr=False)
    include_resource_data: bool = False
    encryption_certificate: str | None = field(default=None, repr=False)
    encryption_certificate_id: str | None = None
    latest_supported_tls_version: str | None = None
    notification_query_options: str | None = None
    prefer: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the body of the create call; what is not set is left out."""
        body = {
            "changeType": self.change_type,
            "resource": self.resource,
            "notificationUrl": self.notification_url,
            "lifecycleNotificationUrl": self.lifecycle_notification_url,
            "expirationDateTime": format_timestamp(self.expires_at),
            "clientState": self.client_state,
            "includeResourceData": self.include_resource_data or None,
            "encryptionCertificate": self.encryption_certificate,
            "encryptionCertificateId": self.encryption_certificate_id,
            "latestSupportedTlsVersion": self.latest_supported_tls_version,
            "notificationQueryOptions": self.notification_query_options,
        }
        return _without_none(body)


@dataclass(frozen=True, kw_only=True)
class Renewal:
    """New values for a subscription that exists.

    The update page lists only the expiry and the URL as updatable, the guide to rich notifications also the
    certificate (conflict): be ready for a refusal.

    Source: Microsoft Learn, subscription-update.md (2026-05-05), change-notifications-with-resource-data.md
    (2026-04-17).
    """

    id: str
    expires_at: datetime
    notification_url: str | None = None
    encryption_certificate: str | None = field(default=None, repr=False)
    encryption_certificate_id: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the body of the update call; what is not set is left out."""
        body = {
            "expirationDateTime": format_timestamp(self.expires_at),
            "notificationUrl": self.notification_url,
            "encryptionCertificate": self.encryption_certificate,
            "encryptionCertificateId": self.encryption_certificate_id,
        }
        return _without_none(body)


@dataclass(frozen=True, kw_only=True)
class RemoteSubscription:
    """A subscription as Graph holds it. The list call leaves `client_state` out."""

    id: str
    resource: str
    change_type: str
    application_id: str
    creator_id: str
    notification_url: str
    lifecycle_notification_url: str | None
    expires_at: datetime
    client_state: str | None = field(repr=False)
    include_resource_data: bool
    encryption_certificate_id: str | None
    latest_supported_tls_version: str | None
    notification_query_options: str | None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read Graph's object; properties we do not know are ignored.

        Raises:
            UnexpectedAnswerError: the id or the expiry is missing or unreadable.

        """
        subscription_id = _text(document, "id")
        if not subscription_id:
            raise UnexpectedAnswerError("Graph's answer names no subscription id.")
        return cls(
            id=subscription_id,
            resource=_text(document, "resource") or "",
            change_type=_text(document, "changeType") or "",
            application_id=_text(document, "applicationId") or "",
            creator_id=_text(document, "creatorId") or "",
            notification_url=_text(document, "notificationUrl") or "",
            lifecycle_notification_url=_text(document, "lifecycleNotificationUrl"),
            expires_at=_expiry(document),
            client_state=_text(document, "clientState"),
            include_resource_data=document.get("includeResourceData") is True,
            encryption_certificate_id=_text(document, "encryptionCertificateId"),
            latest_supported_tls_version=_text(document, "latestSupportedTlsVersion"),
            notification_query_options=_text(document, "notificationQueryOptions"),
        )


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one renewal: the subscription as Graph now holds it, or the error.

    `request_id` is Graph's name for the call; of an item without one of its own, that of the whole batch.
    """

    id: str
    subscription: RemoteSubscription | None = None
    error: GraphError | None = None
    called_at: datetime
    duration: timedelta = timedelta(0)
    request_id: str = ""


@dataclass(frozen=True, kw_only=True)
class CallRecord:
    """One HTTP call made to Graph. `path` is without query; `status` is None if no answer came."""

    method: str
    path: str
    status: int | None
    request_id: str
    client_request_id: str
    error_code: str
    started_at: datetime
    duration: timedelta


def _expiry(document: Mapping[str, Any]) -> datetime:
    try:
        return parse_timestamp(_text(document, "expirationDateTime") or "")
    except ValueError as error:
        raise UnexpectedAnswerError("Graph's answer gives no readable expiry.") from error


def _text(document: Mapping[str, Any], name: str) -> str | None:
    value = document.get(name)
    return value if isinstance(value, str) and value else None


def _without_none(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class DeltaPage:
    """One page of a delta query. Exactly one of the links is there: to the next page, or to what comes later.

    The links carry tokens.

    Source: Microsoft Learn, delta-query-overview.md (2026-05-14).
    """

    items: tuple[Mapping[str, Any], ...] = field(repr=False)
    next_link: str = field(repr=False)
    delta_link: str = field(repr=False)
