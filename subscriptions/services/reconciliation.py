"""Reconcile: what Graph has beside what we have, and what follows from the difference."""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from subscriptions.catalogue import lifetimes
from subscriptions.graph.client import GraphClient, Version
from subscriptions.graph.documents import RemoteSubscription
from subscriptions.graph.errors import GraphError, SubscriptionGoneError
from subscriptions.models import AppRegistration, DelegatedAccount, FormerIdentity, Operation, Subscription
from subscriptions.services import creation, recreation
from subscriptions.services.claims import claim, settle
from subscriptions.services.clients import client_for, version_of
from subscriptions.services.errors import UseCaseError
from subscriptions.services.operations import CallLog
from subscriptions.services.outcomes import told

logger = logging.getLogger(__name__)

# Graph shows seven fraction digits and a database fewer.
SAME_TIME = timedelta(seconds=1)
# One list shows what was made under either version.
VERSION: Version = "v1.0"


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """A subscription at Graph that no row here speaks of."""

    app: str
    graph_id: str
    resource: str
    change_type: str
    notification_url: str
    expires_at: datetime


@dataclass(kw_only=True)
class Summary:
    """What a run found and did, for all app registrations and accounts."""

    in_step: int = 0
    drifted: int = 0
    gone: int = 0
    recreated: int = 0
    adopted: int = 0
    failed: int = 0
    unknown: list[Unknown] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Owner:
    """Who sees a list of its own at Graph: an app, or an account that signed in to it."""

    app_registration: AppRegistration
    account: DelegatedAccount | None

    def __str__(self) -> str:
        return f"{self.app_registration}, {self.account}" if self.account else str(self.app_registration)

    def rows(self) -> Iterable[Subscription]:
        return Subscription.objects.filter(
            app_registration=self.app_registration, delegated_account=self.account
        ).select_related("app_registration", "delegated_account__app_registration", "encryption_certificate")


def reconcile(*, clock: Callable[[], datetime], actor: str, app: str = "", is_dry: bool = False) -> Summary:
    """Compare every app registration and account, or those of `app`, with Graph and mend the difference.

    Expiry and certificate are taken over from Graph; what is gone is created again; a subscription that a broken-off
    create call of ours left behind is adopted. What nobody here asked for is reported and left alone. Nothing follows
    from an absence in a list alone: each missing one is asked for by its id. With `is_dry` nothing is changed.
    """
    summary = Summary()
    for owner in _owners(app):
        try:
            _reconcile_one(owner, clock=clock, actor=actor, summary=summary, is_dry=is_dry)
        except (GraphError, UseCaseError) as error:
            summary.errors.append(f"{owner}: {told(error)}")
    return summary


def _owners(app: str) -> list[_Owner]:
    found = AppRegistration.objects.filter(**({"name": app} if app else {})).prefetch_related("accounts")
    return [
        _Owner(app_registration=app_registration, account=account)
        for app_registration in found
        for account in (None, *app_registration.accounts.all())
    ]


def _reconcile_one(
    owner: _Owner, *, clock: Callable[[], datetime], actor: str, summary: Summary, is_dry: bool
) -> None:
    log = CallLog(
        Operation.Action.LOOK, actor=actor, app_registration=owner.app_registration, subscription=None
    )
    client = client_for(owner.app_registration, account=owner.account, on_call=log)
    remotes = {remote.id.lower(): remote for remote in client.list_subscriptions(version=VERSION)}
    for row in owner.rows():
        if row.status != Subscription.Status.ACTIVE:
            continue
        remote = remotes.pop((row.graph_id or "").lower(), None) or _by_id(client, row)
        try:
            _mend(row, remote, now=clock(), actor=actor, summary=summary, is_dry=is_dry)
        except (GraphError, UseCaseError) as error:
            summary.failed += 1
            summary.errors.append(f"Subscription {row.pk}: {told(error)}")
    for remote in remotes.values():
        if not FormerIdentity.objects.filter(graph_id=remote.id.lower()).exists():
            _consider(owner, remote, now=clock(), actor=actor, summary=summary, is_dry=is_dry)


def _by_id(client: GraphClient, row: Subscription) -> RemoteSubscription | None:
    try:
        return client.get_subscription(row.graph_id or "", version=version_of(row))
    except SubscriptionGoneError:
        return None


def _mend(
    row: Subscription,
    remote: RemoteSubscription | None,
    *,
    now: datetime,
    actor: str,
    summary: Summary,
    is_dry: bool,
) -> None:
    """Bring one row and Graph together again."""
    if remote is None:
        summary.gone += 1
        if not is_dry and row.is_enabled and (token := claim(row.pk, now=now, statuses=(row.status,))):
            recreation.replace(row, token, now=now, actor=actor)
            summary.recreated += 1
        return
    if not _has_drifted(row, remote):
        summary.in_step += 1
        return
    summary.drifted += 1
    if not is_dry and (token := claim(row.pk, now=now, statuses=(row.status,), expires_at=row.expires_at)):
        granted_at = row.granted_at or now
        renew_at = lifetimes.renew_at(granted_at=granted_at, expires_at=remote.expires_at)
        settle(row, token, expires_at=remote.expires_at, renew_at=renew_at)


def _has_drifted(row: Subscription, remote: RemoteSubscription) -> bool:
    return row.expires_at is None or abs(row.expires_at - remote.expires_at) > SAME_TIME


def _consider(
    owner: _Owner,
    remote: RemoteSubscription,
    *,
    now: datetime,
    actor: str,
    summary: Summary,
    is_dry: bool,
) -> None:
    """Adopt what a broken-off call of ours left at Graph; report what is not ours."""
    open_rows = (row for row in owner.rows() if row.status in creation.SUBMITTABLE)
    row = next((row for row in open_rows if creation.fits(remote, row)), None)
    if row and not is_dry:
        # Graph answers with the existing one, and it is taken over if its clientState is ours.
        with suppress(GraphError, UseCaseError):
            creation.submit(row, now=now, actor=actor)
            summary.adopted += 1
            return
    summary.unknown.append(
        Unknown(
            app=str(owner),
            graph_id=remote.id,
            resource=remote.resource,
            change_type=remote.change_type,
            notification_url=remote.notification_url,
            expires_at=remote.expires_at,
        )
    )
