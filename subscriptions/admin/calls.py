"""What an administrator may have done at Graph: each a name, a right, and one call of a use case."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model
from django.http import HttpRequest

from subscriptions.graph.errors import GraphError
from subscriptions.keys.field_encryption import FieldDecryptionError
from subscriptions.models import Subscription
from subscriptions.services import (
    client_state_rotation,
    creation,
    gaps,
    pausing,
    reauthorization,
    recreation,
    removal,
    renewal,
)
from subscriptions.services.errors import UseCaseError
from subscriptions.services.gaps import recovery
from subscriptions.services.outcomes import told

logger = logging.getLogger(__name__)

Status = Subscription.Status
# What is expected to go wrong, with a text that may be shown.
EXPECTED_ERRORS = (GraphError, UseCaseError, FieldDecryptionError)
REASONS_SHOWN = 10
# How long a page may keep a browser waiting, where several are to be done.
PATIENCE = timedelta(seconds=20)
NOT_RETIRED = frozenset(Status) - {Status.REMOVED}


M = TypeVar("M", bound=Model)
M_contra = TypeVar("M_contra", bound=Model, contravariant=True)


class Doable(Protocol[M_contra]):
    """Something that can be done to one row after the other."""

    @property
    def name(self) -> str:
        """Its name on the log."""

    @property
    def label(self) -> str:
        """Its name on a button."""

    @property
    def past(self) -> str:
        """Its name when it is done."""

    @property
    def asks_first(self) -> bool:
        """Say whether a page of its own comes before it."""

    def carry_out(self, row: M_contra, /, *, now: datetime, actor: str) -> str:
        """Do it to one row and return, in words, what was done."""


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
    suits: Callable[[Subscription], bool] = lambda _: True

    @property
    def asks_first(self) -> bool:
        """Say whether a page of its own comes before it."""
        return bool(self.consequences)

    @property
    def is_dangerous(self) -> bool:
        """Say whether it ends something at Graph: whatever asks first does."""
        return self.asks_first

    def is_offered_for(self, subscription: Subscription) -> bool:
        """Say whether it makes sense where the subscription stands."""
        statuses = self.statuses_when_paused if subscription.is_paused else self.statuses
        return subscription.status in statuses and self.suits(subscription)

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


def _catch_up(subscription: Subscription, now: datetime, actor: str) -> str:
    del actor
    recovery.request(subscription, now=now)
    return "To be looked up: the worker, or the next recover_changes, stores what was not notified."


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
CATCH_UP = Call(
    name="catch_up",
    label="Catch up",
    past="caught up",
    permission="recover",
    statuses=frozenset({Status.ACTIVE, Status.GONE}),
    suits=gaps.is_recoverable,
    run=_catch_up,
)
CALLS = (RENEW, REAUTHORIZE, SUBMIT, CATCH_UP, RECREATE, ROTATE, RESUME, PAUSE, REMOVE)


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


def chosen_again(request: HttpRequest, action: str, rows: Sequence[Model]) -> list[tuple[str, str]]:
    """Return what a form has to repeat so that the same rows are chosen when somebody has confirmed.

    All of a long list are chosen by one word, since Django takes so many fields of a form and no more.
    """
    is_across = request.POST.get("select_across") == "1"
    repeated = [("action", action), ("select_across", "1" if is_across else "0")]
    return [*repeated, *((ACTION_CHECKBOX_NAME, str(row.pk)) for row in (rows[:1] if is_across else rows))]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of several: how many succeeded, a reason for each that did not, and how many were not reached."""

    done: int
    reasons: tuple[str, ...]
    not_reached: int = 0

    @property
    def is_complete(self) -> bool:
        """Say whether all was done."""
        return not self.reasons and not self.not_reached

    def in_words(self, call: Doable[Any]) -> str:
        """Return one message: counts first, then the reasons."""
        counts = f"{call.past.capitalize()} {self.done}, failed {len(self.reasons)}."
        if self.not_reached:
            counts += f" {self.not_reached:,} were not reached in the time of a page: do it again for those."
        shown = self.reasons[:REASONS_SHOWN]
        more = len(self.reasons) - len(shown)
        return " ".join((counts, *shown, *([f"And {more} more."] if more else ())))


def run_for_each(
    call: Doable[M],
    rows: Sequence[M],
    *,
    clock: Callable[[], datetime],
    actor: str,
    until: datetime | None = None,
) -> Outcome:
    """Do it for one row after the other, up to a time; a failing row never stops the rest."""
    done = 0
    reasons: list[str] = []
    for index, row in enumerate(rows):
        now = clock()
        if until is not None and now >= until:
            return Outcome(done=done, reasons=tuple(reasons), not_reached=len(rows) - index)
        try:
            call.carry_out(row, now=now, actor=actor)
        except EXPECTED_ERRORS as error:
            reasons.append(f"{row}: {told(error)}")
        except Exception as error:
            logger.exception("%s broke off id=%s", call.name, row.pk)
            reasons.append(f"{row}: broke off ({type(error).__name__}); the server's log says where.")
        else:
            done += 1
    return Outcome(done=done, reasons=tuple(reasons))


def _until(subscription: Subscription) -> str:
    return f"It lasts until {subscription.expires_at:%Y-%m-%d %H:%M:%S} UTC."
