"""What is due, found by one query, and in which order it goes to Graph."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Min, QuerySet

from subscriptions.models import Subscription
from subscriptions.services.renewal.items import Due, Stage

# As many as Graph takes in one $batch. Source: json-batching.md (2021).
BATCH_SIZE = 20
FETCHED_AT_ONCE = 2000

# Who asks Graph: an app registration, or an account that signed in to it.
Owner = tuple[int, int | None]


def due_for_renewal(*, now: datetime, within: timedelta | None = None, limit: int | None = None) -> list[int]:
    """Return the keys of what is due at `now` and not in somebody's hands, what ends first coming first."""
    return [due.pk for due in find(now=now, within=within, limit=limit)]


def apps_due(*, now: datetime) -> list[int]:
    """Return the keys of the app registrations that have something due, what ends first coming first."""
    due = Subscription.objects.due(now).unclaimed(now).values("app_registration")
    rows = due.annotate(first=Min("expires_at")).order_by("first", "app_registration")
    return list(rows.values_list("app_registration", flat=True))


def find(
    *,
    now: datetime,
    within: timedelta | None = None,
    limit: int | None = None,
    app_registration: int | None = None,
) -> Iterator[Due]:
    """Find what is due at `now` and not in somebody's hands, what ends first coming first."""
    rows = rows_due(now=now, within=within)
    if app_registration is not None:
        rows = rows.filter(app_registration=app_registration)
    for values in rows[:limit].iterator(chunk_size=FETCHED_AT_ONCE):
        yield Due(**values)


def rows_due(*, now: datetime, within: timedelta | None = None) -> QuerySet[Subscription, dict[str, Any]]:
    """Return the query of `find`."""
    # The databases disagree on where an expiry that is not there would come.
    order = F("expires_at").asc(nulls_last=True), "pk"
    due = Subscription.objects.due(now, within=within).unclaimed(now).order_by(*order)
    values: QuerySet[Subscription, dict[str, Any]] = due.values(*Due.__slots__)
    return values


def by_owner(dues: Iterable[Due]) -> dict[Owner, list[list[Due]]]:
    """Return the batches of each owner: of one API version, only of what is renewed; what is created goes alone."""
    batches: dict[Owner, list[list[Due]]] = defaultdict(list)
    open_ones: dict[tuple[Owner, str], list[Due]] = {}
    for due in dues:
        owner = due.app_registration_id, due.delegated_account_id
        batch = open_ones.get((owner, due.api_version), [])
        if due.stage != Stage.RENEW:
            batches[owner].append([due])
        elif batch and len(batch) < BATCH_SIZE:
            batch.append(due)
        else:
            open_ones[owner, due.api_version] = [due]
            batches[owner].append(open_ones[owner, due.api_version])
    return batches
