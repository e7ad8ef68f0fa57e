"""Absences: what Graph cannot have delivered, because nobody answered at our address for a while."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from subscriptions.models import AbsenceSpan, Gap, Subscription
from subscriptions.services import gaps
from subscriptions.services.gaps import recovery

logger = logging.getLogger(__name__)

# Graph tries again for up to four hours, with waits that grow. Where each wait doubles, the last try comes after half
# of that time at the earliest: what is younger than that when we are back is delivered, what is older than four hours
# is not, and in between nobody can say. Source: change-notifications-delivery-webhooks.md (2026-04-22).
RETRIED_FOR_CERTAIN = timedelta(hours=2)
RETRIED_AT_MOST = timedelta(hours=4)


@dataclass(frozen=True, kw_only=True)
class Absence:
    """A time in which nobody answered: it began between `left_at` and `left_by`, and ended at `returned_at`."""

    left_at: datetime
    left_by: datetime
    returned_at: datetime

    @property
    def lost_until(self) -> datetime:
        """Return the time after which Graph certainly came again."""
        return self.returned_at - RETRIED_FOR_CERTAIN


def note(absence: Absence) -> int:
    """Write what may be lost by an absence that is over, and have it looked up; return for how many subscriptions.

    One that is known from elsewhere is not written twice: it begins as early and ends as late as either says.
    """
    since, until = _lost_since(absence), absence.lost_until
    AbsenceSpan.objects.create(left_at=absence.left_at, returned_at=absence.returned_at, lost_since=since)
    if until <= since:
        return 0
    # One that Graph has lost meanwhile may still have listened when we went away.
    over = Gap.objects.open().filter(subscription=OuterRef("pk"), began_by__lte=since)
    watching = (
        Subscription.objects.filter(first_granted_at__lt=until)
        .exclude(status=Subscription.Status.REMOVED)
        .exclude(Exists(over))
    )
    is_certain = absence.returned_at - absence.left_by > RETRIED_AT_MOST
    with transaction.atomic():
        known = _extended(absence, since=since)
        count = gaps.record(
            watching.exclude(pk__in=known),
            cause=Gap.Cause.ENDPOINT_DOWN,
            began_at=since,
            began_by=absence.left_by if is_certain else until,
            ended_at=until,
        )
        recovery.want(watching, now=absence.returned_at)
    logger.warning(
        "endpoint was away from=%s to=%s subscriptions=%s", absence.left_at, absence.returned_at, count
    )
    return count


def _lost_since(absence: Absence) -> datetime:
    """Return from when on changes may be lost.

    After a short stay that is before it: what had waited for us to come back may have missed us too. It does not matter
    who noticed the absence before, our own signs of life or a look from outside.
    """
    before = AbsenceSpan.objects.filter(
        left_at__lt=absence.left_at, returned_at__gt=absence.left_at - RETRIED_FOR_CERTAIN
    )
    waited = [max(one.lost_since, one.returned_at - RETRIED_FOR_CERTAIN) for one in before]
    return min([absence.left_at, *waited])


def _extended(absence: Absence, *, since: datetime) -> set[int]:
    """Let the gaps that are known of the same time reach as far as the absence, and return whose they are."""
    until = absence.lost_until
    known = Gap.objects.filter(
        cause=Gap.Cause.ENDPOINT_DOWN, began_at__lte=until, ended_at__gte=since
    ).exclude(state=Gap.State.RECOVERED)
    whose = set(known.values_list("subscription", flat=True))
    late = known.filter(began_at__gt=absence.left_by, subscription__first_granted_at__lte=since)
    late.update(began_at=since)
    known.filter(ended_at__lt=until).update(ended_at=until)
    return whose
