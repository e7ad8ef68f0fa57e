"""The calls that make a subscription anew: look where that is in doubt, delete what must go first, then create."""

from collections.abc import Callable
from datetime import datetime, timedelta

from subscriptions.graph.client import GraphClient
from subscriptions.graph.documents import CallRecord, RemoteSubscription
from subscriptions.graph.errors import GraphError, SubscriptionGoneError
from subscriptions.models import Gap, Subscription
from subscriptions.services import certificates, claims, creation, gaps, operations, outcomes, recreation
from subscriptions.services.access.clients import version_of
from subscriptions.services.errors import BusyError
from subscriptions.services.renewal.items import Item, Stage
from subscriptions.services.renewal.moves import Again, Done, Move, waiting
from subscriptions.services.renewal.renewing import is_news
from subscriptions.services.renewal.summary import Result


class Remaking:
    """One subscription that is looked at, deleted or created: the call, and what was said to Graph by it."""

    def __init__(self, item: Item, *, now: datetime) -> None:
        """Write down what is about to be done, so that a run that dies here leaves a row which the next understands.

        Raises:
            BusyError: another worker has taken the row over.
            WishExistsError: another row holds the same wish.

        """
        self._item = item
        self._now = now
        self._calls: list[CallRecord] = []
        row = item.subscription
        if item.stage == Stage.LOOK:
            return
        if item.stage == Stage.DELETE:
            if not claims.note(row, item.token, renew_at=now):
                raise BusyError
            return
        if not item.is_parted and row.status != Subscription.Status.PENDING:
            recreation.part(row, item.token, now=now)
            item.is_parted = True
        creation.prepare(row, now=now)

    def call(self) -> Callable[[GraphClient], RemoteSubscription | None]:
        """Return the call, which any thread may make."""
        calls = {Stage.LOOK: self._look, Stage.DELETE: self._delete}
        return calls.get(self._item.stage, self._create)

    def _look(self, client: GraphClient) -> RemoteSubscription:
        row = self._item.subscription
        return client.reporting_to(self._calls.append).get_subscription(
            row.graph_id or "", version=version_of(row)
        )

    def _delete(self, client: GraphClient) -> None:
        row = self._item.subscription
        client.reporting_to(self._calls.append).delete_subscription(
            row.graph_id or "", version=version_of(row)
        )

    def _create(self, client: GraphClient) -> RemoteSubscription:
        return creation.ask(client.reporting_to(self._calls.append), self._item.subscription, now=self._now)

    def conclude(
        self, remote: RemoteSubscription | None, error: GraphError | None, *, now: datetime, actor: str
    ) -> Move:
        """Write what became of it and return what follows."""
        item, row = self._item, self._item.subscription
        took = self._log(error, actor=actor)
        if item.stage == Stage.LOOK and isinstance(error, SubscriptionGoneError):
            item.stage = Stage.CREATE
            return Again()
        if error is not None:
            is_safe = item.stage != Stage.CREATE or not error.outcome_unknown
            later = waiting(item, error) if is_safe else None
            return later or _failed(item, error, has_asked=bool(self._calls), now=now)
        if item.stage == Stage.LOOK and remote is not None:
            return _taken_over(item, remote, now=now)
        if item.stage == Stage.CREATE and remote is not None:
            creation.created(row, item.token, remote, now=self._now, took=took)
            return Done(result=Result.RECREATED)
        if (row.expires_at or now) > now:
            gaps.begin(row, cause=Gap.Cause.RECREATED, began_at=now)
        item.stage = Stage.CREATE
        return Again()

    def _log(self, error: GraphError | None, *, actor: str) -> timedelta:
        row, action = self._item.subscription, self._item.action
        log = operations.CallLog(action, actor=actor, app_registration=row.app_registration, subscription=row)
        log.write(self._calls)
        if error and not self._calls and is_news(row, error):
            # It never left the house, for want of a token: the log says so all the same.
            operations.record(action, actor=actor, subscription=row, started_at=self._now, error=error)
        return log.took


def leave(item: Item, error: GraphError, *, now: datetime, actor: str) -> Done:
    """Write why nothing is sent for a subscription in this run."""
    if is_news(item.subscription, error):
        operations.record(
            item.action, actor=actor, subscription=item.subscription, started_at=now, error=error
        )
    return _failed(item, error, has_asked=False, now=now)


def _taken_over(item: Item, remote: RemoteSubscription, *, now: datetime) -> Done:
    """Take over what Graph has, if somebody has prolonged it; else the conflict stands, and a later run tries again."""
    row, conflict = item.subscription, item.conflict
    if conflict and row.expires_at and remote.expires_at <= row.expires_at:
        return _failed(item, conflict, has_asked=True, now=now)
    at_graph = certificates.at_graph(remote, sent=row.certificate_at_graph)
    claims.settle(row, item.token, certificate_at_graph=at_graph, **outcomes.granted(remote, now=now))
    return Done(result=Result.RENEWED)


def _failed(item: Item, error: GraphError, *, has_asked: bool, now: datetime) -> Done:
    row = item.subscription
    if item.stage != Stage.CREATE:
        claims.settle(row, item.token, **outcomes.failed(error, subscription=row, now=now))
    else:
        creation.refused(row, item.token, error, has_asked=has_asked, now=now)
    return Done(result=Result.FAILED, error=error)
