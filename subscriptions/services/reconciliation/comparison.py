"""Compare: what Graph has beside what is here, kept so that it can be shown without asking again.

Nothing is concluded from an absence in a list alone, which may be empty or partial by mistake: each missing one is
asked for by its id. A list that fails on the way leaves the last result as it was.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count

from subscriptions.graph.client import MAX_WAIT, GraphClient, Version
from subscriptions.graph.documents import RemoteSubscription
from subscriptions.graph.errors import (
    AccessDeniedError,
    GraphError,
    InvalidRequestError,
    SubscriptionGoneError,
    UnexpectedAnswerError,
)
from subscriptions.models import (
    AppRegistration,
    FormerIdentity,
    Look,
    Operation,
    Sighting,
    Subscription,
)
from subscriptions.services import creation
from subscriptions.services.access.clients import version_of
from subscriptions.services.access.owners import Owner, owners
from subscriptions.services.errors import TookTooLongError, UseCaseError
from subscriptions.services.operations import CallLog
from subscriptions.services.outcomes import told
from subscriptions.services.reconciliation.differences import differences, in_words

logger = logging.getLogger(__name__)

State = Sighting.State
Status = Subscription.Status
# One list shows what was made under either version.
VERSION: Version = "v1.0"
# What concerns one subscription only; anything else would fail for the next one as well.
ABOUT_ONE = (AccessDeniedError, InvalidRequestError, UnexpectedAnswerError)
WRITTEN_AT_ONCE = 500
LISTED_APART = timedelta(seconds=10)


@dataclass(frozen=True, kw_only=True)
class _Budget:
    """How long a comparison may take; for ever without `until`."""

    clock: Callable[[], datetime]
    until: datetime | None

    def spend(self) -> None:
        """Go on only if there is time left.

        Raises:
            TookTooLongError: there is not.

        """
        if self.until is not None and self.clock() >= self.until:
            raise TookTooLongError


def look(
    owner: Owner, *, clock: Callable[[], datetime], actor: str, until: datetime | None = None
) -> list[Sighting]:
    """Ask Graph for the owner's list, compare it with what is here, and keep and return the result.

    With `until`, it is given up at that time, and no call waits for long.

    Raises:
        TookTooLongError: the list is too long for the time given.
        GraphError: the list cannot be read. In both cases the last result stays, with the problem beside it.
        UseCaseError: the owner cannot be asked, for want of a setting or a secret.

    """
    looked_at = clock()
    budget = _Budget(clock=clock, until=until)
    log = CallLog(
        Operation.Action.LOOK, actor=actor, app_registration=owner.app_registration, subscription=None
    )
    try:
        client = owner.client(
            on_call=log, max_wait=MAX_WAIT if until is None else max(until - looked_at, timedelta()) / 4
        )
        listed = _listed(client, budget)
        sightings = [*_of_ours(owner, listed, client, budget), *_of_others(owner, listed, client, budget)]
    except (GraphError, UseCaseError) as error:
        _row(owner, tried_at=looked_at, problem=told(error))
        raise
    _keep(owner, sightings, looked_at=looked_at)
    return sightings


@dataclass(frozen=True, kw_only=True)
class LookedAgain:
    """What came of it: what was seen, in words, and what could not be."""

    seen: str | None
    problems: tuple[str, ...]


def look_again(
    app_registration: AppRegistration, *, clock: Callable[[], datetime], actor: str, patience: timedelta
) -> LookedAgain:
    """Look at all lists of an app registration while somebody waits, for `patience` at most.

    A list that was read a moment ago is not asked for again: Graph gives 25 in 20 seconds.
    Source: throttling-limits.md (2026-02-06).
    """
    until = clock() + patience
    problems = []
    for owner in owners([app_registration]):
        recent = Look.objects.filter(
            app_registration=app_registration,
            delegated_account=owner.account,
            looked_at__gt=clock() - LISTED_APART,
        )
        if recent.filter(problem="").exists():
            continue
        try:
            look(owner, clock=clock, actor=actor, until=until)
        except (GraphError, UseCaseError) as error:
            problems.append(f"{owner}: {told(error)}")
    if problems:
        return LookedAgain(seen=None, problems=tuple(problems))
    found = Sighting.objects.filter(look__app_registration=app_registration).values_list("state")
    counts = dict(found.annotate(Count("pk")).order_by())
    return LookedAgain(
        seen=f"{app_registration}: "
        + ", ".join(f"{counts.get(state, 0):,} {State(state).label.lower()}" for state in State)
        + ".",
        problems=(),
    )


def _listed(client: GraphClient, budget: _Budget) -> dict[str, RemoteSubscription]:
    listed: dict[str, RemoteSubscription] = {}
    for page in client.subscription_pages(version=VERSION):
        listed |= {remote.id.lower(): remote for remote in page}
        budget.spend()
    return listed


def _of_ours(
    owner: Owner, listed: dict[str, RemoteSubscription], client: GraphClient, budget: _Budget
) -> list[Sighting]:
    """Compare what should be at Graph; what is compared is taken out of `listed`."""
    found = []
    for row in owner.rows().filter(status__in=(Status.ACTIVE, Status.GONE)).order_by("pk"):
        if row.status == Status.GONE:
            if not row.is_paused:
                found.append(_sighting(row, None, State.GONE, "Graph no longer has it."))
            continue
        remote = listed.pop((row.graph_id or "").lower(), None)
        try:
            if remote is None:
                budget.spend()
                remote = _by_id(client, row.graph_id or "", version=version_of(row))
        except ABOUT_ONE as error:
            found.append(_sighting(row, None, State.UNCLEAR, told(error)))
        else:
            found.append(_compared(row, remote))
    return found


def _compared(row: Subscription, remote: RemoteSubscription | None) -> Sighting:
    if remote is None:
        return _sighting(row, None, State.GONE, "Graph no longer has it.")
    found = differences(row, remote)
    return _sighting(row, remote, State.DRIFTED if found else State.IN_STEP, in_words(found))


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What is here and may explain an entry of Graph's list: by Graph's id in lower case, or by what was asked for."""

    ours: dict[str, tuple[int, str]]
    former: dict[str, int]
    asked_for: dict[tuple[str, str, frozenset[str]], Subscription]
    elsewhere: set[str]


