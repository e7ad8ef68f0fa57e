"""What an administrator may do about a subscription that was seen at Graph: each a name, a right, one use case."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from subscriptions.models import Sighting
from subscriptions.services.errors import UseCaseError
from subscriptions.services.reconciliation import adoption, mending, strays

State = Sighting.State


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One thing to do. `run` does it and returns, in words, what was done."""

    name: str
    label: str
    past: str
    permission: str
    states: frozenset[State]
    run: Callable[[Sighting, datetime, str], str]
    consequences: tuple[str, ...] = ()
    is_dangerous: bool = False

    @property
    def asks_first(self) -> bool:
        """Say whether a page of its own comes before it."""
        return bool(self.consequences)

    def carry_out(self, sighting: Sighting, *, now: datetime, actor: str) -> str:
        """Do it and return, in words, what was done.

        Raises:
            UseCaseError: it makes no sense for what was seen, or somebody else acts on it.
            GraphError: Graph refused or did not answer.

        """
        if sighting.state not in self.states:
            state = State(sighting.state).label.lower()
            raise UseCaseError(f"It cannot be {self.past} while it is {state}.")
        return self.run(sighting, now, actor)


def _mend(sighting: Sighting, now: datetime, actor: str) -> str:
    return str(mending.mend(sighting, now=now, actor=actor))


def _adopt(sighting: Sighting, now: datetime, actor: str) -> str:
    adopted = adoption.adopt(sighting, now=now, actor=actor)
    return f"Adopted as subscription {adopted.subscription.pk}. {adopted.follows}".strip()


def _remove(sighting: Sighting, now: datetime, actor: str) -> str:
    strays.remove(sighting, now=now, actor=actor)
    return f"Removed at Graph: {sighting.graph_id}."


MEND = Measure(
    name="mend",
    label="Mend",
    past="mended",
    permission="subscriptions.renew_subscription",
    states=frozenset({State.DRIFTED, State.GONE, State.UNCLEAR}),
    run=_mend,
)
ADOPT = Measure(
    name="adopt",
    label="Adopt",
    past="adopted",
    permission="subscriptions.add_subscription",
    states=frozenset({State.UNKNOWN}),
    run=_adopt,
    consequences=(
        "A subscription is made here from what Graph has. It is renewed from then on.",
        "One that a broken-off call of ours has made goes to the subscription that asked for it.",
        "One that was retired here comes back.",
        "One that sends elsewhere is moved to our address by the next comparison: its present receiver gets none then.",
        "Where Graph does not show its clientState, it is created anew at the next comparison, under a new ID.",
    ),
)
REMOVE = Measure(
    name="remove",
    label="Remove at Graph",
    past="removed",
    permission="subscriptions.remove_subscription",
    states=frozenset({State.UNKNOWN}),
    run=_remove,
    is_dangerous=True,
    consequences=(
        "Graph deletes the subscription. Whoever gets its notifications today gets none from then on.",
        "Nothing of it is kept here, so it cannot be brought back from here.",
        "What belongs to a subscription here by now is left alone.",
    ),
)
MEASURES = (MEND, ADOPT, REMOVE)
