"""Catch up: follow the delta queries of one subscription page by page, and have stored what they tell.

The rows of a page and the step to the next one are written in one transaction: whoever is killed in between has lost
nothing, and whoever comes next doubles nothing.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from subscriptions.catalogue import deltas
from subscriptions.graph.client import GraphClient
from subscriptions.graph.errors import GraphError
from subscriptions.models import Operation, Subscription
from subscriptions.services.access.clients import client_of
from subscriptions.services.catching_up.holding import Hold
from subscriptions.services.catching_up.reading import Reader
from subscriptions.services.catching_up.reports import Period, Report, Store
from subscriptions.services.gaps.recovery import NoDeltaQueryError
from subscriptions.services.operations import entry

__all__ = ["Period", "Report", "Store", "catch_up"]


def catch_up(
    subscription: Subscription,
    *,
    clock: Callable[[], datetime],
    store: Store,
    actor: str,
    client_of: Callable[[Subscription], GraphClient] = client_of,
) -> Report:
    """Look up everything that has changed, and have stored what the webhook did not tell.

    The first run finds the place to begin from; what was there before the grant does not count. What a run has read
    stays read, whatever stops it. `client_of` gives the client to ask with.

    Raises:
        NoDeltaQueryError: Graph has no delta query for the resource.
        BusyError: another run has it.
        GraphError: Graph refused or did not answer; the next run goes on from there.

    """
    plan = deltas.plan_for(subscription.resource)
    if plan is None:
        raise NoDeltaQueryError
    hold = Hold.take(subscription, clock=clock)
    report = Report()
    started_clock = time.monotonic()
    refusal: GraphError | None = None
    try:
        client = client_of(subscription)
        reader = Reader(
            subscription=subscription, plan=plan, client=client, hold=hold, store=store, report=report
        )
        reader.follow_all()
        hold.finish(covers_from=reader.covers_from())
    except GraphError as error:
        refusal = error
        hold.put_off(error)
        raise
    finally:
        hold.give_back()
        if report.pages or refusal:
            entry(
                Operation.Action.RECOVER,
                actor=actor,
                subscription=subscription,
                started_at=hold.taken_at,
                duration=timedelta(seconds=time.monotonic() - started_clock),
                error=refusal,
                message=report.in_words(),
            ).save(force_insert=True)
    return report
