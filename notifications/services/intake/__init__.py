"""Accept: one look at a body, one row in the inbox; everything that can wait is left to the workers."""

import logging
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from django.db import Error

from notifications import conf
from notifications.authenticity import client_state_matches
from notifications.envelope import Envelope, parse, plain_claims
from notifications.errors import NotificationRejectedError, Reason
from notifications.models import Delivery
from notifications.services.intake import inbox, quarantine
from subscriptions.keys.field_encryption import FieldDecryptionError
from subscriptions.services import identities

logger = logging.getLogger(__name__)


class Acceptance(StrEnum):
    """What became of a body."""

    STORED = "stored"
    QUARANTINED = "quarantined"
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    DROPPED = "dropped"


class StorageUnavailableError(Exception):
    """The body could not be stored: the sender must keep it and come again."""


def accept(
    unverified_body: bytes, *, endpoint: str, content_type: str, content_encoding: str, now: datetime
) -> Acceptance:
    """Store a body in the inbox and say what it looks like.

    A body with at least one item of ours is stored for certain. One without goes to a quarantine of bounded size.

    Raises:
        StorageUnavailableError: it is not stored; nothing but a 5xx answer keeps it from being lost.

    """
    came = {
        "endpoint": endpoint,
        "content_type": content_type[:200],
        "content_encoding": content_encoding[:50],
    }
    try:
        if not _is_plainly_ours(unverified_body, content_encoding):
            delivery = Delivery(
                received_at=now, next_attempt_at=now, body=unverified_body, size=len(unverified_body), **came
            )
            if (otherwise := _taken_otherwise(delivery, now=now)) is not None:
                return otherwise
        inbox.put(unverified_body, **came, now=now)
    except (Error, FieldDecryptionError) as error:
        logger.exception("delivery not stored")
        raise StorageUnavailableError from error
    return Acceptance.STORED


class Stored(Protocol):
    """What is kept of a POST to read it again."""

    @property
    def body(self) -> bytes:
        """As it came."""

    @property
    def content_type(self) -> str:
        """The header, empty if it was missing."""

    @property
    def content_encoding(self) -> str:
        """The header, empty if it was missing."""


def read(delivery: Stored) -> Envelope:
    """Parse the stored body.

    Raises:
        MalformedBodyError: it is not a collection of notifications.

    """
    return parse(
        bytes(delivery.body),
        content_type=delivery.content_type,
        content_encoding=delivery.content_encoding,
        max_bytes=conf.configuration().max_delivery_bytes,
        max_items=conf.MAX_ITEMS,
    )


def _is_plainly_ours(unverified_body: bytes, content_encoding: str) -> bool:
    """Look for an item that this process knows, in a body that needs no care; a no decides nothing.

    The workers read every body with all the care there is: here it only has to be known as ours, quickly.
    """
    if content_encoding:
        return False
    for subscription_id, client_state in plain_claims(unverified_body, max_items=conf.MAX_ITEMS):
        identity = identities.remembered(subscription_id)
        if identity is not None and client_state_matches(identity.client_state, client_state):
            return True
    return False


def _taken_otherwise(delivery: Delivery, *, now: datetime) -> Acceptance | None:
    """Read a body with all care and say what became of it, unless there is something of ours in it."""
    try:
        if _has_item_of_ours(read(delivery)):
            return None
    except NotificationRejectedError as error:
        quarantine.keep(delivery, now=now)
        return Acceptance.TOO_LARGE if error.reason == Reason.TOO_LARGE else Acceptance.MALFORMED
    return Acceptance.QUARANTINED if quarantine.keep(delivery, now=now) else Acceptance.DROPPED


def _has_item_of_ours(envelope: Envelope) -> bool:
    claims = [(item.subscription_id, item.client_state) for item in envelope.items]
    found = identities.find(claims, cached=True)
    return any(
        identity is not None and client_state_matches(identity.client_state, item.client_state)
        for identity, item in zip(found, envelope.items, strict=True)
    )
