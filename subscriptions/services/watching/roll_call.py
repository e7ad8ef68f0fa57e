"""Roll call: see by Graph's lists, often and with few calls, who is still there, so that a silent end is known soon.

What a list names was alive when it was asked for. From an absence nothing is concluded: who is missing is made due,
and the renewal asks for it by its id.
"""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from subscriptions.graph.errors import GraphError
from subscriptions.models import AppRegistration, DelegatedAccount, Subscription, Turn
from subscriptions.services.access.owners import Owner
from subscriptions.services.errors import UseCaseError
from subscriptions.services.outcomes import told
from subscriptions.services.watching import turns

logger = logging.getLogger(__name__)

# Cron comes every 5 to 15 minutes and a worker every minute: whoever comes when it is time looks, for all.
EVERY = timedelta(minutes=4)
# Graph gives an app 25 lists in 20 seconds, and the comparison needs some of them.
# Source: throttling-limits.md (2026-02-06).
PAGES_PER_APP = 10
# The renewals come afterwards, and must not wait for who does not answer.
PATIENCE = timedelta(seconds=30)
# A list may be wrong. So many calls do no harm; what is over that is the comparison's.
MADE_DUE_AT_MOST = 100
TURN = "roll-call:"


def hold(*, clock: Callable[[], datetime]) -> int:
    """Look at the lists of all who have not been seen for a while, and return how many are missing and made due.

    A list that cannot be read stops nothing: its owner is looked at again in the next run.
    """
    until = clock() + PATIENCE
    pages: Counter[str] = Counter()
    missing = 0
    for owner in _waiting(now=clock()):
        app = owner.app_registration.client_id
        if clock() >= until:
            break
        if pages[app] >= PAGES_PER_APP or not turns.take(_turn(owner), now=clock(), every=EVERY):
            continue
        try:
            missing += _call(owner, pages, clock=clock)
        except (GraphError, UseCaseError) as error:
            logger.warning("roll call failed owner=%s error=%s", owner, told(error))
    return missing


def _waiting(*, now: datetime) -> list[Owner]:
    """Return who has a subscription that has not been seen for a while, who waited longest for a turn first."""
    unseen = Subscription.objects.filter(
        status=Subscription.Status.ACTIVE, expires_at__gt=now, seen_at__lte=now - EVERY
    )
    keys = set(unseen.values_list("app_registration", "delegated_account").order_by().distinct())
    apps = AppRegistration.objects.in_bulk({app for app, _ in keys})
    accounts = DelegatedAccount.objects.select_related("app_registration").in_bulk(
        {account for _, account in keys if account}
    )
    found = [
        Owner(app_registration=apps[app], account=accounts[account] if account else None)
        for app, account in keys
    ]
    taken = dict(Turn.objects.filter(name__startswith=TURN).values_list("name", "taken_at"))
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(found, key=lambda owner: (taken.get(_turn(owner), never), _turn(owner)))


def _call(owner: Owner, pages: Counter[str], *, clock: Callable[[], datetime]) -> int:
    """Read one list as far as it may be; only a whole one tells who is missing."""
    asked_at = clock()
    listed: set[str] = set()
    is_whole = True
    # Without a line in the log of calls: that all went well is written at each subscription.
    client = owner.client(on_call=lambda _call: None, max_wait=timedelta(0))
    for page in client.subscription_pages():
        if pages[owner.app_registration.client_id] >= PAGES_PER_APP:
            is_whole = False
            break
        pages[owner.app_registration.client_id] += 1
        listed |= {remote.id.lower() for remote in page}
    # Who was created or renewed meanwhile has been seen later than that.
    rows = owner.rows().filter(status=Subscription.Status.ACTIVE, seen_at__lt=asked_at)
    ids = {pk: (graph_id or "").lower() for pk, graph_id in rows.values_list("pk", "graph_id")}
    present = [pk for pk, graph_id in ids.items() if graph_id in listed]
    rows.filter(pk__in=present).update(seen_at=asked_at)
    # An empty list is taken for a mistake rather than for the end of all of several.
    is_credible = is_whole and (bool(present) or len(ids) == 1)
    return _make_due(sorted(ids.keys() - set(present)), asked_at=asked_at) if is_credible else 0


def _make_due(missing: list[int], *, asked_at: datetime) -> int:
    """Have the renewal ask for who is missing; what failed before keeps the time of its next try."""
    return Subscription.objects.filter(
        pk__in=missing[:MADE_DUE_AT_MOST],
        status=Subscription.Status.ACTIVE,
        seen_at__lt=asked_at,
        renew_at__gt=asked_at,
        failures=0,
    ).update(renew_at=asked_at)


def _turn(owner: Owner) -> str:
    account = owner.account.pk if owner.account else ""
    return f"{TURN}{owner.app_registration.pk}:{account}"
