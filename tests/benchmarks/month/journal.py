"""What was done to the world at each run of cron, so that it can be judged afterwards what could have been done."""

from dataclasses import dataclass, field
from datetime import datetime

from tests.benchmarks.month.weather import Spell
from tests.benchmarks.month.world import Owner


@dataclass(frozen=True, kw_only=True)
class Tick:
    """One turn of cron. `began_at` and `ended_at` are the times of its run.

    `is_whole`: a run of the product began and ended in it, undisturbed by kills and single bad answers.
    `everybody_suffers`: Graph or the sign-in was away, or had told callers to wait; `suffering` are others who could
    not be served. `is_reachable`: Graph found our endpoint, so that it could create. `has_compared`: a comparison
    with Graph was made. `watched_at` is when somebody looked for what to alert.
    """

    began_at: datetime
    ended_at: datetime
    is_whole: bool
    everybody_suffers: bool
    suffering: frozenset[Owner]
    is_reachable: bool
    has_compared: bool
    watched_at: datetime | None

    def can_renew(self, owner: Owner) -> bool:
        """Say whether the run could renew for an owner."""
        return self.is_whole and not self.everybody_suffers and owner not in self.suffering

    def can_create(self, owner: Owner) -> bool:
        """Say whether the run could create for an owner."""
        return self.can_renew(owner) and self.is_reachable


@dataclass(kw_only=True)
class Journal:
    """All of a month: its weather, its ticks, what the world itself removed at Graph, and figures."""

    began_at: datetime
    spells: list[Spell] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)
    # Graph's ids of what was removed there, and whether we were told.
    removed: dict[str, bool] = field(default_factory=dict)
    figures: dict[str, int] = field(default_factory=dict)

    def count(self, what: str, number: int = 1) -> None:
        """Add to a figure."""
        self.figures[what] = self.figures.get(what, 0) + number
