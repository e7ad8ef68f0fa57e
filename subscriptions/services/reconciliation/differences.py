"""What differs between a subscription here and the same one at Graph."""

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from subscriptions import conf
from subscriptions.graph.documents import RemoteSubscription
from subscriptions.models import AppRegistration, Subscription

# Graph shows seven fraction digits and a database fewer.
SAME_TIME = timedelta(seconds=1)


class Difference(StrEnum):
    """One thing that differs, in the words in which it is told."""

    PAUSED = "paused here, and Graph still has it"
    EXPIRY = "another expiry"
    NOTIFICATION_URL = "sends to another address"
    LIFECYCLE_URL = "sends lifecycle notifications to another address, or to none"
    CLIENT_STATE = "has a clientState that is not known here, so that what it sends cannot be proven"
    CERTIFICATE = "encrypts for another certificate"


def differences(row: Subscription, remote: RemoteSubscription) -> set[Difference]:
    """Return what differs."""
    if row.is_paused:
        return {Difference.PAUSED}
    notification_url, lifecycle_url = addresses(row)
    found = {
        Difference.EXPIRY: row.expires_at is None or abs(row.expires_at - remote.expires_at) > SAME_TIME,
        Difference.NOTIFICATION_URL: not _is_same_address(remote.notification_url, notification_url),
        # Nobody can change it at Graph: what was sent when it was created is what it is.
        Difference.LIFECYCLE_URL: not _is_same_address(row.lifecycle_notification_url, lifecycle_url),
        # Nor this: what Graph shows of it may be masked, and is no reason to create anything anew.
        Difference.CLIENT_STATE: not row.client_state,
        Difference.CERTIFICATE: _has_another_certificate(row, remote),
    }
    return {difference for difference, differs in found.items() if differs}


def in_words(found: Iterable[Difference]) -> str:
    """Return what differs as one sentence; nothing for no difference."""
    text = "; ".join(difference for difference in Difference if difference in set(found))
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def addresses(row: Subscription) -> tuple[str, str]:
    """Return where Graph should send to: where we can be reached now.

    An address of this machine alone, as on a copy made for trying out, is no reason to move what Graph has.
    """
    configuration = conf.configuration()
    is_reachable = configuration.public_base_url.startswith("https://")
    if is_reachable or row.app_registration.cloud == AppRegistration.Cloud.CUSTOM:
        return configuration.notification_url, configuration.lifecycle_notification_url
    return row.notification_url, row.lifecycle_notification_url


def _is_same_address(one: str, other: str) -> bool:
    """Compare addresses as they work, so that another spelling of ours is not mended for ever."""
    return one == other or _normal(one) == _normal(other)


def _normal(address: str) -> tuple[str, ...]:
    try:
        parts = urlsplit(address)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return (address,)
    return parts.scheme, parts.hostname or "", str(port), parts.path.rstrip("/"), parts.query


def _has_another_certificate(row: Subscription, remote: RemoteSubscription) -> bool:
    """Compare with what is believed to be at Graph; that another one is wished is the renewal's matter."""
    if not row.include_resource_data or remote.encryption_certificate_id is None:
        return False
    believed = row.certificate_at_graph
    return believed is None or believed.encryption_certificate_id != remote.encryption_certificate_id
