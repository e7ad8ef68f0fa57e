"""Rotate an encryption certificate: another takes its place, subscriptions move, and the old one ends.

Graph is told of the new certificate when each subscription is renewed. The old private key stays until no notification
can need it; then the certificate is retired, and somebody may have the key destroyed.
Source: change-notifications-with-resource-data.md (2026-04-17), "rotate encryption keys".
"""

import logging
import re
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from subscriptions.keys import certificates as keys
from subscriptions.models import EncryptionCertificate, Subscription
from subscriptions.services import certificate_needs, certificates
from subscriptions.services.certificate_needs import Need
from subscriptions.services.errors import UseCaseError
from subscriptions.services.recreation import FORMER_ID_ACCEPTED

logger = logging.getLogger(__name__)

State = EncryptionCertificate.State
# As long as a late notification of a former subscription is accepted, it must also be possible to open it. That is
# longer than Graph's retries (4 hours) after its slowest delivery (6 hours).
# Source: change-notifications-delivery-webhooks.md (2026-04-22), change-notifications-overview.md (2026).
DRAINS_FOR = FORMER_ID_ACCEPTED
_DATED = re.compile(r"-\d{4}-\d\d-\d\d(\.\d+)?$")


class NotRotatableError(UseCaseError):
    """The certificate cannot be replaced, or not by that one."""


class KeyNeededError(UseCaseError):
    """The private key cannot be destroyed: something may still need it."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where the end of a certificate stands. `to_move` counts those that used it when the rotation began."""

    to_move: int
    at_graph: int
    wishing: int
    unused_since_at: datetime | None
    retires_at: datetime | None
    need: Need

    @property
    def moved(self) -> int:
        """How many no longer use it."""
        return max(self.to_move - self.at_graph, 0)

    @property
    def is_used(self) -> bool:
        """Say whether Graph may encrypt for it, now or after the next renewal."""
        return bool(self.at_graph or self.wishing)


def name_for_successor(certificate: EncryptionCertificate, *, now: datetime) -> str:
    """Return a free name with today's date for the certificate that is to take the place of another."""
    stem = _DATED.sub("", certificate.encryption_certificate_id)
    # What comes behind it must fit into a certificate's common name.
    dated = f"{stem[: keys.MAX_COMMON_NAME_LENGTH - 15]}-{now:%Y-%m-%d}"
    names = chain([dated], (f"{dated}.{number}" for number in count(2)))
    taken = EncryptionCertificate.objects.filter(encryption_certificate_id__startswith=dated)
    used = set(taken.values_list("encryption_certificate_id", flat=True))
    return next(name for name in names if name not in used)


def replace_by_new(
    certificate: EncryptionCertificate, *, name: str = "", at_once: bool = False, now: datetime
) -> EncryptionCertificate:
    """Make a new certificate with a key of the same size and put it in the place of `certificate`; return it.

    Without a `name` it gets one with today's date. See `replace_by` for the rest.

    Raises:
        NotRotatableError: the certificate is being replaced already, or is retired.
        UnusableCertificateError, ValidationError: the name is not fit, or taken.

    """
    _check_replaceable(certificate)
    name = name or name_for_successor(certificate, now=now)
    pair = keys.generate(name, key_size=_size_like(certificate), now=now)
    with transaction.atomic():
        successor = certificates.save(name, pair)
        _begin(certificate, successor, at_once=at_once, now=now)
    return successor


def replace_by(
    certificate: EncryptionCertificate,
    successor: EncryptionCertificate,
    *,
    at_once: bool = False,
    now: datetime,
) -> None:
    """Put a certificate that is here in the place of another: for what is created from now on, and for what exists.

    Each subscription moves when it is renewed; with `at_once` all are due for the next renewal run.
    Graph is not called.

    Raises:
        NotRotatableError: the certificate is being replaced already or retired, or the other cannot be used.

    """
    _check_replaceable(certificate)
    with transaction.atomic():
        _begin(certificate, successor, at_once=at_once, now=now)


