"""What has arrived and cannot be opened without a certificate's private key, as the inbox tells it.

The inbox belongs to an app above this one, so it registers its answer here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from subscriptions.models import EncryptionCertificate


@dataclass(frozen=True, kw_only=True)
class Need:
    """How much waits for a private key: items that name it, those given up, and bodies nobody has read yet.

    `held` are those of the items that a legal hold keeps from being lost.
    """

    waiting: int = 0
    given_up: int = 0
    unread: int = 0
    held: int = 0

    @property
    def is_pressing(self) -> bool:
        """Say whether something would be lost that is still going to be opened."""
        return bool(self.waiting or self.unread)


# Given a certificate and a time, counts what came before that time.
Inbox = Callable[[EncryptionCertificate, datetime], Need]
_inboxes: list[Inbox] = []


def register(inbox: Inbox) -> None:
    """Have `inbox` asked from now on."""
    if inbox not in _inboxes:
        _inboxes.append(inbox)


def need_of(certificate: EncryptionCertificate, *, until: datetime) -> Need:
    """Return what came before `until` and cannot be opened without the private key."""
    needs = [inbox(certificate, until) for inbox in _inboxes]
    return Need(
        waiting=sum(need.waiting for need in needs),
        given_up=sum(need.given_up for need in needs),
        unread=sum(need.unread for need in needs),
        held=sum(need.held for need in needs),
    )
