"""Renew: what is due is claimed, sent to Graph in batches, and settled by Graph's answers."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from django.db.models import F

from subscriptions.graph.documents import Outcome, Renewal
from subscriptions.graph.errors import GraphError, InvalidRequestError, SubscriptionGoneError
from subscriptions.models import Operation, Subscription
from subscriptions.services import (
    certificate_rotation,
    certificates,
    client_state_rotation,
    creation,
    outcomes,
    recreation,
)
from subscriptions.services.claims import claim, prolong, settle
from subscriptions.services.clients import client_of, version_of
from subscriptions.services.errors import BusyError, UseCaseError
from subscriptions.services.operations import entry
from subscriptions.services.outcomes import told

logger = logging.getLogger(__name__)

# As many as Graph takes in one $batch. Source: json-batching.md (2021).
BATCH_SIZE = 20
CHUNK_SIZE = 500


class Result(StrEnum):
    """What a run did to one subscription."""

    RENEWED = "renewed"
    RECREATED = "recreated"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why one subscription could not be renewed."""

    subscription: int
    resource: str
    code: str
    message: str
    request_id: str = ""


@dataclass(kw_only=True)
class Summary:
    """What a run did: counts, and a reason for each failure."""

    due: int = 0
    renewed: int = 0
    recreated: int = 0
    failed: int = 0
    skipped: int = 0
    errors: list[Failure] = field(default_factory=list)

    def count(self, result: Result, failure: Failure | None = None) -> None:
        """Add the result of one subscription."""
        setattr(self, result.value, getattr(self, result.value) + 1)
        if failure:
            self.errors.append(failure)


@dataclass(frozen=True, kw_only=True)
class _Claimed:
    subscription: Subscription
    token: str


def renew(subscription: Subscription, *, now: datetime, actor: str) -> Result:
    """Renew one subscription now; where Graph no longer has it, create it again.

    Raises:
        BusyError: another worker has it, or it is not at Graph.
        GraphError: Graph refused; the row says why.

    """
    token = claim(subscription.pk, now=now, statuses=(Subscription.Status.ACTIVE,))
    if not token:
        raise BusyError
    subscription.refresh_from_db()
    claimed = _Claimed(subscription=subscription, token=token)
    answers = _send([claimed], now=now)
    return _conclude(claimed, answers[subscription.pk], now=now, actor=actor)


def due_for_renewal(*, now: datetime, within: timedelta | None = None, limit: int | None = None) -> list[int]:
    """Return the keys of what is due at `now` and not in somebody's hands, what ends first coming first."""
    # The databases disagree on where an expiry that is not there would come.
    order = F("expires_at").asc(nulls_last=True), "pk"
    due = Subscription.objects.due(now, within=within).unclaimed(now).order_by(*order)
    return list(due.values_list("pk", flat=True)[:limit])


