"""Recover: look up by delta query what the webhook was not told, of one subscription or of all that need it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import F, QuerySet

from notifications.services.recovering import recovered
from notifications.services.watching import traffic
from subscriptions.graph.client import GraphClient
from subscriptions.graph.errors import GraphError
from subscriptions.models import DeltaTracking, Subscription
from subscriptions.services import catching_up
from subscriptions.services.access.clients import client_of
from subscriptions.services.callers import Callers
from subscriptions.services.catching_up import Report
from subscriptions.services.errors import BusyError, UseCaseError
from subscriptions.services.gaps import recovery
from subscriptions.services.outcomes import told

logger = logging.getLogger(__name__)

_READ = ("subscription__app_registration", "subscription__delegated_account__app_registration")

SILENCE_LOOKED_INTO_EVERY = timedelta(hours=1)


@dataclass(kw_only=True)
class Summary:
    """What a run did.

    `checked` subscriptions were looked up; `recovered` of them had a gap, known or found, that is closed now. `changes`
    is how many rows were written, `duplicates` how many changes were known already, `resynced` for how many
    subscriptions Graph had forgotten our place. `postponed` were left to the next run, because nothing that was asked
    in the name of the same app or account has worked. `errors` holds one text for each that failed.
    """

    checked: int = 0
    recovered: int = 0
    changes: int = 0
    duplicates: int = 0
    resynced: int = 0
    skipped: int = 0
    failed: int = 0
    postponed: int = 0
    errors: list[str] = field(default_factory=list)


def recover(
    subscription: Subscription,
    *,
    clock: Callable[[], datetime],
    actor: str,
    client_of: Callable[[Subscription], GraphClient] = client_of,
) -> Report:
    """Look up and store what the webhook was not told of one subscription; `client_of` gives the client to ask with.

    Raises:
        UseCaseError: Graph has no delta query for it, or another run has it.
        GraphError: Graph refused or did not answer; the next run goes on where this one stopped.

    """
    report = catching_up.catch_up(
        subscription, clock=clock, store=recovered.store, actor=actor, client_of=client_of
    )
    logger.info(
        "caught up subscription=%s changes=%s duplicates=%s pages=%s",
        subscription.pk,
        report.changes,
        report.duplicates,
        report.pages,
    )
    return report


def recover_due(
    *, clock: Callable[[], datetime], actor: str, go_on: Callable[[], bool] = lambda: True
) -> Summary:
    """Recover what is due, what has fallen silent, and begin to follow what Graph has granted since the last call."""
    now = clock()
    recovery.track(now=now)
    _want_silent(now=now)
    return recover_all(DeltaTracking.objects.due(clock()), clock=clock, actor=actor, go_on=go_on)


def _want_silent(*, now: datetime) -> None:
    """Have looked up what has fallen silent, now and then while it lasts: perhaps Graph does not reach us."""
    silent = [silence.subscription.pk for silence in traffic.silent(now=now)]
    if silent:
        unheard = Subscription.objects.filter(
            pk__in=silent, delta_tracking__recovered_at__lte=now - SILENCE_LOOKED_INTO_EVERY
        )
        recovery.want(unheard, now=now)


def recover_all(
    trackings: QuerySet[DeltaTracking],
    *,
    clock: Callable[[], datetime],
    actor: str,
    go_on: Callable[[], bool] = lambda: True,
) -> Summary:
    """Recover one after the other; a failing one never stops the rest.

    Those of which it is known that changes were missed come first. Where several in a row fail in a way that the next
    of the same app or account would meet too, those are left to the next run: each would wait for Graph in vain.
    `go_on` is asked before each.
    """
    summary, callers = Summary(), Callers()
    order = F("subscription__missed_at").asc(nulls_last=True), "due_at", "pk"
    for pk in list(trackings.order_by(*order).values_list("pk", flat=True)):
        if not go_on():
            break
        tracking = trackings.filter(pk=pk).select_related(*_READ).first()
        if tracking is None:
            # Another run has done it, or is about to.
            summary.skipped += 1
            continue
        _recover_one(tracking.subscription, clock=clock, actor=actor, callers=callers, summary=summary)
    return summary


def _recover_one(
    subscription: Subscription,
    *,
    clock: Callable[[], datetime],
    actor: str,
    callers: Callers,
    summary: Summary,
) -> None:
    if callers.is_left_alone(subscription):
        summary.postponed += 1
        return
    had_missed = subscription.missed_at is not None
    try:
        with callers.noting(subscription):
            report = recover(subscription, clock=clock, actor=actor, client_of=callers.client_of)
    except BusyError:
        summary.skipped += 1
    except (GraphError, UseCaseError) as error:
        summary.failed += 1
        summary.errors.append(f"Subscription {subscription}: {told(error)}")
    except Exception as error:
        logger.exception("recovery broke off id=%s", subscription.pk)
        summary.failed += 1
        summary.errors.append(
            f"Subscription {subscription}: broke off ({type(error).__name__}), see the log."
        )
    else:
        summary.checked += 1
        summary.recovered += had_missed or report.changes > 0
        summary.changes += report.changes
        summary.duplicates += report.duplicates
        summary.resynced += bool(report.resets)
