"""Which subscription a notification speaks of, by Graph's id or by a clientState that is not confirmed yet."""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import QuerySet
from django.utils import timezone

from subscriptions.models import FormerIdentity, Subscription

# How long a process may go on believing what it read.
CACHE_SECONDS = 30.0
CACHE_SIZE = 50_000
# All that an identity is made of. Workers ask for each group of deliveries: with each column it would take longer.
_COLUMNS = (
    "graph_id",
    "client_state",
    "fetch_content",
    "include_resource_data",
    "app_registration__client_id",
    "app_registration__tenant_id",
)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What proves that an item belongs to a subscription of ours."""

    subscription: int
    app_registration: int
    client_id: str
    tenant_id: str
    fetch_content: bool = False
    client_state: str = field(repr=False)


_cache: dict[str, tuple[float, Identity]] = {}
_lock = threading.Lock()


def find(unverified: Iterable[tuple[str, str | None]], *, cached: bool) -> list[Identity | None]:
    """Return, for each pair of Graph's id and clientState as they came, the subscription they claim to belong to.

    Nothing is proven by this: compare the clientState. Ids are compared without regard to case. An id that is not
    known yet is looked up by the row number that our clientState begins with, so that a notification which is faster
    than Graph's answer to the create call finds its row. `cached` allows an answer up to half a minute old.
    """
    pairs = [(graph_id.lower(), client_state or "") for graph_id, client_state in unverified]
    asked = {graph_id for graph_id, _ in pairs} if cached else set()
    known = {graph_id: identity for graph_id in asked if (identity := _from_cache(graph_id))}
    missing = {graph_id for graph_id, _ in pairs if graph_id and graph_id not in known}
    known.update(_looked_up(missing))
    unconfirmed = _unconfirmed(
        {row for graph_id, state in pairs if graph_id not in known and (row := _row_number(state))}
    )
    # Between the two looks a row may have got its id: so far known to neither of them.
    just_confirmed = {
        graph_id
        for graph_id, state in pairs
        if graph_id and graph_id not in known and (row := _row_number(state)) and row not in unconfirmed
    }
    known.update(_looked_up(just_confirmed))
    return [known.get(graph_id) or unconfirmed.get(_row_number(state)) for graph_id, state in pairs]


def remembered(unverified_graph_id: str) -> Identity | None:
    """Return the subscription that Graph's id claims, if this process has it in mind; the database is not asked."""
    return _from_cache(unverified_graph_id.lower())


def forget() -> None:
    """Drop what this process remembers."""
    with _lock:
        _cache.clear()


def _from_cache(graph_id: str) -> Identity | None:
    read_at, identity = _cache.get(graph_id, (0.0, None))
    return identity if read_at >= time.monotonic() - CACHE_SECONDS else None


def _remember(identities: dict[str, Identity]) -> None:
    now = time.monotonic()
    with _lock:
        if len(_cache) + len(identities) > CACHE_SIZE:
            _cache.clear()
        _cache.update({graph_id: (now, identity) for graph_id, identity in identities.items()})


def _looked_up(graph_ids: set[str]) -> dict[str, Identity]:
    if not graph_ids:
        return {}
    found = _by_graph_id(graph_ids)
    _remember(found)
    return found


def _by_graph_id(graph_ids: set[str]) -> dict[str, Identity]:
    rows = _with_all_it_takes(Subscription.objects.known_as(graph_ids))
    known = {(row.graph_id or "").lower(): _identity(row) for row in rows}
    if missing := graph_ids - known.keys():
        former = FormerIdentity.objects.accepted(timezone.now()).filter(graph_id__in=missing)
        for identity in former.select_related("subscription__app_registration"):
            known[identity.graph_id] = _identity(
                identity.subscription, client_state=identity.client_state.reveal()
            )
    return known


def _unconfirmed(row_numbers: set[int]) -> dict[int, Identity]:
    if not row_numbers:
        return {}
    rows = _with_all_it_takes(Subscription.objects.filter(pk__in=row_numbers, graph_id__isnull=True))
    return {row.pk: _identity(row) for row in rows}


def _with_all_it_takes(subscriptions: QuerySet[Subscription]) -> QuerySet[Subscription]:
    return subscriptions.select_related("app_registration").only(*_COLUMNS).order_by()


def _row_number(unverified_client_state: str) -> int:
    """Return the row that our clientState names; 0 for anything else, and for what no row number can be."""
    head, dot, _ = unverified_client_state.partition(".")
    return int(head) if dot and head.isascii() and head.isdigit() and len(head) <= 18 else 0  # noqa: PLR2004 -- int64


def _identity(subscription: Subscription, *, client_state: str | None = None) -> Identity:
    app_registration = subscription.app_registration
    return Identity(
        subscription=subscription.pk,
        app_registration=app_registration.pk,
        client_id=app_registration.client_id,
        tenant_id=app_registration.tenant_id.lower() if app_registration.has_guid_tenant else "",
        fetch_content=subscription.fetch_content and not subscription.include_resource_data,
        client_state=subscription.client_state.reveal() if client_state is None else client_state,
    )
