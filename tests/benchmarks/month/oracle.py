"""Judges a month by what the stand-in remembers of each subscription, not by anything the product says of itself."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from subscriptions.catalogue import lifetimes
from subscriptions.sandbox import Event, StoredSubscription
from tests.benchmarks.month.journal import Journal, Tick
from tests.benchmarks.month.world import Owner

# Whatever the product plans, it has to use the runs of the last part of a life.
LAST_PART = timedelta(minutes=40)
# Chances to create it again that may pass before a wish counts as forgotten: the product waits up to half an hour
# between two tries, and cron comes every ten minutes.
CHANCES_TO_RETURN = 6

Wish = tuple[object, ...]


@dataclass(kw_only=True)
class Life:
    """One subscription at Graph, from its creation to its end."""

    subscription: StoredSubscription
    began_at: datetime
    granted_at: datetime
    expires_at: datetime
    removed_at: datetime | None = None

    @property
    def ended_at(self) -> datetime:
        """Return when it ended, or will end."""
        return self.removed_at or self.expires_at

    @property
    def owner(self) -> Owner:
        """Return who owns it at Graph."""
        return self.subscription.application_id, self.subscription.user_id

    @property
    def due_at(self) -> datetime:
        """Return from when on a run had to renew it."""
        planned = lifetimes.renew_at(granted_at=self.granted_at, expires_at=self.expires_at)
        return max(min(planned, self.expires_at - LAST_PART), self.granted_at)


@dataclass(frozen=True, kw_only=True)
class Lapse:
    """A life that ran out. `chances` are the runs in which it could have been renewed."""

    life: Life
    chances: tuple[Tick, ...]


@dataclass(kw_only=True)
class Verdict:
    """What became of all wishes."""

    wishes: int = 0
    created: int = 0
    renewed: int = 0
    lapses: list[Lapse] = field(default_factory=list)
    doubles: list[tuple[Life, Life]] = field(default_factory=list)
    forgotten: list[tuple[Life, int]] = field(default_factory=list)
    dead_at_last: list[Life] = field(default_factory=list)

    @property
    def avoidable(self) -> list[Lapse]:
        """Return the lapses that a working run could have prevented."""
        return [lapse for lapse in self.lapses if lapse.chances]

    @property
    def forced(self) -> list[Lapse]:
        """Return the lapses that had to happen."""
        return [lapse for lapse in self.lapses if not lapse.chances]


def judge(history: Iterable[Event], journal: Journal, *, at: datetime) -> Verdict:
    """Judge the month that ended at `at`."""
    verdict = Verdict()
    by_wish = _lives(history, verdict)
    verdict.wishes = len(by_wish)
    for lives in by_wish.values():
        _judge_wish(lives, journal, at=at, verdict=verdict)
    return verdict


def _lives(history: Iterable[Event], verdict: Verdict) -> dict[Wish, list[Life]]:
    lives: dict[str, Life] = {}
    by_wish: dict[Wish, list[Life]] = defaultdict(list)
    for event in history:
        one = event.subscription
        if event.what == "created":
            verdict.created += 1
            life = Life(subscription=one, began_at=event.at, granted_at=event.at, expires_at=one.expires_at)
            lives[one.id] = life
            by_wish[one.combination].append(life)
        elif event.what == "removed":
            lives[one.id].removed_at = event.at
        elif one.expires_at != lives[one.id].expires_at:
            verdict.renewed += 1
            lives[one.id].granted_at, lives[one.id].expires_at = event.at, one.expires_at
    return by_wish


def _judge_wish(lives: Sequence[Life], journal: Journal, *, at: datetime, verdict: Verdict) -> None:
    for life, following in zip(lives, [*lives[1:], None], strict=True):
        if following and following.began_at < life.ended_at:
            verdict.doubles.append((life, following))
        if life.ended_at > at:
            continue
        if life.removed_at is None:
            verdict.lapses.append(_lapse(life, journal))
        waited = _chances_to_return(life, journal, until=following.began_at if following else at)
        if waited > CHANCES_TO_RETURN:
            verdict.forgotten.append((life, waited))
    if lives[-1].ended_at <= at:
        verdict.dead_at_last.append(lives[-1])


def _lapse(life: Life, journal: Journal) -> Lapse:
    chances = (
        tick
        for tick in journal.ticks
        if life.due_at <= tick.began_at and tick.ended_at < life.expires_at and tick.can_renew(life.owner)
    )
    return Lapse(life=life, chances=tuple(chances))


def _chances_to_return(life: Life, journal: Journal, *, until: datetime) -> int:
    """Count the runs that could have created it again, from when the product could know of its end."""
    known_at = _known_at(life, journal)
    return sum(known_at < tick.began_at < until and tick.can_create(life.owner) for tick in journal.ticks)


def _known_at(life: Life, journal: Journal) -> datetime:
    if life.removed_at is None:
        return life.expires_at
    if journal.removed.get(life.subscription.id, True):
        return life.removed_at
    compared = (
        tick.ended_at
        for tick in journal.ticks
        if tick.has_compared and tick.began_at > life.ended_at and tick.can_renew(life.owner)
    )
    noticed_at = max(life.due_at, life.removed_at)
    return min(next(compared, noticed_at), noticed_at)
