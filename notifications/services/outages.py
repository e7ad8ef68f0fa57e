"""Outages of ours: what Graph cannot have delivered, because nobody was here or because we were too slow."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from notifications.models import UptimeSpan
from notifications.services import endpoint_health
from notifications.services.endpoint_health import Level
from subscriptions.models import Gap, Subscription
from subscriptions.services import gaps, recovery

logger = logging.getLogger(__name__)

# Graph tries again for up to four hours, with waits that grow. Where each wait doubles, the last try comes after half
# of that time at the earliest: what is younger than that when we are back is delivered, what is older than four hours
# is not, and in between nobody can say. Source: change-notifications-delivery-webhooks.md (2026-04-22).
RETRIED_FOR_CERTAIN = timedelta(hours=2)
RETRIED_AT_MOST = timedelta(hours=4)


def note_absence(span: UptimeSpan, *, now: datetime) -> int:
    """Write what may be lost because nobody answered from the end of `span` to `now`; return for how many.

    If we were here for less than two hours before that, what had waited for us to come back may have missed us too.
    """
    since = span.last_at
    if span.follows and span.last_at - span.began_at < RETRIED_FOR_CERTAIN:
        since = max(span.follows.last_at, span.began_at - RETRIED_FOR_CERTAIN)
    ended_at = now - RETRIED_FOR_CERTAIN
    if ended_at <= since:
        return 0
    is_certain = now - span.last_at > RETRIED_AT_MOST
    # One that Graph has lost meanwhile may still have listened when we went away.
    over = Gap.objects.open().filter(subscription=OuterRef("pk"), began_by__lte=since)
    watching = (
        Subscription.objects.filter(first_granted_at__lt=ended_at)
        .exclude(status=Subscription.Status.REMOVED)
        .exclude(Exists(over))
    )
    count = gaps.record(
        watching,
        cause=Gap.Cause.ENDPOINT_DOWN,
        began_at=since,
        began_by=span.last_at if is_certain else ended_at,
        ended_at=ended_at,
    )
    recovery.want(watching, now=now)
    logger.warning("endpoint was away from=%s to=%s subscriptions=%s", span.last_at, now, count)
    return count


def note_drops(*, now: datetime) -> int:
    """Write that Graph discards notifications, while our answers are as slow as that; return for how many.

    Graph looks at ten minutes and discards for ten minutes. Source: as above.
    """
    if endpoint_health.standing(now=now).level != Level.DROPPING:
        return 0
    window = endpoint_health.WINDOW
    watching = Subscription.objects.filter(status=Subscription.Status.ACTIVE)
    with transaction.atomic():
        going_on = Gap.objects.filter(
            subscription__in=watching, cause=Gap.Cause.ENDPOINT_SLOW, ended_at__gte=now - window
        ).exclude(state=Gap.State.RECOVERED)
        known = set(going_on.values_list("subscription", flat=True))
        going_on.update(ended_at=now + window)
        new = [subscription for subscription in watching if subscription.pk not in known]
        gaps.record(
            new, cause=Gap.Cause.ENDPOINT_SLOW, began_at=now - window, began_by=now, ended_at=now + window
        )
        recovery.want(watching, now=now + window)
    return len(known) + len(new)