def hasten(certificate: EncryptionCertificate, *, now: datetime) -> int:
    """Make all that Graph still encrypts for `certificate` due for the next renewal run, and return how many.

    What Graph has asked to leave alone for a while, or has refused, keeps its time.
    """
    movable = Subscription.objects.encrypted_for(certificate, now).filter(
        status=Subscription.Status.ACTIVE, is_enabled=True, auto_renew=True, failures=0
    )
    return movable.exclude(encryption_certificate=certificate).update(renew_at=now)


def progress_of(certificate: EncryptionCertificate, *, now: datetime) -> Progress:
    """Return where the end of a certificate stands at `now`."""
    unused_since_at = certificate.unused_since_at
    retires_at = unused_since_at + DRAINS_FOR if unused_since_at else None
    return Progress(
        to_move=certificate.subscriptions_to_move,
        at_graph=Subscription.objects.encrypted_for(certificate, now).count(),
        wishing=_wishing(certificate).count(),
        unused_since_at=unused_since_at,
        retires_at=retires_at,
        need=certificate_needs.need_of(certificate, until=min(now, retires_at or now)),
    )


def is_rotatable(certificate: EncryptionCertificate) -> bool:
    """Say whether another certificate can take its place."""
    is_being_replaced = certificate.state == State.DRAINING and certificate.replaced_by_id is not None
    return certificate.state != State.RETIRED and not is_being_replaced


def set_state(certificate: EncryptionCertificate, state: str) -> None:
    """Put a certificate whose private key is here into another state; the time to its retirement begins anew.

    One that is active again is replaced by nothing any more; what has moved stays where it is.
    """
    called_off = {"replaced_by": None, "rotated_at": None} if state == State.ACTIVE else {}
    EncryptionCertificate.objects.filter(pk=certificate.pk, key_destroyed_at=None).update(
        state=state, unused_since_at=None, retired_at=None, **called_off
    )
    certificate.refresh_from_db()


def retire_drained(*, now: datetime) -> int:
    """Retire the draining certificates that nothing can need any more, and return how many.

    From the run that first finds one unused, it stays as long as a late notification may come, and longer while
    something in the inbox needs it.
    """
    retired = 0
    for certificate in EncryptionCertificate.objects.filter(state=State.DRAINING):
        if certificate.replaced_by_id:
            # A form that was open when the rotation began may have brought the old wish back.
            _move_wishes(certificate, certificate.replaced_by_id)
        retired += _retire_if_drained(certificate, now=now)
    return retired


def destroy_private_key(
    certificate: EncryptionCertificate, *, forced: bool = False, now: datetime
) -> EncryptionCertificate:
    """Erase the private key for good; the row stays, so that its name is never used for another key.

    `forced` gives up what is still waiting to be opened and what may still arrive, never what Graph goes on encrypting
    or a legal hold keeps.

    Raises:
        KeyNeededError: a subscription uses it; or, unless forced, something may still need it.

    """
    if certificate.key_destroyed_at:
        return certificate
    reason = reason_to_keep(certificate, now=now, forced=forced)
    if reason:
        raise KeyNeededError(reason)
    used = Subscription.objects.filter(encryption_certificate=OuterRef("pk")).exclude(
        status=Subscription.Status.REMOVED
    )
    EncryptionCertificate.objects.filter(~Exists(used), pk=certificate.pk).update(
        private_key="", key_destroyed_at=now, state=State.RETIRED, retired_at=certificate.retired_at or now
    )
    certificates.forget_loaded_keys()
    certificate.refresh_from_db()
    logger.warning("private key destroyed certificate=%s forced=%s", certificate, forced)
    return certificate


