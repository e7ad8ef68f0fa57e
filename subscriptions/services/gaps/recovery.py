"""Recover: since when changes were missed, and whose changes are to be looked up by delta query now."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from subscriptions.catalogue import deltas
from subscriptions.models import DeltaLink, DeltaTracking, Subscription
from subscriptions.services import gaps
from subscriptions.services.errors import UseCaseError

# A token of the directory lives seven days; the others' lives are not published. Each is used long before.
# Source: delta-query-overview.md (2026-05-14).
REFRESH_AFTER = timedelta(days=1)


class NoDeltaQueryError(UseCaseError):
    """Graph has no delta query for what the subscription watches."""

    def __init__(self) -> None:
        super().__init__("Graph has no delta query for this resource: what was not notified cannot be found.")


def flag_missed(subscription: Subscription, *, now: datetime) -> str:
    """Mark that Graph could not deliver some changes, and return that in words; the first time stays."""
    with transaction.atomic():
        gaps.record_missed(subscription, now=now)
        Subscription.objects.filter(pk=subscription.pk, missed_at__isnull=True).update(missed_at=now)
        want(Subscription.objects.filter(pk=subscription.pk), now=now)
    if deltas.plan_for(subscription.resource) is None:
        return "Marked: changes were missed. Graph has no delta query to find them."
    return "Marked: changes were missed. They are looked up by delta query."


def request(subscription: Subscription, *, now: datetime) -> None:
    """Have the changes of one subscription looked up soon, because somebody asks for it.

    Raises:
        NoDeltaQueryError: Graph has no delta query for the resource.

    """
    if deltas.plan_for(subscription.resource) is None:
        raise NoDeltaQueryError
    DeltaTracking.objects.update_or_create(subscription=subscription, defaults={"due_at": now})


def want(subscriptions: QuerySet[Subscription], *, now: datetime) -> int:
    """Have the changes of these subscriptions looked up at the next opportunity; return how many have a delta query.

    A run that is under way does not count: it may have passed what is wanted.
    """
    return DeltaTracking.objects.filter(subscription__in=subscriptions, due_at__isnull=False).update(
        due_at=now
    )


def want_by(subscriptions: QuerySet[Subscription], *, at: datetime) -> int:
    """Have the changes of these subscriptions looked up at `at` at the latest; return how many would have been later.

    What is wanted again and again is not put off by that.
    """
    later = DeltaTracking.objects.filter(subscription__in=subscriptions, due_at__gt=at)
    return later.update(due_at=at)


def track(*, now: datetime) -> int:
    """Begin to keep account of subscriptions that Graph has granted since the last call; return how many.

    Their delta queries are due at once: what they tell counts from their beginning.
    """
    new = Subscription.objects.filter(delta_tracking__isnull=True, granted_at__isnull=False).exclude(
        status=Subscription.Status.REMOVED
    )
    rows = [
        DeltaTracking(subscription_id=pk, due_at=now if deltas.plan_for(resource) else None)
        for pk, resource in new.values_list("pk", "resource")
    ]
    DeltaTracking.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def forget(subscription: Subscription) -> None:
    """Drop where we stand in the delta queries of a subscription that is not wanted any more.

    When it is created again, its changes are followed from then on.
    """
    DeltaLink.objects.filter(subscription=subscription).delete()
    DeltaTracking.objects.filter(subscription=subscription).delete()
