"""Renew: what is due is claimed, sent to Graph in batches, several at once, and settled by Graph's answers."""

import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from subscriptions.graph.pace import Pace, Paces, Stopwatch
from subscriptions.models import AppRegistration, DelegatedAccount, Subscription
from subscriptions.services import certificate_rotation, client_state_rotation
from subscriptions.services.claims import claim
from subscriptions.services.errors import BusyError
from subscriptions.services.renewal import planning
from subscriptions.services.renewal.items import Due, Item, Stage
from subscriptions.services.renewal.lanes import Lane
from subscriptions.services.renewal.moves import Done
from subscriptions.services.renewal.planning import apps_due, due_for_renewal
from subscriptions.services.renewal.run import Run
from subscriptions.services.renewal.summary import Failure, Result, Summary

__all__ = ["Failure", "Result", "Summary", "apps_due", "due_for_renewal", "renew", "renew_due"]

# Somebody waits for the page.
PATIENCE_OF_A_CLICK = timedelta(seconds=10)


def renew(
    subscription: Subscription, *, now: datetime, actor: str, sleep: Callable[[float], None] = time.sleep
) -> Result:
    """Renew one subscription now; where Graph no longer has it, create it again.

    Raises:
        BusyError: another worker has it, or it is not at Graph.
        GraphError: Graph refused; the row says why.

    """
    token = claim(subscription.pk, now=now, statuses=(Subscription.Status.ACTIVE,))
    if not token:
        raise BusyError
    subscription.refresh_from_db()
    item = Item(
        subscription=subscription, token=token, stage=Stage.RENEW, held_at=now, patience=PATIENCE_OF_A_CLICK
    )
    lane = Lane(
        app_registration=subscription.app_registration,
        account=subscription.delegated_account,
        pace=_pace(subscription.app_registration, Paces()),
        again=[item],
    )
    ended: list[Done] = []
    Run(
        [lane],
        clock=lambda: now,
        actor=actor,
        stopwatch=Stopwatch(sleep),
        finished=lambda done: ended.extend(one for _, one in done),
    ).work()
    subscription.refresh_from_db()
    [end] = ended
    if end.result == Result.SKIPPED:
        raise BusyError
    if end.error:
        raise end.error
    return end.result


def renew_due(
    *,
    clock: Callable[[], datetime],
    actor: str,
    within: timedelta | None = None,
    limit: int | None = None,
    app_registration: int | None = None,
    progress: Callable[[int, int], None] = lambda _done, _due: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Summary:
    """Renew all that is due and return what was done; a failing row never stops the rest.

    What rotations have left behind is wiped, and a replaced certificate retired, when its time is over.

    `clock` gives the time at each step, so that a long run does not ask for expiries counted from its start.
    With `app_registration`, only what is due of that one. `progress` is told at each step with how many of all the run
    is through. `sleep` waits so many seconds, for Graph's limits and where Graph asks for it.
    """
    lanes = _lanes(planning.find(now=clock(), within=within, limit=limit, app_registration=app_registration))
    summary = Summary(due=sum(lane.waiting for lane in lanes))

    def finished(done: list[tuple[Item | None, Done]]) -> None:
        for item, end in done:
            failure = Failure.of(item.subscription, end.error) if item and end.error else None
            summary.count(end.result, failure)
        progress(summary.finished, summary.due)

    Run(lanes, clock=clock, actor=actor, stopwatch=Stopwatch(sleep), finished=finished).work()
    client_state_rotation.wipe_former_client_states(now=clock())
    certificate_rotation.retire_drained(now=clock())
    return summary


def _lanes(dues: Iterable[Due]) -> list[Lane]:
    """Return a lane for each owner of something due, the most urgent first."""
    batches = planning.by_owner(dues)
    apps = AppRegistration.objects.in_bulk({app for app, _ in batches})
    accounts = DelegatedAccount.objects.select_related("app_registration").in_bulk(
        {account for _, account in batches if account}
    )
    paces = Paces()
    return [
        Lane(
            app_registration=apps[app],
            account=accounts[account] if account else None,
            pace=_pace(apps[app], paces),
            planned=deque(planned),
            urgency=urgency,
        )
        for urgency, ((app, account), planned) in enumerate(batches.items())
    ]


def _pace(app_registration: AppRegistration, paces: Paces) -> Pace:
    app = f"{app_registration.cloud}/{app_registration.client_id}"
    return paces.of(app, app_registration.tenant_id)