def reason_to_keep(certificate: EncryptionCertificate, *, now: datetime, forced: bool = False) -> str:
    """Say why the private key must stay; empty when it may go."""
    progress = progress_of(certificate, now=now)
    if progress.is_used:
        used = max(progress.at_graph, progress.wishing)
        return (
            f"{_counted(used, 'subscription')} {_verb(used, 'use')} {certificate}. Rotate it first, and wait until "
            "Graph encrypts with the new one."
        )
    if held := progress.need.held:
        return (
            f"{_counted(held, 'notification')} under a legal hold {_verb(held, 'need')} {certificate} to be opened. "
            "The key stays until the hold is released."
        )
    if forced:
        return ""
    if waiting := progress.need.waiting:
        return (
            f"{_counted(waiting, 'notification')} {_verb(waiting, 'wait')} to be opened with {certificate}. Have them "
            "tried again first."
        )
    if certificate.first_used_at and certificate.state != State.RETIRED:
        return (
            f"{certificate} is not retired yet: what Graph has encrypted with it may still arrive, for up to two days "
            "after its last use."
        )
    return ""


def _check_replaceable(certificate: EncryptionCertificate) -> None:
    if certificate.state == State.RETIRED:
        raise NotRotatableError(f"{certificate} is retired: there is nothing to move away from it.")
    if not is_rotatable(certificate):
        raise NotRotatableError(f"{certificate} is being replaced by {certificate.replaced_by} already.")


def _begin(
    certificate: EncryptionCertificate, successor: EncryptionCertificate, *, at_once: bool, now: datetime
) -> None:
    """Write the wish down; of two callers at once, one goes on."""
    # Neither may be given up or replaced meanwhile.
    both = EncryptionCertificate.objects.filter(pk__in=(certificate.pk, successor.pk))
    list(both.select_for_update().order_by("pk"))
    if successor.pk == certificate.pk or not EncryptionCertificate.objects.usable(now).filter(
        pk=successor.pk
    ):
        raise NotRotatableError(
            f"{successor} cannot take its place: choose another certificate that is active and valid now."
        )
    at_graph = Subscription.objects.encrypted_for(certificate, now)
    begun = EncryptionCertificate.objects.filter(pk=certificate.pk, state=certificate.state).update(
        state=State.DRAINING,
        replaced_by=successor,
        rotated_at=now,
        subscriptions_to_move=at_graph.count(),
        unused_since_at=None,
    )
    if not begun:
        raise NotRotatableError(f"Somebody else has just changed {certificate}. Reload and look again.")
    _move_wishes(certificate, successor.pk)
    if at_once:
        hasten(certificate, now=now)
    certificate.refresh_from_db()
    logger.info("certificate rotation began certificate=%s successor=%s", certificate, successor)


def _move_wishes(certificate: EncryptionCertificate, successor_pk: int) -> None:
    # What is removed moves too: it may be created again some day.
    Subscription.objects.filter(encryption_certificate=certificate).update(
        encryption_certificate=successor_pk
    )


def _size_like(certificate: EncryptionCertificate) -> int:
    """Return the size for a new key: that of the old one, or the next that we make."""
    return next(size for size in keys.KEY_SIZES if size >= certificate.key_size)


def _wishing(certificate: EncryptionCertificate) -> QuerySet[Subscription]:
    """Return those that Graph would be told to encrypt for it."""
    return Subscription.objects.filter(encryption_certificate=certificate).exclude(
        status=Subscription.Status.REMOVED
    )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _verb(number: int, verb: str) -> str:
    return f"{verb}s" if number == 1 else verb


def _retire_if_drained(certificate: EncryptionCertificate, *, now: datetime) -> int:
    progress = progress_of(certificate, now=now)
    row = EncryptionCertificate.objects.filter(pk=certificate.pk, state=State.DRAINING)
    if progress.is_used:
        row.update(unused_since_at=None)
        return 0
    if progress.retires_at is None:
        row.update(unused_since_at=now)
        return 0
    if now < progress.retires_at or progress.need.is_pressing:
        return 0
    logger.info("certificate retired certificate=%s", certificate)
    return row.update(state=State.RETIRED, retired_at=now)
