"""Outages of ours: what Graph cannot have delivered, because nobody was here or because we were too slow."""

from datetime import datetime

from django.db import transaction

from notifications.models import UptimeSpan
from notifications.services.intake import endpoint_health
from subscriptions.models import Gap, Subscription
from subscriptions.services import gaps
from subscriptions.services.gaps import absences, recovery
from subscriptions.services.gaps.absences import Absence


def note_absence(span: UptimeSpan, *, now: datetime) -> int:
    """Write what may be lost because nobody answered from the end of `span` to `now`; return for how many."""
    return absences.note(Absence(left_at=span.last_at, left_by=span.last_at, returned_at=now))


def note_drops(*, now: datetime) -> int:
    """Write that Graph discards notifications, where our answers were as slow as that; return for how many.

    Graph looks at ten minutes and discards for ten minutes. Source: as above.
    """
    slow_at = endpoint_health.last_dropping(now=now)
    if slow_at is None:
        return 0
    window = endpoint_health.WINDOW
    until = slow_at + window
    watching = Subscription.objects.filter(status=Subscription.Status.ACTIVE)
    with transaction.atomic():
        going_on = Gap.objects.filter(
            subscription__in=watching, cause=Gap.Cause.ENDPOINT_SLOW, ended_at__gte=slow_at - window
        ).exclude(state=Gap.State.RECOVERED)
        known = set(going_on.values_list("subscription", flat=True))
        going_on.filter(ended_at__lt=until).update(ended_at=until)
        new = [subscription for subscription in watching if subscription.pk not in known]
        gaps.record(
            new, cause=Gap.Cause.ENDPOINT_SLOW, began_at=slow_at - window, began_by=slow_at, ended_at=until
        )
        recovery.want_by(watching, at=until)
    return len(known) + len(new)
