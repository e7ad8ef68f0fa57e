"""When what goes wrong in the simulated month: spells of bad weather, drawn from a seed before the month begins."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

LONGEST_OUTAGE = timedelta(hours=6)
LONGEST_NEGLECT = timedelta(hours=30)
# At both ends of the month nothing goes wrong: there all that can live must live.
CALM_AT_FIRST = timedelta(hours=3)
CALM_AT_LAST = timedelta(hours=12)


class Trouble(StrEnum):
    """What is wrong for a while."""

    GRAPH_DOWN = "Graph down"
    SIGN_IN_DOWN = "sign-in down"
    CRON_DOWN = "cron does not run"
    MACHINE_DOWN = "our machine down"
    ENDPOINT_DOWN = "our endpoint down"
    CONSENT_WITHDRAWN = "consent withdrawn"
    SECRET_EXPIRED = "client secret expired"
    SIGN_IN_REVOKED = "account must sign in again"
    SHORTER_GRANTS = "Graph grants less than asked"
    SHORTER_LIVES = "Graph refuses published lives"


# How often in thirty days, for how long at most, and whether it befalls one app or account only.
_HABITS = {
    Trouble.GRAPH_DOWN: (5, LONGEST_OUTAGE, False),
    Trouble.SIGN_IN_DOWN: (4, LONGEST_OUTAGE, False),
    Trouble.CRON_DOWN: (4, LONGEST_OUTAGE, False),
    Trouble.MACHINE_DOWN: (3, LONGEST_OUTAGE, False),
    Trouble.ENDPOINT_DOWN: (5, LONGEST_OUTAGE, False),
    Trouble.CONSENT_WITHDRAWN: (4, LONGEST_NEGLECT, True),
    Trouble.SECRET_EXPIRED: (4, LONGEST_NEGLECT, True),
    Trouble.SIGN_IN_REVOKED: (3, LONGEST_NEGLECT, True),
    Trouble.SHORTER_GRANTS: (4, LONGEST_OUTAGE, False),
    Trouble.SHORTER_LIVES: (4, LONGEST_OUTAGE, False),
}


@dataclass(frozen=True, kw_only=True)
class Spell:
    """One trouble from a time to a time; `place` says whom it befalls where it does not befall all."""

    trouble: Trouble
    began_at: datetime
    ends_at: datetime
    place: int

    def touches(self, began_at: datetime, ended_at: datetime) -> bool:
        """Say whether it holds at some moment between two."""
        return self.began_at <= ended_at and began_at <= self.ends_at


def forecast(*, began_at: datetime, days: float, chance: Random) -> list[Spell]:
    """Return the spells of a month that begins at `began_at`, in order."""
    spells: list[Spell] = []
    for spell in _draws(began_at=began_at, days=days, chance=chance):
        # Of one sort, and of what befalls one app, one at a time: the end of one must not heal another.
        if not any(
            _is_of_one_sort(spell, other) and spell.touches(other.began_at, other.ends_at) for other in spells
        ):
            spells.append(spell)
    return sorted(spells, key=lambda spell: spell.began_at)


def _draws(*, began_at: datetime, days: float, chance: Random) -> Iterator[Spell]:
    last = began_at + timedelta(days=days) - CALM_AT_LAST
    first = began_at + CALM_AT_FIRST
    for trouble, (often, longest, _) in _HABITS.items():
        for _ in range(max(round(often * days / 30), 1)):
            start = first + (last - first) * chance.random()
            # Most are short, as they are in life.
            length = timedelta(minutes=10) + longest * chance.random() ** 2
            yield Spell(
                trouble=trouble,
                began_at=start,
                ends_at=min(start + length, last),
                place=chance.randrange(1_000),
            )


def _is_of_one_sort(spell: Spell, other: Spell) -> bool:
    if spell.trouble == other.trouble:
        return True
    return _HABITS[spell.trouble][2] and _HABITS[other.trouble][2]


def at(spells: Iterable[Spell], moment: datetime) -> list[Spell]:
    """Return the spells that hold at a moment."""
    return [spell for spell in spells if spell.began_at <= moment < spell.ends_at]
