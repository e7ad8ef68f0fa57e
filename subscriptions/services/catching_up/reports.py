"""What one run found, and where it puts it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from subscriptions.catalogue.deltas import FoundChange
from subscriptions.models import Subscription


@dataclass(frozen=True, kw_only=True)
class Period:
    """What found changes belong to.

    They happened after `since`. Where nothing tells versions apart, only what was delivered from `known_from` on is
    known to be the same change. `key` differs from period to period.
    """

    since: datetime
    known_from: datetime
    key: str


class Store(Protocol):
    """Writes what was found, inside the caller's transaction; returns counts of `changes` and `duplicates`."""

    def __call__(
        self, subscription: Subscription, changes: Sequence[FoundChange], /, *, period: Period, now: datetime
    ) -> Counter[str]:
        """Write the changes of one page."""


@dataclass(kw_only=True)
class Report:
    """What one run did. `resets` says what may be missing because Graph had forgotten our place."""

    pages: int = 0
    changes: int = 0
    duplicates: int = 0
    resets: list[str] = field(default_factory=list)

    def add(self, counts: Counter[str]) -> None:
        """Add what a page brought."""
        self.changes += counts["changes"]
        self.duplicates += counts["duplicates"]

    def in_words(self) -> str:
        """Return one line."""
        found = f"{self.changes} changes stored, {self.duplicates} known already, {self.pages} pages read."
        return " ".join((found, *self.resets))
