"""Whether somebody was told of each lapse that had to happen, before it happened."""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Q

from subscriptions.models import AlertedSubscription, FormerIdentity, Subscription
from tests.benchmarks.month.journal import Journal
from tests.benchmarks.month.oracle import Lapse

# A subscription whose end nobody looks at in the half hour before it cannot be warned of.
LAST_LOOK = timedelta(minutes=30)


def silent(lapses: Iterable[Lapse], journal: Journal) -> tuple[list[Lapse], int]:
    """Return the lapses of which nobody was told in time, and how many nobody could have told of."""
    untold = []
    unwatched = 0
    for lapse in lapses:
        if _was_told(lapse):
            continue
        if _was_watched(lapse, journal):
            untold.append(lapse)
        else:
            unwatched += 1
    return untold, unwatched


def _was_told(lapse: Lapse) -> bool:
    end = lapse.life.expires_at
    return (
        AlertedSubscription.objects.filter(subscription=_row(lapse), since_at__lt=end)
        .filter(Q(until_at__isnull=True) | Q(until_at__gte=end))
        .exists()
    )


def _row(lapse: Lapse) -> int | None:
    """Return the row that held a subscription, now or before it was created again."""
    graph_id = lapse.life.subscription.id
    current = Subscription.objects.filter(graph_id=graph_id).values_list("pk", flat=True).first()
    former = FormerIdentity.objects.filter(graph_id=graph_id).values_list("subscription", flat=True).first()
    return current or former


def told_of(lapse: Lapse) -> list[AlertedSubscription]:
    """Return all that was ever told of the subscription, in order."""
    alerted = AlertedSubscription.objects.filter(subscription=_row(lapse)).select_related("alert")
    return list(alerted.order_by("since_at", "pk"))


def _was_watched(lapse: Lapse, journal: Journal) -> bool:
    end = lapse.life.expires_at
    return any(tick.watched_at and end - LAST_LOOK <= tick.watched_at < end for tick in journal.ticks)
