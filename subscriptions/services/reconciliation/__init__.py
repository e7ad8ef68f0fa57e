"""Reconcile: what Graph has beside what we have, and what follows from the difference."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from subscriptions.graph.errors import EndpointValidationError, GraphError
from subscriptions.models import AppRegistration, Sighting, Subscription
from subscriptions.services.access.owners import Owner, owners
from subscriptions.services.errors import BusyError, NotOursError, UseCaseError
from subscriptions.services.outcomes import told
from subscriptions.services.reconciliation import adoption, comparison, mending, strays

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

    What drifted is brought together; what is gone is created again, unless it is left to end; a subscription that a
    broken-off create call of ours left behind is adopted. What nobody here asked for is reported and left alone,
    unless its id at Graph is among those to `adopt` or to `remove`. With `is_dry` nothing is changed but the result
    that the admin shows.
    """
    run = _Run(clock=clock, actor=actor, is_dry=is_dry, adopt=_lowered(adopt), remove=_lowered(remove))
    for owner in owners(AppRegistration.objects.filter(**({"name": app} if app else {}))):
        try:
            sightings = comparison.look(owner, clock=clock, actor=actor)
        except (GraphError, UseCaseError) as error:
            run.summary.errors.append(f"{owner}: {told(error)}")
            continue
        rows = Subscription.objects.in_bulk([one.subscription_id for one in sightings if one.subscription_id])
        # What a broken-off call left goes to its wish before that one is created anew.
        for sighting in sorted(sightings, key=lambda one: one.state != State.UNKNOWN):
            sighting.subscription = rows.get(sighting.subscription_id or 0)
            run.follow(sighting, owner)
    for graph_id in sorted((run.adopt | run.remove) - run.met):
        run.summary.errors.append(f"{graph_id}: not among the unknown ones that Graph's lists show.")
    return run.summary


def _lowered(graph_ids: Iterable[str]) -> frozenset[str]:
    return frozenset(graph_id.lower() for graph_id in graph_ids)


@dataclass(kw_only=True)
class _Run:
    """What is wanted of a run, and what has come of it so far.

    `adopt` and `remove` are Graph's ids in lower case, `met` those that were found unknown.
    """

    clock: Callable[[], datetime]
    actor: str
    is_dry: bool
    adopt: frozenset[str]
    remove: frozenset[str]
    met: set[str] = field(default_factory=set)
    summary: Summary = field(default_factory=Summary)
    is_out_of_reach: bool = False

    def follow(self, sighting: Sighting, owner: Owner) -> None:
        """Count one subscription, and act on it unless the run is dry; a failing one never stops the rest."""
        try:
            if sighting.state == State.UNKNOWN:
                self.met.add(sighting.graph_id.lower())
                self._follow_unknown(sighting, owner)
            elif self._differs(sighting) and not self.is_dry and self._is_for_now(sighting):
                self._mend(sighting)
        except BusyError:
            # Another run acts on it at this moment.
            logger.info("passed over, in other hands: sighting=%s", sighting.pk)
        except (GraphError, UseCaseError) as error:
            # The next one would be deleted and not created either.
            self.is_out_of_reach |= isinstance(error, EndpointValidationError)
            self._failed(sighting, told(error))
        except Exception as error:
            logger.exception("reconciling broke off sighting=%s", sighting.pk)
            self._failed(sighting, f"broke off ({type(error).__name__}), see the log.")

    def _failed(self, sighting: Sighting, reason: str) -> None:
        self.summary.failed += 1
        name = f"Subscription {sighting.subscription_id}" if sighting.subscription_id else sighting.graph_id
        self.summary.errors.append(f"{name}: {reason}")

    def _differs(self, sighting: Sighting) -> bool:
        """Count by what was seen; say whether there is something to mend."""
        if sighting.state == State.UNCLEAR:
            self._failed(sighting, sighting.note)
        elif sighting.state == State.IN_STEP:
            self.summary.in_step += 1
        elif sighting.state == State.DRIFTED:
            self.summary.drifted += 1
        else:
            self.summary.gone += 1
        return sighting.state in {State.DRIFTED, State.GONE}

    def _is_for_now(self, sighting: Sighting) -> bool:
        """Say whether it may be tried: what failed before has a time for its next try, and some may end."""
        row = sighting.subscription
        if row is None or (sighting.state == State.GONE and not row.auto_renew and row.is_enabled):
            return False
        if row.status == Subscription.Status.GONE and row.renew_at and row.renew_at > self.clock():
            return False
        if self.is_out_of_reach:
            self._failed(sighting, "passed over, since Graph cannot reach our address.")
            if sighting.state == State.GONE:
                # The next renewal run finds out by itself, and tries until it can be created.
                Subscription.objects.filter(
                    pk=row.pk, status=Subscription.Status.ACTIVE, graph_id=row.graph_id
                ).update(renew_at=self.clock())
        return not self.is_out_of_reach

    def _mend(self, sighting: Sighting) -> None:
        result = mending.mend(sighting, now=self.clock(), actor=self.actor)
        if result == mending.Result.RECREATED:
            self.summary.recreated += 1
        elif result != mending.Result.NOTHING:
            self.summary.mended += 1

    def _follow_unknown(self, sighting: Sighting, owner: Owner) -> None:
        graph_id = sighting.graph_id.lower()
        if self.is_dry:
            self._report(sighting, owner)
        elif graph_id in self.remove:
            strays.remove(sighting, now=self.clock(), actor=self.actor)
            self.summary.removed += 1
        elif graph_id in self.adopt or adoption.is_left_by_us(sighting):
            self._adopt(sighting, owner)
        else:
            self._report(sighting, owner)

    def _adopt(self, sighting: Sighting, owner: Owner) -> None:
        try:
            adoption.adopt(sighting, now=self.clock(), actor=self.actor)
        except NotOursError:
            if sighting.graph_id.lower() in self.adopt:
                raise
            self._report(sighting, owner)
        else:
            self.summary.adopted += 1

    def _report(self, sighting: Sighting, owner: Owner) -> None:
        self.summary.unknown.append(
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
