"""Reconcile: what Graph has beside what we have, and what follows from the difference."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from subscriptions.graph.errors import GraphError
from subscriptions.models import AppRegistration, Sighting, Subscription
from subscriptions.services import adoption, comparison, mending, strays
from subscriptions.services.comparison import Owner
from subscriptions.services.errors import BusyError, NotOursError, UseCaseError
from subscriptions.services.outcomes import told

logger = logging.getLogger(__name__)

State = Sighting.State


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """A subscription at Graph that no row here speaks of."""

    app: str
    graph_id: str
    resource: str
    change_type: str
    notification_url: str
    expires_at: datetime | None = None
    note: str = ""


@dataclass(kw_only=True)
class Summary:
    """What a run found and did, for all app registrations and accounts."""

    in_step: int = 0
    drifted: int = 0
    gone: int = 0
    mended: int = 0
    recreated: int = 0
    adopted: int = 0
    removed: int = 0
    failed: int = 0
    unknown: list[Unknown] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What an administrator decided about unknown ones, by Graph's ids in lower case."""

    adopt: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()


def reconcile(
    *,
    clock: Callable[[], datetime],
    actor: str,
    app: str = "",
    is_dry: bool = False,
    adopt: Iterable[str] = (),
    remove: Iterable[str] = (),
) -> Summary:
    """Compare every app registration and account, or those of `app`, with Graph and mend the difference.

    What drifted is brought together; what is gone is created again; a subscription that a broken-off create call of
    ours left behind is adopted. What nobody here asked for is reported and left alone, unless its id at Graph is
    among those to `adopt` or to `remove`. With `is_dry` nothing is changed but the result that the admin shows.
    """
    summary = Summary()
    wanted = Wanted(adopt=_lowered(adopt), remove=_lowered(remove))
    met: set[str] = set()
    for owner in comparison.owners(AppRegistration.objects.filter(**({"name": app} if app else {}))):
        try:
            sightings = comparison.look(owner, clock=clock, actor=actor)
        except (GraphError, UseCaseError) as error:
            summary.errors.append(f"{owner}: {told(error)}")
            continue
        rows = Subscription.objects.in_bulk([one.subscription_id for one in sightings if one.subscription_id])
        # What a broken-off call left goes to its wish before that one is created anew.
        for sighting in sorted(sightings, key=lambda one: one.state != State.UNKNOWN):
            sighting.subscription = rows.get(sighting.subscription_id or 0)
            if sighting.state == State.UNKNOWN:
                met.add(sighting.graph_id.lower())
            _follow(sighting, owner, clock=clock, actor=actor, is_dry=is_dry, wanted=wanted, summary=summary)
    for graph_id in sorted((wanted.adopt | wanted.remove) - met):
        summary.errors.append(f"{graph_id}: not among the unknown ones that Graph's lists show.")
    return summary


def _lowered(graph_ids: Iterable[str]) -> frozenset[str]:
    return frozenset(graph_id.lower() for graph_id in graph_ids)


def _follow(
    sighting: Sighting,
    owner: Owner,
    *,
    clock: Callable[[], datetime],
    actor: str,
    is_dry: bool,
    wanted: Wanted,
    summary: Summary,
) -> None:
    """Count one subscription, and act on it unless the run is dry; a failing one never stops the rest."""
    try:
        if sighting.state == State.UNKNOWN:
            _follow_unknown(
                sighting, owner, now=clock(), actor=actor, is_dry=is_dry, wanted=wanted, summary=summary
            )
        elif _count(sighting, summary) and not is_dry and _is_for_now(sighting, now=clock()):
            result = mending.mend(sighting, now=clock(), actor=actor)
            if result == mending.Result.RECREATED:
                summary.recreated += 1
            elif result != mending.Result.NOTHING:
                summary.mended += 1
    except BusyError:
        # Another run mends it at this moment.
        logger.info("passed over, in other hands: sighting=%s", sighting.pk)
    except (GraphError, UseCaseError) as error:
        _failed(sighting, told(error), summary)
    except Exception as error:
        logger.exception("reconciling broke off sighting=%s", sighting.pk)
        _failed(sighting, f"broke off ({type(error).__name__}), see the log.", summary)


def _failed(sighting: Sighting, reason: str, summary: Summary) -> None:
    summary.failed += 1
    name = f"Subscription {sighting.subscription_id}" if sighting.subscription_id else sighting.graph_id
    summary.errors.append(f"{name}: {reason}")


def _count(sighting: Sighting, summary: Summary) -> bool:
    """Count by what was seen; say whether there is something to mend."""
    if sighting.state == State.UNCLEAR:
        _failed(sighting, sighting.note, summary)
    elif sighting.state == State.IN_STEP:
        summary.in_step += 1
    elif sighting.state == State.DRIFTED:
        summary.drifted += 1
    else:
        summary.gone += 1
    return sighting.state in {State.DRIFTED, State.GONE}


def _is_for_now(sighting: Sighting, *, now: datetime) -> bool:
    """Say whether it may be tried: what failed before has a time for its next try."""
    row = sighting.subscription
    return row is not None and not (
        row.status == Subscription.Status.GONE and row.renew_at is not None and row.renew_at > now
    )


def _follow_unknown(
    sighting: Sighting,
    owner: Owner,
    *,
    now: datetime,
    actor: str,
    is_dry: bool,
    wanted: Wanted,
    summary: Summary,
) -> None:
    graph_id = sighting.graph_id.lower()
    if not is_dry and graph_id in wanted.remove:
        strays.remove(sighting, now=now, actor=actor)
        summary.removed += 1
    elif not is_dry and graph_id in wanted.adopt:
        adoption.adopt(sighting, now=now, actor=actor)
        summary.adopted += 1
    elif not is_dry and adoption.is_left_by_us(sighting) and _adopted_own(sighting, now=now, actor=actor):
        summary.adopted += 1
    else:
        summary.unknown.append(
            Unknown(
                app=str(owner),
                graph_id=sighting.graph_id,
                resource=sighting.resource,
                change_type=sighting.change_type,
                notification_url=sighting.notification_url,
                expires_at=sighting.expires_at,
                note=sighting.note,
            )
        )


def _adopted_own(sighting: Sighting, *, now: datetime, actor: str) -> bool:
    """Take over what may be ours; say whether it was."""
    try:
        adoption.adopt(sighting, now=now, actor=actor)
    except NotOursError:
        return False
    return True
