"""Plays one month: every ten minutes cron runs, and every now and then something goes wrong."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random

from subscriptions.services import alerts
from tests.benchmarks.month import clock, runs, weather
from tests.benchmarks.month.journal import Journal, Tick
from tests.benchmarks.month.trouble import Gust
from tests.benchmarks.month.weather import Trouble
from tests.benchmarks.month.world import World

CRON_EVERY = timedelta(minutes=10)
# In turns of cron.
COMPARE_EVERY, RECOVER_EVERY = 36, 6
# How often something happens at a turn of cron, in good and in bad weather.
GUSTY, CROWDED, DEADLY, EVENTFUL, PERMISSIVE = 0.12, 0.03, 0.01, 0.10, 0.7
IDLE_LOOK, FORGETFUL = 0.2, 0.1
# At which of its SQL statements a process is killed, on average.
USUAL_STATEMENT = 25
EVENTS = ("vanishes", "vanishes", "subscriptionRemoved", "reauthorizationRequired", "missed")


@dataclass(kw_only=True)
class Month:
    """A month being played."""

    world: World
    journal: Journal
    days: float
    chance: Random

    def play(self, *, progress: Callable[[int, int], None]) -> None:
        """Play it to its end."""
        ticks = int(timedelta(days=self.days) / CRON_EVERY)
        began_at = self.journal.began_at
        calm_from = began_at + timedelta(days=self.days) - weather.CALM_AT_LAST
        for number in range(1, ticks + 1):
            at = began_at + number * CRON_EVERY
            clock.move_to(at)
            self.world.change_weather(weather.at(self.journal.spells, at))
            self.journal.ticks.append(self._tick(number, is_calm=at >= calm_from))
            progress(number, ticks)

    def _tick(self, number: int, *, is_calm: bool) -> Tick:
        """Let one turn of cron pass, and write down what could be done in it."""
        world = self.world
        if self._is(EVENTFUL, is_calm):
            self._let_happen(self.chance.choice(EVENTS))
        world.sandbox.refuse_duplicates = self.chance.random() > PERMISSIVE
        began_at, waits_until = clock.now(), self._waits_until
        gusts = [self._gust() for _ in range(self.chance.randint(1, 3))] if self._is(GUSTY, is_calm) else []
        is_machine_up = not world.suffers(Trouble.MACHINE_DOWN)
        has_run = is_machine_up and self._run(is_calm=is_calm)
        # A run watches at its end.
        watched_at = clock.now() if has_run else None
        has_compared = is_machine_up and number % COMPARE_EVERY == 0
        if has_compared:
            self._count(runs.sync(), "comparisons")
        if is_machine_up and number % RECOVER_EVERY == 0:
            self._count(runs.recover(), "recoveries")
        if is_machine_up:
            self._work()
        if is_machine_up and not has_run:
            alerts.watch(now=clock.now())
            watched_at = clock.now()
        is_away = world.suffers(Trouble.GRAPH_DOWN, Trouble.SIGN_IN_DOWN)
        return Tick(
            began_at=began_at,
            ended_at=clock.now(),
            is_whole=has_run and not self._has_hit(gusts),
            everybody_suffers=is_away or began_at < waits_until,
            suffering=frozenset(world.suffering()),
            is_reachable=world.webhook.is_up,
            has_compared=has_compared,
            watched_at=watched_at,
        )

    _waits_until: datetime = field(default_factory=clock.now)
    _has_posted: bool = False
    _was_fair: bool = False

    def _run(self, *, is_calm: bool) -> bool:
        """Run what cron runs, unless cron is down; say whether it ran undisturbed."""
        if self.world.suffers(Trouble.CRON_DOWN):
            return False
        is_killed = self._is(DEADLY, is_calm) and self._kill()
        if self._is(CROWDED, is_calm):
            self.journal.count("crowded runs")
            click = partial(runs.administrator, self.chance, clicks=5)
            runs.at_once([self._cron, self._cron, runs.worker, click])
        else:
            self._cron()
        return not is_killed

    def _cron(self) -> None:
        is_fair = not self.world.spells and self.chance.random() > FORGETFUL
        was_fair, self._was_fair = self._was_fair, is_fair
        # A token got in bad weather may be a bad one.
        self._count(runs.cron(remembers=is_fair and was_fair), "runs of cron")

    def _has_hit(self, gusts: list[Gust]) -> bool:
        """Say whether a bad answer was given, and lift those that were not."""
        used = [gust for gust in gusts if gust.used]
        self.journal.count("bad answers", sum(gust.used for gust in used))
        # Counted from the end of the turn: while several wait at once, minutes pass between an answer and its reader.
        told = (clock.now() + gust.wait for gust in used if gust.wait)
        self._waits_until = max(self._waits_until, *told, self.journal.began_at)
        self.world.calm()
        return bool(used)

    def _is(self, often: float, is_calm: bool) -> bool:
        return self.chance.random() < often and not is_calm

    def _gust(self) -> Gust:
        gust = Gust.drawn(self.chance, at=clock.now())
        self.world.sandbox.put_fault(gust)
        return gust

    def _let_happen(self, event: str) -> None:
        """Let Graph do something to one subscription."""
        sandbox = self.world.sandbox
        alive = sorted(sandbox.subscriptions.values(), key=lambda one: one.resource)
        if not alive:
            return
        one = self.chance.choice(alive)
        self.journal.count(event)
        if event == "vanishes":
            sandbox.remove_subscription(one.id)
            self.journal.removed[one.id] = False
            return
        sandbox.send_lifecycle(one.id, event)
        sandbox.flush()
        self._has_posted = True
        if event == "subscriptionRemoved":
            self.journal.removed[one.id] = self.world.webhook.is_up

    def _work(self) -> None:
        """Let the worker look into the inbox where something may be in it."""
        if self._has_posted or self._is(IDLE_LOOK, is_calm=False):
            self._has_posted = False
            self._count(runs.worker(), "looks into the inbox")

    def _kill(self) -> bool:
        command = self.chance.choice(
            ("renew_subscriptions", "renew_subscriptions", "process_notifications", "sync_subscriptions")
        )
        died = runs.killed(
            command,
            statement=1 + int(self.chance.expovariate(1 / USUAL_STATEMENT)),
            is_before=self.chance.random() < 0.5,
        )
        self.journal.count("killed", died)
        return died

    def _count(self, summary: runs.Summary, what: str) -> None:
        self.journal.count(what)
        for name in ("recreated", "adopted", "failed", "skipped", "handled"):
            self.journal.count(name, summary.get(name, 0))
