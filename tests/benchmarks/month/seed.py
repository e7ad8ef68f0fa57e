"""One seed: an installation of its own, a month of weather, and what it showed."""

import gc
import logging
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

from tests.benchmarks.month import clock
from tests.benchmarks.product import installed

APPS, ACCOUNTS = 4, 1
MOST_NAMED = 10
# Nothing of a month has to outlive the machine, and a disk takes longer than all the rest.
MEMORY = Path("/dev/shm")  # noqa: S108 -- each run makes a directory of its own there
# A month has 4,000 runs. They find what has vanished a little later than in life, which makes it harder to keep all.
LISTS_EVERY = timedelta(minutes=28)
# Small pages show that they are followed, which the tests do; here they would only cost time.
PAGE_SIZE = 100
# A month makes and drops millions of objects; looking for circles among them as often as usual takes a sixth of it.
OBJECTS_BETWEEN_COLLECTIONS = 100_000

Progress = Callable[[int, int], None]


@dataclass(kw_only=True)
class Result:
    """What one seed showed, in plain values; `broken` says which promises were not kept, and where."""

    seed: int
    figures: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


class BreakOffs(logging.Handler):
    """Collects what the product logs with a traceback: nothing of that may happen."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it if something broke off."""
        if record.exc_info:
            self.texts.append(self.format(record))


def run(seed: int, *, subscriptions: int, days: float, database_url: str, progress: Progress) -> Result:
    """Play a month and judge it; this process lives in that month afterwards."""
    started = time.monotonic()
    clock.start(clock.now())
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK):
        tempfile.tempdir = str(MEMORY)
    os.environ["MEASURE_ENDPOINT"] = "off"
    with installed(database_url=database_url, ADMINS="ops@example.com", EMAIL_URL="memorymail://") as product:
        # The product can be imported from here on only.
        from django.core.management import call_command

        from subscriptions.models import AppRegistration
        from subscriptions.services.watching import roll_call
        from tests.benchmarks.month import findings, weather, wishes
        from tests.benchmarks.month.journal import Journal
        from tests.benchmarks.month.play import Month
        from tests.benchmarks.month.webhook import serving
        from tests.benchmarks.month.world import World

        if AppRegistration.objects.exists():
            raise SystemExit("The database is not empty. Name one of which nothing is needed.")
        roll_call.EVERY = LISTS_EVERY
        product.sandbox.page_size = PAGE_SIZE
        chance = Random(seed)  # noqa: S311 -- a world, not a secret
        with serving(product.port) as webhook:
            # The web application sets up the log when it is loaded.
            break_offs = BreakOffs()
            logging.disable(logging.WARNING)
            logging.getLogger().handlers = [break_offs]
            world = World(sandbox=product.sandbox, webhook=webhook, chance=chance)
            world.found(apps=APPS, accounts_of=ACCOUNTS)
            if failed := world.wish(list(wishes.choose(subscriptions, chance=chance))).failed:
                raise SystemExit(f"Not all wishes were created, the first failed so: {failed[0].error}")
            journal = Journal(began_at=clock.now())
            journal.spells = weather.forecast(began_at=journal.began_at, days=days, chance=chance)
            Month(world=world, journal=journal, days=days, chance=chance).play(progress=progress)
            figures, broken = findings.of(journal, sandbox=product.sandbox, at=clock.now())
        figures["calls to Graph"] = len(product.sandbox.requests)
        if database_url:
            call_command("flush", verbosity=0, interactive=False)
        figures["seconds"] = round(time.monotonic() - started)
    return Result(seed=seed, figures=figures, broken=[*broken, *break_offs.texts[:MOST_NAMED]])
