"""Handle: act on genuine lifecycle notifications."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from notifications.models import ChangeNotification
from subscriptions.graph.errors import GraphError
from subscriptions.models import Subscription
from subscriptions.services import gaps
from subscriptions.services.errors import UseCaseError
from subscriptions.services.gaps import recovery
from subscriptions.services.reauthorization import reauthorize
from subscriptions.services.recreation import recreate

logger = logging.getLogger(__name__)

# Longer than a create call with its handshakes; after it, another worker may take the notice over.
ATTEMPT_LASTS = timedelta(minutes=5)
RETRY_AFTER = timedelta(minutes=2)
# The renewal run looks after every subscription on its own: a notice older than this has nothing to add.
GIVE_UP_AFTER = timedelta(hours=12)


@dataclass(kw_only=True)
class Summary:
    """What a run did with lifecycle notices; `errors` holds one text for each that has to be tried again."""

    handled: int = 0
    errors: list[str] = field(default_factory=list)


def handle(*, clock: Callable[[], datetime]) -> Summary:
    """Act on every lifecycle notice that is due; one that fails is tried again later and never stops the rest."""
    summary = Summary()
    unhandled = ChangeNotification.objects.unhandled(clock()).order_by("pk").values_list("pk", flat=True)
    for pk in list(unhandled):
        _handle_one(pk, now=clock(), summary=summary)
    return summary


def _handle_one(pk: int, *, now: datetime, summary: Summary) -> None:
    if not ChangeNotification.objects.unhandled(now).filter(pk=pk).update(handle_after=now + ATTEMPT_LASTS):
        return
    notice = ChangeNotification.objects.select_related("subscription__app_registration").get(pk=pk)
    try:
        done = act(notice, now=now)
    except (GraphError, UseCaseError) as error:
        _failed(notice, str(error), now=now, summary=summary)
    except Exception as error:
        logger.exception("lifecycle notice broke off id=%s", pk)
        _failed(notice, f"Broke off: {type(error).__name__}; see the log.", now=now, summary=summary)
    else:
        ChangeNotification.objects.filter(pk=pk).update(handled_at=now, handling=done)
        summary.handled += 1


def _failed(notice: ChangeNotification, text: str, *, now: datetime, summary: Summary) -> None:
    gave_up = now - notice.received_at > GIVE_UP_AFTER
    ChangeNotification.objects.filter(pk=notice.pk).update(
        handling=f"{text} {'Given up.' if gave_up else 'To be tried again.'}",
        handle_after=now + RETRY_AFTER,
        handled_at=now if gave_up else None,
    )
    summary.errors.append(f"Notification {notice.pk}: {text}")


def act(notice: ChangeNotification, *, now: datetime) -> str:
    """Do what a lifecycle notice asks for and return, in words, what was done.

    Raises:
        GraphError: Graph refused or did not answer.
        UseCaseError: somebody else works on the subscription at this moment.

    Source: change-notifications-lifecycle-events.md (2026-03-24).
    """
    subscription = notice.subscription
    if subscription is None:
        return "Nothing to do: the subscription is no longer kept here."
    actor = f"lifecycle notification {notice.pk}"
    if notice.lifecycle_event == "missed":
        return recovery.flag_missed(subscription, now=now)
    if not _is_current(subscription, notice.subscription_graph_id):
        return "Nothing to do: it speaks of an earlier form of the subscription."
    if notice.lifecycle_event == "reauthorizationRequired":
        return reauthorize(subscription, now=now, actor=actor)
    gaps.begin_lost(subscription, now=now)
    recreate(subscription, now=now, actor=actor)
    return "Created again; what happened in between is marked as missed."


def _is_current(subscription: Subscription, unverified_graph_id: str) -> bool:
    is_wanted = subscription.is_enabled and subscription.status == Subscription.Status.ACTIVE
    return is_wanted and (subscription.graph_id or "").lower() == unverified_graph_id.lower()
