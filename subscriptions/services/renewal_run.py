"""A whole renewal run: who is missing is found first, and all is recorded, watched over, and told to who expects it."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from subscriptions import conf
from subscriptions.graph import outgoing
from subscriptions.graph.errors import GraphError
from subscriptions.services import alerts, renewal
from subscriptions.services.watching import reach, roll_call, runs

logger = logging.getLogger(__name__)

HEARTBEAT_TRIES = 3
HEARTBEAT_PAUSE_SECONDS = 2.0

# Given the keys of app registrations with something due, asks others to renew for them, and waits for nothing.
Ask = Callable[[Sequence[int]], None]
_helpers: list[Ask] = []


def register_helpers(ask: Ask) -> None:
    """Have `ask` called by each run; who works elsewhere is known to an app above this one."""
    if ask not in _helpers:
        _helpers.append(ask)


def run(
    *,
    clock: Callable[[], datetime],
    actor: str,
    within: timedelta | None = None,
    limit: int | None = None,
    progress: Callable[[int, int], None] = lambda _done, _due: None,
) -> renewal.Summary:
    """Renew what is due as `renewal.renew_due` does, write the run down, watch, and send the heartbeat.

    What Graph's lists no longer name is due too. Of several app registrations others are asked to take some; what
    they do not take is renewed here. Afterwards it is tried whether our address is reached from outside. The heartbeat
    goes out after a run in which nothing failed. None of these ever fails the run.
    """
    with runs.recorded(runs.RENEWAL, clock=clock) as record:
        _apart(roll_call.hold, clock=clock)
        if within is None and limit is None:
            _ask_for_help(now=clock())
        summary = renewal.renew_due(clock=clock, actor=actor, within=within, limit=limit, progress=progress)
        counts = {name: value for name, value in asdict(summary).items() if isinstance(value, int)}
        record.conclude(succeeded=not summary.failed, summary=counts)
    _apart(reach.check, clock=clock)
    _apart(_watch, clock=clock)
    if not summary.failed:
        beat()
    return summary


def _watch(*, clock: Callable[[], datetime]) -> None:
    alerts.watch(now=clock())


def _apart(work: Callable[..., object], *, clock: Callable[[], datetime]) -> None:
    """Do what goes with a renewal run and must not end it."""
    try:
        work(clock=clock)
    except Exception:
        logger.exception("broke off in the renewal run: %s.%s", work.__module__, work.__name__)


def _ask_for_help(*, now: datetime) -> None:
    """Ask for as many helpers as there are app registrations beside the most urgent one, which is begun here."""
    if _helpers and (apps := renewal.apps_due(now=now)[1:]):
        for ask in _helpers:
            ask(apps)


def beat() -> None:
    """Tell the address of RENEWAL_HEARTBEAT_URL, if there is one, that all is well; its silence stops nothing."""
    url = conf.configuration().renewal_heartbeat_url
    if not url:
        return
    try:
        outgoing.get(url, tries=HEARTBEAT_TRIES, pause_seconds=HEARTBEAT_PAUSE_SECONDS)
    except GraphError as error:
        # Without the traceback, which would name the address and so the secret in it.
        logger.warning("heartbeat not taken host=%s error=%s", urlsplit(url).hostname, error)
