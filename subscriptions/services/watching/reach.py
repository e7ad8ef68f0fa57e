"""Reach: whether our public address is reached from outside, played by Graph's own handshake.

Our own signs of life go on when only what stands in front of us fails: a proxy, a name, a certificate.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F

from subscriptions import conf
from subscriptions.graph import probe
from subscriptions.models import AppRegistration, ReachSpan
from subscriptions.services import handshake
from subscriptions.services.gaps import absences
from subscriptions.services.gaps.absences import Absence
from subscriptions.services.watching import turns

logger = logging.getLogger(__name__)

TURN = "public address"
# Cron comes every 5 to 15 minutes and a worker every minute: whoever comes when it is time checks, for all.
EVERY = timedelta(minutes=4)


def check(*, clock: Callable[[], datetime]) -> None:
    """Play Graph's handshake against our public address once, and write down how it ended; ten seconds at most.

    The first success after a failure also writes what may have been lost meanwhile.
    """
    configuration = conf.configuration()
    if not configuration.public_address_check or not turns.take(TURN, now=clock(), every=EVERY):
        return
    is_trial = not AppRegistration.objects.exclude(cloud=AppRegistration.Cloud.CUSTOM).exists()
    played = probe.play_handshake(
        configuration.notification_url, ca_bundle=configuration.custom_ca_bundle if is_trial else None
    )
    faults = [f"{fault.message} {fault.advice}" for fault in handshake.errors(played)]
    note(problem="\n".join(faults), now=clock())


def note(*, problem: str, now: datetime) -> None:
    """Write the outcome of a check; an empty `problem` says that all was well."""
    latest = standing()
    if latest and latest.is_reachable == (not problem):
        ReachSpan.objects.filter(pk=latest.pk, last_at__lt=now).update(
            last_at=now, checks=F("checks") + 1, problem=problem
        )
        return
    try:
        with transaction.atomic():
            span = ReachSpan.objects.create(
                is_reachable=not problem, began_at=now, last_at=now, problem=problem, follows=latest
            )
            if latest and span.is_reachable:
                absences.note(_absence(latest, now=now))
    except IntegrityError:
        # Another run has seen it too, and has written the same.
        return
    if problem:
        logger.warning("public address not reached: %s", problem)


def standing() -> ReachSpan | None:
    """Return the last checks that ended alike; None before the first."""
    return ReachSpan.objects.select_related("follows").order_by("-last_at", "-pk").first()


def _absence(failures: ReachSpan, *, now: datetime) -> Absence:
    """Return the absence that these failures show; it may have begun at the last success before."""
    left_at = failures.follows.last_at if failures.follows else failures.began_at
    return Absence(left_at=left_at, left_by=failures.began_at, returned_at=now)
