"""When what goes wrong in the simulated week, drawn from a seed before it begins."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

# At both ends all is well: first everything is created and a place found in the delta queries, last all is recovered.
CALM_AT_FIRST = timedelta(hours=2)
CALM_AT_LAST = timedelta(hours=14)


class Trouble(StrEnum):
    """What is wrong for a while."""

    WEB_DOWN = "our webhook down"
    MACHINE_DOWN = "our machine down"
    FRONT_DOWN = "what stands in front of our webhook down"
    CRON_DOWN = "cron does not run"
    SLOW = "our webhook slow"
    THROTTLED = "Graph throttles delta queries"


# How often in a week, and for how long at most.
_HABITS = {
    Trouble.WEB_DOWN: (5, timedelta(hours=8)),
    Trouble.MACHINE_DOWN: (3, timedelta(hours=8)),
    Trouble.FRONT_DOWN: (3, timedelta(hours=8)),
    Trouble.CRON_DOWN: (4, timedelta(hours=5)),
    Trouble.SLOW: (3, timedelta(hours=2)),
    Trouble.THROTTLED: (4, timedelta(hours=6)),
}


@dataclass(frozen=True, kw_only=True)
class Spell:
    """One trouble from a time to a time."""

    trouble: Trouble
    began_at: datetime
    ends_at: datetime


def forecast(*, began_at: datetime, days: float, chance: Random) -> list[Spell]:
    """Return the spells of a week that begins at `began_at`; those of one sort do not overlap."""
    spells: list[Spell] = []
    for spell in _draws(began_at=began_at, days=days, chance=chance):
        alike = (other for other in spells if other.trouble == spell.trouble)
        if not any(spell.began_at <= other.ends_at and other.began_at <= spell.ends_at for other in alike):
            spells.append(spell)
    return sorted(spells, key=lambda spell: spell.began_at)


def _draws(*, began_at: datetime, days: float, chance: Random) -> Iterator[Spell]:
    first = began_at + CALM_AT_FIRST
    last = began_at + timedelta(days=days) - CALM_AT_LAST
    for trouble, (often, longest) in _HABITS.items():
        for _ in range(max(round(often * days / 7), 1)):
            start = first + (last - first) * chance.random()
            length = timedelta(minutes=20) + longest * chance.random() ** 1.5
            yield Spell(trouble=trouble, began_at=start, ends_at=min(start + length, last))


def at(spells: Iterable[Spell], moment: datetime) -> set[Trouble]:
    """Return what is wrong at a moment."""
    return {spell.trouble for spell in spells if spell.began_at <= moment < spell.ends_at}
