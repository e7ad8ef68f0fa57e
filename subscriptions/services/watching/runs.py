"""Runs: when the commands that must come by themselves have run, and how they ended."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from subscriptions.models import Run

RENEWAL = "renew_subscriptions"
KEPT_FOR = timedelta(days=30)
ENDED = (Run.Outcome.SUCCEEDED, Run.Outcome.FAILED)


class Record:
    """What is to be written when the run ends; without a word about it, it broke off."""

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {"outcome": Run.Outcome.BROKEN}

    def conclude(self, *, succeeded: bool, summary: Mapping[str, Any]) -> None:
        """Say how the run ended; `summary` goes into a JSON column and holds nothing secret."""
        outcome = Run.Outcome.SUCCEEDED if succeeded else Run.Outcome.FAILED
        self.facts = {"outcome": outcome, "summary": dict(summary)}


@contextmanager
def recorded(command: str, *, clock: Callable[[], datetime]) -> Iterator[Record]:
    """Write that `command` runs, and how it ended; runs of more than 30 days ago are forgotten."""
    started_at = clock()
    Run.objects.filter(started_at__lt=started_at - KEPT_FOR).delete()
    run = Run.objects.create(command=command, started_at=started_at)
    record = Record()
    try:
        yield record
    finally:
        Run.objects.filter(pk=run.pk).update(finished_at=clock(), **record.facts)


def last_finished(command: str) -> Run | None:
    """Return the newest run that came to its end, whether or not all in it succeeded."""
    ended = Run.objects.filter(command=command, outcome__in=ENDED, finished_at__isnull=False)
    return ended.order_by("-finished_at").first()
