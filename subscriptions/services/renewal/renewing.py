"""The call that prolongs: many subscriptions together, and what follows for each."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from subscriptions.catalogue import lifetimes
from subscriptions.graph.client import GraphClient
from subscriptions.graph.documents import Outcome, Renewal
from subscriptions.graph.errors import (
    DuplicateSubscriptionError,
    EndpointValidationError,
    GraphError,
    InvalidRequestError,
    SubscriptionGoneError,
    TokenRefusedError,
)
from subscriptions.models import Operation, Subscription
from subscriptions.services import certificates, claims, creation, operations, outcomes
from subscriptions.services.access.clients import version_of
from subscriptions.services.errors import NotReadyError
from subscriptions.services.renewal.items import Item, Stage
from subscriptions.services.renewal.moves import Again, Done, Move, waiting
from subscriptions.services.renewal.summary import Result

Facts = dict[str, Any]


def prepare(item: Item, *, now: datetime) -> Renewal:
    """Return what to send for a subscription, its new certificate included where Graph shall have one."""
    row, item.asked_at = item.subscription, now
    item.certificate = None if item.keeps_certificate else certificates.to_be_sent(row, now=now)
    if item.certificate:
        certificates.mark_used(item.certificate, now=now)
    return Renewal(
        id=row.graph_id or "",
        expires_at=creation.expiry_to_ask(row, now=now),
        encryption_certificate=certificates.public_base64(item.certificate) if item.certificate else None,
        encryption_certificate_id=item.certificate.encryption_certificate_id if item.certificate else None,
    )


def call(items: Sequence[Item], requests: Sequence[Renewal]) -> Callable[[GraphClient], list[Outcome]]:
    """Return the call, which any thread may make."""
    version = version_of(items[0].subscription)
    return lambda client: client.update_subscriptions(requests, version=version)


def conclude(
    items: Sequence[Item], answers: Sequence[Outcome], *, now: datetime, actor: str, is_sent: bool = True
) -> list[Move]:
    """Write what became of each, in few statements, and return what follows.

    Without `is_sent` the answers say why nothing was sent; it stays at that in this run.
    """
    lines: list[Operation] = []
    settled: dict[tuple[str, tuple[tuple[str, Any], ...]], list[int]] = defaultdict(list)
    moves: list[Move] = []
    for item, answer in zip(items, answers, strict=True):
        # Without a token nothing leaves the house either.
        has_left = is_sent and not isinstance(answer.error, TokenRefusedError | NotReadyError)
        if has_left or is_news(item.subscription, answer.error):
            lines.append(_line(item, answer, actor=actor))
        facts, move = _judged(item, answer, now=now, is_final=not is_sent)
        if isinstance(move, Done):
            settled[item.token, tuple(facts.items())].append(item.subscription.pk)
        moves.append(move)
    with transaction.atomic():
        Operation.objects.bulk_create(lines)
        for (token, facts_of_all), keys in settled.items():
            claims.settle_all(keys, token, dict(facts_of_all))
    return moves


def is_news(subscription: Subscription, error: GraphError | None) -> bool:
    """Say whether the row does not tell yet why nothing is sent for it: each run would fill the log with the same."""
    return error is None or subscription.failures == 0 or subscription.error_code != error.code


def _line(item: Item, answer: Outcome, *, actor: str) -> Operation:
    return operations.entry(
        Operation.Action.RENEW,
        actor=actor,
        subscription=item.subscription,
        started_at=answer.called_at,
        duration=answer.duration,
        error=answer.error,
        request_id=answer.request_id,
    )


def _judged(item: Item, answer: Outcome, *, now: datetime, is_final: bool) -> tuple[Facts, Move]:
    """Return the facts to write, and what follows."""
    if answer.subscription is not None:
        return _renewed(item, answer, now=now)
    error = answer.error or GraphError("Graph gave no answer for this subscription.")
    if error.outcome_unknown and item.asked_at:
        _note_unanswered(item.subscription, asked_at=item.asked_at)
    next_call = None if is_final else _other_call(item, error, now=now) or waiting(item, error)
    if next_call:
        return {}, next_call
    facts = outcomes.failed(error, subscription=item.subscription, now=now)
    return facts, Done(result=Result.FAILED, error=error)


def _renewed(item: Item, answer: Outcome, *, now: datetime) -> tuple[Facts, Move]:
    row, remote = item.subscription, answer.subscription
    assert remote is not None  # noqa: S101 -- tells the type checker what the caller has seen
    facts = {
        "renewed_at": now,
        "certificate_at_graph": certificates.at_graph(
            remote, sent=item.certificate or row.certificate_at_graph
        ),
        "ceiling_minutes": row.ceiling_minutes,
        "ceiling_learnt_at": row.ceiling_learnt_at,
        **outcomes.granted(remote, now=now),
    }
    # The same for many rows, but for the id, which a renewal does not change.
    del facts["graph_id"]
    row.certificate_at_graph = facts["certificate_at_graph"]
    if certificates.to_be_sent(row, now=now) is None:
        return facts, Done(result=Result.RENEWED)
    # Graph does not take the new certificate by an update: it lives on for now, and is made anew.
    claims.note(row, item.token, **{**facts, "renew_at": now})
    item.stage = Stage.DELETE
    return {}, Again()


def _note_unanswered(row: Subscription, *, asked_at: datetime) -> None:
    """Note on the object that Graph may have acted, and may have granted as little as it ever does."""
    least = asked_at + lifetimes.MINIMUM
    row.may_end_at = min(row.ends_at or least, least)


def _other_call(item: Item, error: GraphError, *, now: datetime) -> Again | None:
    """Return another call that helps at once; None when none does."""
    row = item.subscription
    if isinstance(error, SubscriptionGoneError):
        item.stage = Stage.CREATE
        return Again()
    if isinstance(error, DuplicateSubscriptionError):
        item.stage, item.conflict = Stage.LOOK, error
        return Again()
    if not isinstance(error, InvalidRequestError) or isinstance(error, EndpointValidationError):
        return None
    if item.certificate:
        # What Graph finds fault with may be the certificate: a subscription that renews without it proves that.
        item.keeps_certificate = True
        return Again()
    if row.expires_at and row.expires_at <= now:
        # By our clock it has ended. Should it live after all, it goes first, so that there are never two.
        item.stage = Stage.DELETE
        return Again()
    # With the expiry alone there is nothing else to find fault with.
    lesson = outcomes.learnt(error, asked=creation.expiry_to_ask(row, now=now) - now, now=now)
    for name, value in lesson.items():
        setattr(row, name, value)
    return Again() if lesson else None
