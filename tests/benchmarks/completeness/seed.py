"""One seed: an installation of its own, a week of changes and weather, and what it showed."""

import logging
import time
from collections.abc import Callable
from random import Random

from tests.benchmarks.month import clock
from tests.benchmarks.month.seed import BreakOffs, Result
from tests.benchmarks.product import installed

ACTOR = "completeness"
CERTIFICATE = "completeness"
MOST_NAMED = 10


def run(seed: int, *, changes: int, days: float, progress: Callable[[int, int], None]) -> Result:
    """Play a week and judge it; this process lives in that week afterwards."""
    started = time.monotonic()
    clock.start(clock.now())
    with installed(PUBLIC_ADDRESS_CHECK="on") as product:
        # The product can be imported from here on only.
        from tests.benchmarks.completeness import findings, weather
        from tests.benchmarks.completeness.play import RETRY_DELAYS, Week
        from tests.benchmarks.completeness.wishes import found
        from tests.benchmarks.month.webhook import serving

        chance = Random(seed)  # noqa: S311 -- a world, not a secret
        sandbox = product.sandbox
        sandbox.retry_delays = RETRY_DELAYS
        sandbox.delta_page_size = 50
        with serving(product.port) as webhook:
            break_offs = BreakOffs()
            logging.disable(logging.WARNING)
            logging.getLogger().handlers = [break_offs]
            found(sandbox)
            week = Week(
                sandbox=sandbox,
                webhook=webhook,
                spells=weather.forecast(began_at=clock.now(), days=days, chance=chance),
                days=days,
                changes=changes,
                chance=chance,
            )
            week.play(progress=progress)
            figures, broken = findings.of(week, until=clock.now())
        figures["seconds"] = round(time.monotonic() - started)
    return Result(seed=seed, figures=figures, broken=[*broken, *break_offs.texts[:MOST_NAMED]])
