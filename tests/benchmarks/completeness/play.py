"""Plays one week: every ten minutes things change, Graph tells of them, and cron runs, unless something is wrong."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from notifications.services.intake import endpoint_health
from notifications.services.watching import outages, uptime
from subscriptions.sandbox import Delivery, Sandbox
from subscriptions.services.alerts import patrol
from tests.benchmarks.completeness import weather
from tests.benchmarks.completeness.kinds import KINDS, Kind, Life
from tests.benchmarks.completeness.weather import Spell, Trouble
from tests.benchmarks.month import clock, runs
from tests.benchmarks.month.webhook import Webhook

CRON_EVERY = timedelta(minutes=10)
COMPARE_EVERY = 36
# Close enough together to count as no break.
BEAT_EVERY = timedelta(minutes=4)
# Each wait twice the one before, from some moment on; all together within the four hours of Graph.
# Source: change-notifications-delivery-webhooks.md (2026-04-22).
RETRY_DELAYS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 10, 20, 40, 80))
SLOW_ANSWER = timedelta(seconds=12)
# How often at a turn of cron.
VANISHING, REMOVAL, DEATH = 0.012, 0.006, 0.015
# How often in a week all places in the delta queries are forgotten.
FORGETTING = 2
# At which of its SQL statements a process is killed, on average.
USUAL_STATEMENT = 40
MORTAL = ("recover_changes", "recover_changes", "process_notifications", "renew_subscriptions")
TELLING_MISSED = frozenset({"message", "event", "contact"})
WAIT_TOLD = {"Retry-After": "90"}
BUSY = {"error": {"code": "TooManyRequests", "message": "Too many requests"}}


@dataclass(frozen=True, kw_only=True)
class Made:
    """One change that was made, in the order of `number`."""

    number: int
    kind: Kind
    item_id: str
    change_type: str
    etag: str
    modified: str
    at: datetime


@dataclass(kw_only=True)
class Week:
    """A week being played.

    `looks` are the times at which somebody of ours had occasion to see who is still at Graph.
    """

    sandbox: Sandbox
    webhook: Webhook
    spells: list[Spell]
    days: float
    changes: int
    chance: Random
    began_at: datetime = field(default_factory=clock.now)
    made: list[Made] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)
    looks: list[datetime] = field(default_factory=list)
    _lives: list[Life] = field(default_factory=list)
    _deliveries_seen: int = 0
    _is_here: bool = True

    def play(self, *, progress: Callable[[int, int], None]) -> None:
        """Play it to its end."""
        people = tuple(user.id for user in self.sandbox.tenants.users.values())
        self._lives = [
            Life(kind, self.chance, members=people if kind.name == "user" else kind.members) for kind in KINDS
        ]
        ticks = int(timedelta(days=self.days) / CRON_EVERY)
        calm_from = self.began_at + timedelta(days=self.days) - weather.CALM_AT_LAST
        forgetting = set(self.chance.sample(range(ticks // 10, ticks * 8 // 10), FORGETTING))
        for number in range(1, ticks + 1):
            at = self.began_at + number * CRON_EVERY
            # Nothing may be under way while time is skipped, or it would seem to take ten minutes.
            self.sandbox.flush_due()
            clock.move_to(at)
            self._beat_until(at)
            wrong = weather.at(self.spells, at)
            self._set(wrong)
            if number in forgetting:
                self.sandbox.expire_delta_tokens()
            if at < calm_from and number > 1:
                self._let_things_happen(share=1 / ticks)
                self._let_subscriptions_end()
            self._tell_of_what_was_given_up()
            self._live(number, wrong, is_calm=at >= calm_from)
            progress(number, ticks)
        runs.recover("--all")

    def _beat_until(self, at: datetime) -> None:
        """Leave the signs of life that a web process left since the last turn, if it was there."""
        if self._is_here:
            for step in (BEAT_EVERY, 2 * BEAT_EVERY):
                uptime.beat(now=at - CRON_EVERY + step)

    def _set(self, wrong: set[Trouble]) -> None:
        self._is_here = not wrong & {Trouble.WEB_DOWN, Trouble.MACHINE_DOWN}
        self.webhook.is_up = self._is_here and Trouble.FRONT_DOWN not in wrong
        self.webhook.takes = SLOW_ANSWER if Trouble.SLOW in wrong else timedelta()
        self.sandbox.clear_faults()
        if Trouble.THROTTLED in wrong:
            for status, path in ((429, "/delta"), (503, "/delta"), (429, r"\$batch")):
                times = self.chance.randint(0, 3)
                self.sandbox.add_fault(path=path, status=status, headers=WAIT_TOLD, body=BUSY, times=times)
            self.sandbox.add_fault(path="/delta", drop=True, times=self.chance.randint(0, 1))
        self.sandbox.flush_due()

    def _let_things_happen(self, *, share: float) -> None:
        """Let the next things happen, a few at a time and together."""
        quiet = (weather.CALM_AT_LAST + CRON_EVERY) / timedelta(days=self.days)
        mean = self.changes * share / (1 - quiet)
        count = min(int(mean + self.chance.random()), self.changes - len(self.made))
        steps = [self.chance.choice(self._lives).next() for _ in range(count)]
        changes = self.sandbox.make_changes(
            # A creation gets invented content, a change only what changes.
            (step.path, step.change_type, None if step.change_type == "created" else {"note": str(number)})
            for number, step in enumerate(steps)
        )
        self.made += [
            Made(
                number=change.number,
                kind=step.kind,
                item_id=change.item.id,
                change_type=step.change_type,
                etag=str(change.content.get("@odata.etag", "")) if step.change_type != "deleted" else "",
                modified=str(change.content.get("lastModifiedDateTime", "")),
                at=change.at,
            )
            for step, change in zip(steps, changes, strict=True)
        ]
        self.sandbox.flush_due()

    def _let_subscriptions_end(self) -> None:
        """Let Graph remove a subscription now and then, with a word or without."""
        alive = sorted(self.sandbox.subscriptions.values(), key=lambda one: one.resource)
        if alive and self._is(VANISHING):
            self.sandbox.remove_subscription(self.chance.choice(alive).id)
            self._count("removed without a word")
        elif alive and self._is(REMOVAL):
            self.sandbox.send_lifecycle(self.chance.choice(alive).id, "subscriptionRemoved")
            self.sandbox.flush_due()
            self._count("removed with a word")

    def _tell_of_what_was_given_up(self) -> None:
        """Say `missed` for what could not be delivered, where Graph does so."""
        deliveries = self.sandbox.deliveries
        given_up = [one for one in deliveries[self._deliveries_seen :] if _is_given_up(one)]
        self._deliveries_seen = len(deliveries)
        self._count("deliveries given up", len(given_up))
        names = {one.id: one.resource for one in self.sandbox.subscriptions.values()}
        missed = {item["subscriptionId"] for one in given_up for item in items_of(one)}
        telling = {kind.resource for kind in KINDS if kind.name in TELLING_MISSED}
        for subscription_id in sorted(missed):
            if names.get(subscription_id) in telling:
                self.sandbox.send_lifecycle(subscription_id, "missed")
                self._count("told that changes were missed")
        self.sandbox.flush_due()

    def _live(self, number: int, wrong: set[Trouble], *, is_calm: bool) -> None:
        """Let our own machine do what it does in ten minutes."""
        if Trouble.MACHINE_DOWN in wrong:
            return
        if self._is_here:
            endpoint_health.flush()
            uptime.beat(now=clock.now())
            outages.note_drops(now=clock.now())
        is_killed = not is_calm and self._is(DEATH) and self._kill()
        runs.worker()
        if not is_killed:
            # Who was killed had taken the turn to look.
            self.looks.append(clock.now())
        for look in patrol.LOOKS:
            look()
        if Trouble.CRON_DOWN in wrong:
            return
        runs.cron(remembers=True)
        if number % COMPARE_EVERY == 0:
            runs.sync()
        summary = runs.recover()
        for name in ("changes", "duplicates", "resynced", "failed"):
            self._count(f"recover: {name}", summary[name])

    def _kill(self) -> bool:
        died = runs.killed(
            self.chance.choice(MORTAL),
            statement=1 + int(self.chance.expovariate(1 / USUAL_STATEMENT)),
            is_before=self.chance.random() < 0.5,
        )
        self._count("processes killed", died)
        return died

    def _is(self, often: float) -> bool:
        return self.chance.random() < often

    def _count(self, what: str, number: int = 1) -> None:
        self.figures[what] = self.figures.get(what, 0) + number


def items_of(delivery: Delivery) -> list[dict[str, Any]]:
    """Return the items of a delivery."""
    items = delivery.body["value"]
    return items if isinstance(items, list) else []


def _is_given_up(delivery: Delivery) -> bool:
    return not delivery.is_accepted and delivery.attempt > len(RETRY_DELAYS)
