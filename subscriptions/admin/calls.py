"""What an administrator may have done at Graph: each a name, a right, and one call of a use case."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from subscriptions.graph.errors import GraphError
from subscriptions.keys.field_encryption import FieldDecryptionError
from subscriptions.models import Subscription
from subscriptions.services import (
    client_state_rotation,
    creation,
    pausing,
    reauthorization,
    recreation,
    removal,
    renewal,
)
from subscriptions.services.errors import UseCaseError
from subscriptions.services.outcomes import told

logger = logging.getLogger(__name__)

Status = Subscription.Status
# What is expected to go wrong, with a text that may be shown.
EXPECTED_ERRORS = (GraphError, UseCaseError, FieldDecryptionError)
REASONS_SHOWN = 10
NOT_RETIRED = frozenset(Status) - {Status.REMOVED}


@dataclass(frozen=True, kw_only=True)
class Call:
    """One thing to do at Graph. `run` does it and returns, in words, what was done."""

    name: str
    label: str
    past: str
    permission: str
    statuses: frozenset[Status]
    statuses_when_paused: frozenset[Status] = frozenset()
    run: Callable[[Subscription, datetime, str], str]
    consequences: tuple[str, ...] = ()

    @property
    def asks_first(self) -> bool:
        """Say whether a page of its own comes before it."""
        return bool(self.consequences)

    def is_offered_for(self, subscription: Subscription) -> bool:
        """Say whether it makes sense where the subscription stands."""
        statuses = self.statuses_when_paused if subscription.is_paused else self.statuses
        return subscription.status in statuses

    def carry_out(self, subscription: Subscription, *, now: datetime, actor: str) -> str:
        """Do it and return, in words, what was done.

        Raises:
            UseCaseError: it makes no sense where the subscription stands, or somebody else works on it.
            GraphError: Graph refused or did not answer; the row says why.
            FieldDecryptionError: FIELD_ENCRYPTION_KEYS lacks the key with which a secret was saved.

        """
        if not self.is_offered_for(subscription):
            status = "paused" if subscription.is_paused else Status(subscription.status).label.lower()
            raise UseCaseError(f"It cannot be {self.past} while it is {status}.")
        return self.run(subscription, now, actor)


def _renew(subscription: Subscription, now: datetime, actor: str) -> str:
    result = renewal.renew(subscription, now=now, actor=actor)
    subscription.refresh_from_db()
    done = "Renewed" if result == renewal.Result.RENEWED else "Graph no longer had it: created again"
    return f"{done}. {_until(subscription)}"


def _reauthorize(subscription: Subscription, now: datetime, actor: str) -> str:
    return reauthorization.reauthorize(subscription, now=now, actor=actor)


def _submit(subscription: Subscription, now: datetime, actor: str) -> str:
    creation.submit(subscription, now=now, actor=actor)
    return created(subscription)


def _recreate(subscription: Subscription, now: datetime, actor: str) -> str:
    if was_never_at_graph(subscription):
        return _submit(subscription, now, actor)
    recreation.recreate(subscription, now=now, actor=actor)
    subscription.refresh_from_db()
    return f"Created again as {subscription.graph_id}. {_until(subscription)}"


def _rotate(subscription: Subscription, now: datetime, actor: str) -> str:
    client_state_rotation.rotate(subscription, now=now, actor=actor)
    subscription.refresh_from_db()
    return f"Created again as {subscription.graph_id}, with a new clientState. {_until(subscription)}"


def _pause(subscription: Subscription, now: datetime, actor: str) -> str:
    pausing.pause(subscription, now=now, actor=actor)
    return "Paused: Graph no longer has it. The definition stays here."


def _resume(subscription: Subscription, now: datetime, actor: str) -> str:
    pausing.resume(subscription, now=now, actor=actor)
    return f"Resumed as {subscription.graph_id}. {_until(subscription)}"


def _remove(subscription: Subscription, now: datetime, actor: str) -> str:
    removal.remove(subscription, now=now, actor=actor)
    return "Retired: Graph no longer has it. The definition and its history stay here."


RENEW = Call(
    name="renew",
    label="Renew now",
    past="renewed",
    permission="renew",
    statuses=frozenset({Status.ACTIVE}),
    run=_renew,
)
REAUTHORIZE = Call(
    name="reauthorize",
    label="Reauthorize",
    past="reauthorized",
    permission="renew",
    statuses=frozenset({Status.ACTIVE}),
    run=_reauthorize,
)
SUBMIT = Call(
    name="submit",
    label="Try again",
    past="created",
    permission="renew",
    statuses=frozenset({Status.PENDING, Status.FAILED}),
    run=_submit,
)
RECREATE = Call(
    name="recreate",
    label="Recreate",
    past="recreated",
    permission="renew",
    statuses=frozenset(Status),
    run=_recreate,
    consequences=(
        "Where Graph still has the subscription, it is deleted there first.",
        "Graph calls our notification address to check it, then creates the subscription under a new ID.",
        "What changes between the two is not notified. Notifications still under way under the old ID are accepted.",
    ),
)
ROTATE = Call(
    name="rotate",
    label="Rotate clientState",
    past="rotated",
    permission="renew",
    statuses=frozenset(client_state_rotation.ROTATABLE),
    run=_rotate,
    consequences=(
        "Graph cannot change a clientState: the subscription is deleted there and created anew, under a new ID.",
        "What changes between the two is not notified, and the subscription is marked so.",
        "For two days, what still arrives under the old ID with the old clientState is accepted. Then it is wiped.",
    ),
)
PAUSE = Call(
    name="pause",
    label="Pause",
    past="paused",
    permission="pause",
    statuses=frozenset(pausing.PAUSABLE),
    statuses_when_paused=frozenset({Status.ACTIVE}),
    run=_pause,
    consequences=(
        "Graph deletes the subscription. It is neither renewed nor created again until somebody resumes it.",
        "What changes in the meantime is not notified. When it is resumed, it is marked so.",
        "What is still under way under the old ID is accepted for two days.",
    ),
)
RESUME = Call(
    name="resume",
    label="Resume",
    past="resumed",
    permission="pause",
    statuses=frozenset(),
    statuses_when_paused=NOT_RETIRED,
    run=_resume,
)
REMOVE = Call(
    name="remove",
    label="Retire",
    past="retired",
    permission="remove",
    statuses=NOT_RETIRED,
    statuses_when_paused=NOT_RETIRED,
    run=_remove,
    consequences=(
        "Graph deletes the subscription and sends no further notifications for it.",
        "Changes that happen from then on are not recorded.",
        "The definition, its operations and the notifications received so far stay here. It can be recreated later.",
        "The resource and its change types may be watched by another subscription.",
    ),
)
CALLS = (RENEW, REAUTHORIZE, SUBMIT, RECREATE, ROTATE, RESUME, PAUSE, REMOVE)


def offered_for(subscription: Subscription) -> list[Call]:
    """Return what makes sense where the subscription stands; what never was at Graph is tried again, not recreated."""
    unwanted = RECREATE if was_never_at_graph(subscription) else SUBMIT
    return [call for call in CALLS if call is not unwanted and call.is_offered_for(subscription)]


def was_never_at_graph(subscription: Subscription) -> bool:
    """Say whether Graph has not granted the wish yet."""
    return subscription.granted_at is None and subscription.status in SUBMIT.statuses


def created(subscription: Subscription) -> str:
    """Say under which id Graph has it and until when."""
    return f"Graph created the subscription as {subscription.graph_id}. {_until(subscription)}"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of several: how many succeeded, and a reason for each that did not."""

    done: int
    reasons: tuple[str, ...]

    def in_words(self, call: Call) -> str:
        """Return one message: counts first, then the reasons."""
        counts = f"{call.past.capitalize()} {self.done}, failed {len(self.reasons)}."
        shown = self.reasons[:REASONS_SHOWN]
        more = len(self.reasons) - len(shown)
        return " ".join((counts, *shown, *([f"And {more} more."] if more else ())))


def run_for_each(
    call: Call, subscriptions: Iterable[Subscription], *, clock: Callable[[], datetime], actor: str
) -> Outcome:
    """Do it for one row after the other; a failing row never stops the rest."""
    done, reasons = 0, []
    for subscription in subscriptions:
        try:
            call.carry_out(subscription, now=clock(), actor=actor)
        except EXPECTED_ERRORS as error:
            reasons.append(f"{subscription}: {told(error)}")
        except Exception as error:
            logger.exception("%s broke off id=%s", call.name, subscription.pk)
            reasons.append(
                f"{subscription}: broke off ({type(error).__name__}); the server's log says where."
            )
        else:
            done += 1
    return Outcome(done=done, reasons=tuple(reasons))


def _until(subscription: Subscription) -> str:
    return f"It lasts until {subscription.expires_at:%Y-%m-%d %H:%M:%S} UTC."
