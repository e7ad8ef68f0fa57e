"""Outages of ours: what Graph cannot have delivered, because nobody was here or because we were too slow."""

from datetime import datetime

from django.db import transaction

from notifications.models import UptimeSpan
from notifications.services import endpoint_health
from notifications.services.endpoint_health import Level
from subscriptions.models import Gap, Subscription
from subscriptions.services import absences, gaps, recovery
from subscriptions.services.absences import Absence


def note_absence(span: UptimeSpan, *, now: datetime) -> int:
    """Write what may be lost because nobody answered from the end of `span` to `now`; return for how many."""
    return absences.note(Absence(left_at=span.last_at, left_by=span.last_at, returned_at=now))


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
