"""What Graph's answer means for a row."""

from datetime import datetime, timedelta
from typing import Any

from subscriptions.catalogue import lifetimes
from subscriptions.graph.documents import RemoteSubscription
from subscriptions.graph.errors import GraphError
from subscriptions.models import Subscription

SHORTEST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=30)
MESSAGE_LENGTH = 2000


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
        "renew_at": lifetimes.renew_at(granted_at=now, expires_at=remote.expires_at),
        **no_error(),
    }


def no_error() -> dict[str, Any]:
    """Return the columns of an error, emptied."""
    return {"failures": 0, "error_at": None, "error_code": "", "error_message": "", "error_request_id": ""}


def failed(error: GraphError, *, subscription: Subscription, now: datetime) -> dict[str, Any]:
    """Return the facts of a call that failed: the reason, and when to try again.

    A time that Graph asked us to wait is obeyed. Otherwise the wait doubles with each failure, up to half an hour.
    """
    wait = min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** min(subscription.failures, 10))
    return {
        "failures": subscription.failures + 1,
        "renew_at": now + max(error.retry_after or timedelta(0), wait),
        **explained(error, now=now),
    }


def told(error: Exception) -> str:
    """Return an error as it is told to staff: what was answered, and what to do about it."""
    return f"{error} {error.explanation}" if isinstance(error, GraphError) else str(error)


def explained(error: GraphError, *, now: datetime) -> dict[str, Any]:
    """Return the columns of an error."""
    return {
        "error_at": now,
        "error_code": error.code[:200],
        "error_message": told(error)[:MESSAGE_LENGTH],
        "error_request_id": error.request_id[:100],
    }
