"""Rotate: a subscription gets a new clientState, and for a while what carries the old one is still accepted.

Graph cannot change the clientState of a subscription, and allows one for a resource and change type. So it is deleted
and created anew; Graph's former id, with the former clientState, is accepted until late notifications have arrived.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from subscriptions.graph.errors import GraphError
from subscriptions.models import FormerIdentity, Subscription
from subscriptions.services import creation, recreation
from subscriptions.services.errors import UseCaseError
from subscriptions.services.outcomes import told

logger = logging.getLogger(__name__)

# Where there is a clientState at Graph, or will be again at the next renewal run.
ROTATABLE = (Subscription.Status.ACTIVE, Subscription.Status.GONE)


@dataclass(kw_only=True)
class Summary:
    """What a run did; `errors` holds one text for each that failed."""

    due: int = 0
    rotated: int = 0
    failed: int = 0
    errors: list[str] = field(default_factory=list)


def rotate(subscription: Subscription, *, now: datetime, actor: str) -> Subscription:
    """Give a subscription a new clientState.

    What changes between the deletion and the creation at Graph is not told to us: the row is marked so.

    Raises:
        UseCaseError: it makes no sense where the subscription stands, or another worker has it.
        GraphError: Graph refused or did not answer. Before the deletion all stays as it was; after it, the next renewal
            run creates the subscription with the new clientState.

    """
    if subscription.status not in ROTATABLE:
        status = Subscription.Status(subscription.status).label.lower()
        raise UseCaseError(f"The clientState cannot be rotated while the subscription is {status}.")
    if subscription.error_code == creation.OUTCOME_UNKNOWN:
        # Only the present clientState tells whether what is at Graph is ours.
        raise UseCaseError(
            "Graph has not answered the last create call: wait until the renewal run has found out what came of it."
        )
    recreation.recreate(subscription, now=now, actor=actor, with_new_client_state=True)
    logger.info("clientState rotated subscription=%s actor=%s", subscription.pk, actor)
    return subscription


def rotate_all(
    subscriptions: Iterable[Subscription], *, clock: Callable[[], datetime], actor: str
) -> Summary:
    """Rotate one after the other; a failing one never stops the rest."""
    summary = Summary()
    for subscription in subscriptions:
        summary.due += 1
        try:
            rotate(subscription, now=clock(), actor=actor)
        except (GraphError, UseCaseError) as error:
            summary.errors.append(f"Subscription {subscription}: {told(error)}")
        except Exception as error:
            logger.exception("rotation broke off id=%s", subscription.pk)
            summary.errors.append(
                f"Subscription {subscription}: broke off ({type(error).__name__}), see the log."
            )
        else:
            summary.rotated += 1
    summary.failed = len(summary.errors)
    return summary


def wipe_former_client_states(*, now: datetime) -> int:
    """Forget the clientStates whose overlap is over and return how many; the ids stay known as ours."""
    return FormerIdentity.objects.wipeable(now).update(client_state="")