def _of_others(
    owner: Owner, listed: dict[str, RemoteSubscription], client: GraphClient, budget: _Budget
) -> list[Sighting]:
    """Say of what is left of the list whether it was ours once, may be ours, or nobody here knows it."""
    if not listed:
        return []
    known = _known(owner)
    found = (_stray(remote, known, client, budget) for remote in listed.values())
    return [sighting for sighting in found if sighting]


def _known(owner: Owner) -> _Known:
    of_the_app = Subscription.objects.filter(app_registration__client_id=owner.app_registration.client_id)
    here = of_the_app.filter(graph_id__isnull=False).values_list("graph_id", "pk", "status")
    former = FormerIdentity.objects.filter(subscription__in=of_the_app)
    wanted = owner.rows().filter(status__in=(*creation.SUBMITTABLE, Status.ACTIVE), is_enabled=True)
    return _Known(
        ours={(graph_id or "").lower(): (pk, status) for graph_id, pk, status in here},
        former=dict(former.values_list("graph_id", "subscription_id")),
        asked_for={creation.asked_for(row): row for row in wanted},
        elsewhere=_seen_elsewhere(owner),
    )


def _stray(
    remote: RemoteSubscription, known: _Known, client: GraphClient, budget: _Budget
) -> Sighting | None:
    """Return what is to be said of one that no subscription in use has; None where nothing is."""
    graph_id = remote.id.lower()
    retired_pk, status = known.ours.get(graph_id, (None, ""))
    if graph_id in known.elsewhere or status not in {"", Status.REMOVED}:
        return None
    row = known.asked_for.get(creation.asked_for(remote))
    if row and row.status != Status.ACTIVE:
        note = f"Subscription {row.pk} asked for the same. If a broken-off call of ours made it, it can be adopted."
        return _sighting(row, remote, State.UNKNOWN, note)
    former_pk = known.former.get(graph_id)
    if retired_pk or former_pk:
        # A list may lag behind a deletion.
        budget.spend()
        if _by_id(client, remote.id, version=VERSION) is None:
            return None
    if retired_pk:
        note = f"Subscription {retired_pk} was retired here, and Graph still has it."
    elif former_pk:
        note = f"An earlier form of subscription {former_pk}, no longer needed."
    else:
        note = f"Subscription {row.pk} watches the same under another ID." if row else ""
    pk = retired_pk or former_pk
    return _sighting(Subscription(pk=pk) if pk else row, remote, State.UNKNOWN, note)


def _seen_elsewhere(owner: Owner) -> set[str]:
    """Return what another list of the same app shows: an app's own list may hold its accounts' subscriptions too."""
    if owner.account is not None:
        return set()
    others = Sighting.objects.filter(
        look__app_registration=owner.app_registration, look__delegated_account__isnull=False
    )
    return {graph_id.lower() for graph_id in others.values_list("graph_id", flat=True) if graph_id}


def _by_id(client: GraphClient, graph_id: str, *, version: Version) -> RemoteSubscription | None:
    try:
        return client.get_subscription(graph_id, version=version)
    except SubscriptionGoneError:
        return None


def _sighting(
    row: Subscription | None, remote: RemoteSubscription | None, state: State, note: str
) -> Sighting:
    shown = remote or row
    return Sighting(
        subscription_id=row.pk if row else None,
        state=state,
        note=note,
        graph_id=remote.id if remote else (row.graph_id or "" if row else ""),
        resource=shown.resource if shown else "",
        change_type=shown.change_type if shown else "",
        notification_url=shown.notification_url if shown else "",
        expires_at=remote.expires_at if remote else None,
    )


def _keep(owner: Owner, sightings: list[Sighting], *, looked_at: datetime) -> None:
    """Put the result in place of the last one, unless another comparison has begun later and ended sooner."""
    with transaction.atomic():
        row = _row(owner, tried_at=looked_at, problem="")
        row = Look.objects.select_for_update().get(pk=row.pk)
        if row.looked_at is not None and row.looked_at > looked_at:
            return
        row.sightings.all().delete()
        for sighting in sightings:
            sighting.look = row
        Sighting.objects.bulk_create(sightings, batch_size=WRITTEN_AT_ONCE)
        Look.objects.filter(pk=row.pk).update(looked_at=looked_at)
        confirmed = row.sightings.filter(state__in=(State.IN_STEP, State.DRIFTED)).values("subscription")
        seen = Subscription.objects.filter(pk__in=confirmed).exclude(seen_at__gte=looked_at)
        seen.update(seen_at=looked_at)


def _row(owner: Owner, *, tried_at: datetime, problem: str) -> Look:
    row, _ = Look.objects.update_or_create(
        app_registration=owner.app_registration,
        delegated_account=owner.account,
        defaults={"tried_at": tried_at, "problem": problem},
    )
    return row
