"""What Graph's answer means for a row."""

from datetime import datetime, timedelta
from typing import Any

from subscriptions.catalogue import lifetimes
from subscriptions.graph.documents import RemoteSubscription
from subscriptions.graph.errors import (
    AccessDeniedError,
    GraphError,
    LifetimeRefusedError,
    QuotaReachedError,
    ThrottledError,
    TokenRefusedError,
    UnauthorizedError,
    UnexpectedAnswerError,
    UnreachableError,
)
from subscriptions.graph.sign_in import SignInNeededError
from subscriptions.models import Subscription
from subscriptions.services.errors import NotReadyError

SHORTEST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=30)
MESSAGE_LENGTH = 2000
Cause = Subscription.ErrorCause
# The first that fits counts.
_CAUSES: tuple[tuple[type[GraphError], Cause], ...] = (
    (SignInNeededError, Cause.ACCOUNT),
    (TokenRefusedError, Cause.CREDENTIAL),
    (UnauthorizedError, Cause.CREDENTIAL),
    (NotReadyError, Cause.CREDENTIAL),
    (QuotaReachedError, Cause.QUOTA),
    (AccessDeniedError, Cause.PERMISSION),
    (ThrottledError, Cause.SERVICE),
    (UnexpectedAnswerError, Cause.SERVICE),
    (UnreachableError, Cause.SERVICE),
)


def granted(remote: RemoteSubscription, *, now: datetime) -> dict[str, Any]:
    """Return the facts of a subscription that Graph has just created, renewed or shown to us.

    The expiry is the one that Graph returned, which may differ from what was asked for.
    """
    return {
        "status": Subscription.Status.ACTIVE,
        "graph_id": remote.id,
        "granted_at": now,
        "seen_at": now,
        "expires_at": remote.expires_at,
        "may_end_at": None,
        "renew_at": lifetimes.renew_at(granted_at=now, expires_at=remote.expires_at),
        **no_error(),
    }


def no_error() -> dict[str, Any]:
    """Return the columns of an error, emptied."""
    return {
        "failures": 0,
        "error_at": None,
        "error_cause": "",
        "error_code": "",
        "error_message": "",
        "error_request_id": "",
    }


def failed(error: GraphError, *, subscription: Subscription, now: datetime) -> dict[str, Any]:
    """Return the facts of a call that failed: the reason, and when to try again.

    A time that Graph asked us to wait is obeyed. Otherwise the wait doubles with each failure, up to half an hour or
    a quarter of what is left of its life, so that it does not end between two tries.
    """
    wait = _wait(subscription, now=now)
    return {
        "failures": subscription.failures + 1,
        "may_end_at": subscription.may_end_at,
        "renew_at": now + max(error.retry_after or timedelta(0), wait),
        **explained(error, now=now),
    }


def broke_off(error: Exception, *, subscription: Subscription, now: datetime) -> dict[str, Any]:
    """Return the facts of work that ended by an error nobody expected: the row is put off, and the others go on.

    It waits as after a failed call, so that a passing trouble of ours does not cost a short life.
    """
    return {
        "failures": subscription.failures + 1,
        "renew_at": now + _wait(subscription, now=now),
        "error_at": now,
        "error_cause": Cause.OURS,
        "error_code": type(error).__name__,
        "error_message": "The renewal broke off; the log of the run says where.",
        "error_request_id": "",
    }


def _wait(subscription: Subscription, *, now: datetime) -> timedelta:
    wait: timedelta = SHORTEST_WAIT * 2 ** min(subscription.failures, 10)
    if subscription.status == Subscription.Status.ACTIVE and subscription.ends_at:
        wait = min(wait, (subscription.ends_at - now) / 4)
    return min(max(wait, SHORTEST_WAIT), LONGEST_WAIT)


def learnt(error: GraphError, *, asked: timedelta, now: datetime) -> dict[str, Any]:
    """Return what Graph's refusal of a life teaches; empty when a shorter life cannot help."""
    named = error.longest if isinstance(error, LifetimeRefusedError) else timedelta(0)
    ceiling = lifetimes.shorter(asked, named=named)
    if ceiling is None:
        return {}
    return {"ceiling_minutes": ceiling // timedelta(minutes=1), "ceiling_learnt_at": now}


def told(error: Exception) -> str:
    """Return an error as it is told to staff: what was answered, and what to do about it."""
    return f"{error} {error.explanation}" if isinstance(error, GraphError) else str(error)


def cause_of(error: GraphError) -> str:
    """Say who can do something about an error."""
    if error.is_transient:
        return Cause.SERVICE
    return next((cause for kind, cause in _CAUSES if isinstance(error, kind)), Cause.REQUEST)


def explained(error: GraphError, *, now: datetime) -> dict[str, Any]:
    """Return the columns of an error."""
    return {
        "error_at": now,
        "error_cause": cause_of(error),
        "error_code": error.code[:200],
        "error_message": told(error)[:MESSAGE_LENGTH],
        "error_request_id": error.request_id[:100],
    }