def renew_due(
    *,
    clock: Callable[[], datetime],
    actor: str,
    within: timedelta | None = None,
    limit: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Summary:
    """Renew all that is due and return what was done; a failing row never stops the rest.

    What rotations have left behind is wiped, and a replaced certificate retired, when its time is over.

    `clock` gives the time at each chunk, so that a long run does not ask for expiries counted from its start.
    `progress` is told how many subscriptions each step finished.
    """
    keys = due_for_renewal(now=clock(), within=within, limit=limit)
    summary = Summary(due=len(keys))
    for start in range(0, len(keys), CHUNK_SIZE):
        chunk = Subscription.objects.select_related(
            "app_registration",
            "delegated_account__app_registration",
            "encryption_certificate",
            "certificate_at_graph",
        )
        rows = sorted(
            chunk.filter(pk__in=keys[start : start + CHUNK_SIZE]),
            key=lambda row: (
                row.app_registration_id,
                row.api_version,
                row.expires_at is None,
                row.expires_at,
            ),
        )
        for group in _grouped(rows):
            _renew_group(group, clock=clock, actor=actor, summary=summary)
            progress(len(group))
    client_state_rotation.wipe_former_client_states(now=clock())
    certificate_rotation.retire_drained(now=clock())
    return summary


def _grouped(rows: Iterable[Subscription]) -> list[list[Subscription]]:
    """Return batches: of one app registration or account, of one API version, of one kind of work."""
    groups: dict[tuple[int, int | None, str, bool], list[Subscription]] = defaultdict(list)
    for row in rows:
        who = row.app_registration_id, row.delegated_account_id
        groups[*who, row.api_version, row.status == row.Status.ACTIVE].append(row)
    return [
        group[start : start + BATCH_SIZE]
        for group in groups.values()
        for start in range(0, len(group), BATCH_SIZE)
    ]


def _renew_group(
    group: list[Subscription], *, clock: Callable[[], datetime], actor: str, summary: Summary
) -> None:
    now = clock()
    living = [row for row in group if _can_be_renewed(row, now=now)]
    if claimed := [item for row in living if (item := _claimed(row, now=now, summary=summary))]:
        answers = _send(claimed, now=now)
        # What was renewed is written first, since creating again what is gone may take long.
        for item in sorted(claimed, key=lambda item: _is_gone(answers[item.subscription.pk])):
            outcome, at = answers[item.subscription.pk], clock()
            _attempt(item, partial(_conclude, outcome=outcome, now=at, actor=actor), now=at, summary=summary)
    # Each is claimed when its turn comes: one create call may take longer than a claim lasts for twenty.
    for row in group:
        at = clock()
        if row not in living and (item := _claimed(row, now=at, summary=summary)):
            _attempt(item, partial(_make, now=at, actor=actor), now=at, summary=summary)


def _claimed(row: Subscription, *, now: datetime, summary: Summary) -> _Claimed | None:
    """Take a row as it was read; one that another run has served since then is passed over."""
    token = claim(row.pk, now=now, statuses=(row.status,), renew_at=row.renew_at, graph_id=row.graph_id)
    if token:
        return _Claimed(subscription=row, token=token)
    summary.count(Result.SKIPPED)
    return None


def _attempt(
    item: _Claimed,
    step: Callable[[_Claimed], Result],
    *,
    now: datetime,
    summary: Summary,
) -> None:
    """Run one step for one subscription and count it, whatever happens."""
    row = item.subscription
    try:
        summary.count(step(item))
    except BusyError:
        summary.count(Result.SKIPPED)
    except (GraphError, UseCaseError) as error:
        code = getattr(error, "code", "") or type(error).__name__
        request_id = getattr(error, "request_id", "")
        summary.count(
            Result.FAILED,
            Failure(
                subscription=row.pk,
                resource=row.resource,
                code=code,
                message=told(error),
                request_id=request_id,
            ),
        )
    except Exception as error:
        logger.exception("renewal broke off id=%s", row.pk)
        settle(
            row,
            item.token,
            renew_at=now + outcomes.LONGEST_WAIT,
            failures=row.failures + 1,
            error_at=now,
            error_cause=Subscription.ErrorCause.OURS,
            error_code=type(error).__name__,
            error_message="The renewal broke off; the log of the run says where.",
            error_request_id="",
        )
        summary.count(
            Result.FAILED,
            Failure(
                subscription=row.pk,
                resource=row.resource,
                code=type(error).__name__,
                message="broke off, see the log",
            ),
        )


def _can_be_renewed(subscription: Subscription, *, now: datetime) -> bool:
    """Say whether a PATCH can still help: Graph refuses one for a subscription that has ended."""
    return (
        subscription.status == Subscription.Status.ACTIVE
        and subscription.expires_at is not None
        and subscription.expires_at > now
    )


def _make(item: _Claimed, *, now: datetime, actor: str) -> Result:
    """Create what is pending since a run that died, or what Graph no longer has."""
    row = item.subscription
    if row.status == Subscription.Status.PENDING:
        creation.place(row, item.token, now=now, actor=actor, action=Operation.Action.CREATE)
    else:
        recreation.replace(row, item.token, now=now, actor=actor)
    return Result.RECREATED


def _send(items: list[_Claimed], *, now: datetime) -> dict[int, Outcome]:
    """Return Graph's answer for each row; without a token or a line, the same failure for all of them."""
    first = items[0].subscription
    renewals = [_renewal(item.subscription, now=now) for item in items]
    try:
        answers = client_of(first).update_subscriptions(renewals, version=version_of(first))
    except GraphError as error:
        answers = [Outcome(id=renewal.id, error=error, called_at=now) for renewal in renewals]
    return {item.subscription.pk: answer for item, answer in zip(items, answers, strict=True)}


def _renewed_without_certificate(item: _Claimed, *, now: datetime, actor: str) -> Outcome:
    row = item.subscription
    renewal = _renewal(row, now=now, keeps_certificate=True)
    try:
        [outcome] = client_of(row).update_subscriptions([renewal], version=version_of(row))
    except GraphError as error:
        outcome = Outcome(id=renewal.id, error=error, called_at=now)
    _log(row, outcome, actor=actor)
    return outcome


def _renewal(subscription: Subscription, *, now: datetime, keeps_certificate: bool = False) -> Renewal:
    certificate = None if keeps_certificate else certificates.to_be_sent(subscription, now=now)
    if certificate:
        certificates.mark_used(certificate, now=now)
    return Renewal(
        id=subscription.graph_id or "",
        expires_at=creation.expiry_to_ask(subscription, now=now),
        encryption_certificate=certificates.public_base64(certificate) if certificate else None,
        encryption_certificate_id=certificate.encryption_certificate_id if certificate else None,
    )


def _is_gone(outcome: Outcome) -> bool:
    return isinstance(outcome.error, SubscriptionGoneError)


def _log(row: Subscription, outcome: Outcome, *, actor: str) -> None:
    entry(
        Operation.Action.RENEW,
        actor=actor,
        subscription=row,
        started_at=outcome.called_at,
        duration=outcome.duration,
        error=outcome.error,
        request_id=outcome.request_id,
    ).save(force_insert=True)


def _conclude(item: _Claimed, outcome: Outcome, *, now: datetime, actor: str) -> Result:
    """Write what Graph answered for one subscription.

    Where Graph does not take a new certificate by PATCH, the subscription is first kept alive without it, then
    made anew.

    Raises:
        BusyError: Graph no longer has it, and another worker has taken it over.
        GraphError: Graph refused; the row says why and when the next try is.

    """
    row = item.subscription
    _log(row, outcome, actor=actor)
    certificate = certificates.to_be_sent(row, now=now)
    if certificate and isinstance(outcome.error, InvalidRequestError):
        # What Graph finds fault with may be the certificate: a subscription that renews without it proves that.
        certificate = None
        outcome = _renewed_without_certificate(item, now=now, actor=actor)
    if outcome.subscription is not None:
        sent = certificate or row.certificate_at_graph
        facts = outcomes.granted(outcome.subscription, now=now)
        held = certificates.at_graph(outcome.subscription, sent=sent)
        settle(row, item.token, renewed_at=now, certificate_at_graph=held, **facts)
        if certificates.to_be_sent(row, now=now) is None:
            return Result.RENEWED
        recreation.recreate(row, now=now, actor=actor)
        return Result.RECREATED
    error = outcome.error or GraphError("Graph gave no answer for this subscription.")
    if _is_gone(outcome):
        if not prolong(row, item.token, now=now):
            raise BusyError
        recreation.replace(row, item.token, now=now, actor=actor)
        return Result.RECREATED
    settle(row, item.token, **outcomes.failed(error, subscription=row, now=now))
    raise error
