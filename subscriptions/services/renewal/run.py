"""One run: what may go to Graph goes, several calls at once, and each answer has its consequence.

Threads speak to Graph and nothing else. The database stays in the calling thread, which claims what goes next, waits
for answers, and writes what follows from them.
"""

import logging
import math
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from subscriptions.graph.client import GraphClient
from subscriptions.graph.documents import Outcome, Renewal
from subscriptions.graph.errors import GraphError, TokenRefusedError
from subscriptions.graph.pace import Stopwatch
from subscriptions.services import claims, outcomes
from subscriptions.services.errors import BusyError, NotConfiguredError, UseCaseError
from subscriptions.services.renewal import items, recreating, renewing
from subscriptions.services.renewal.items import Item, Stage
from subscriptions.services.renewal.lanes import Lane
from subscriptions.services.renewal.moves import Again, Done, Move, is_patient
from subscriptions.services.renewal.recreating import Remaking
from subscriptions.services.renewal.summary import Result

logger = logging.getLogger(__name__)

# Graph answers in tens of milliseconds: so many calls at once are more than its limits on writes let through.
IN_FLIGHT = 8
# A claim that is so young lasts for a call without being prolonged.
FRESH = timedelta(minutes=1)

Call = Callable[[GraphClient], Any]
Prepared = TypeVar("Prepared")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Flight:
    """A call under way, for all of `items`. `remaking` is there if it does not renew."""

    lane: Lane
    items: list[Item]
    remaking: Remaking | None


class Run:
    """The lanes of all owners, worked through together.

    `clock` gives the time of what is asked for and written, `stopwatch` that of waiting. `finished` hears of every
    subscription with which the run is through; None stands for one that was in other hands.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        *,
        clock: Callable[[], datetime],
        actor: str,
        stopwatch: Stopwatch,
        finished: Callable[[list[tuple[Item | None, Done]]], None],
    ) -> None:
        self._lanes = list(lanes)
        self._clock = clock
        self._actor = actor
        self._stopwatch = stopwatch
        self._finished = finished
        self._flights: dict[Future[Any], _Flight] = {}

    def work(self) -> None:
        """Go on until nothing is left to be sent in this run."""
        with ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="renewal") as pool:
            while True:
                while len(self._flights) < IN_FLIGHT and (lane := self._next_lane()):
                    self._send_next_of(lane, pool)
                self._lanes = [lane for lane in self._lanes if lane.has_work or lane.in_flight]
                now = self._stopwatch.now()
                pause = min((lane.free_at(now) for lane in self._lanes), default=math.inf) - now
                if self._flights:
                    self._land(pause)
                elif pause < math.inf:
                    self._stopwatch.sleep(max(pause, 0.0))
                else:
                    return

    def _next_lane(self) -> Lane | None:
        """Return the lane whose turn it is: of those that may send now one with the fewest calls under way."""
        return next(iter(self._ready()), None)

    def _ready(self) -> list[Lane]:
        """Return the lanes that may send now; what is claimed goes first, so that no claim grows old."""
        now = self._stopwatch.now()
        ready = [lane for lane in self._lanes if lane.free_at(now) <= now]
        return sorted(ready, key=lambda lane: (not lane.claimed, lane.in_flight, lane.urgency))

    def _send_next_of(self, lane: Lane, pool: ThreadPoolExecutor) -> None:
        parcel = lane.next_parcel(self._stopwatch.now())
        if not parcel:
            self._claim()
            return
        try:
            client = lane.client()
        except GraphError as error:
            self._close(lane, error)
            self._leave(lane, parcel, error)
            return
        if parcel[0].stage == Stage.RENEW:
            self._renew(lane, parcel, client, pool)
        else:
            self._remake(lane, parcel[0], client, pool)

    def _claim(self) -> None:
        """Claim together what the lanes can send next; never more than can be under way at once."""
        now = self._stopwatch.now()
        lanes = [lane for lane in self._ready() if lane.planned][:IN_FLIGHT]
        batches = [
            (lane, dues) for lane in lanes for dues in lane.next_planned(now, most=IN_FLIGHT // len(lanes))
        ]
        taken = items.take([due for _, dues in batches for due in dues], now=self._clock())
        for lane, dues in batches:
            lane.keep([taken[due.pk] for due in dues if due.pk in taken])
        if skipped := sum(len(dues) for _, dues in batches) - len(taken):
            self._finished([(None, Done(result=Result.SKIPPED))] * skipped)

    def _renew(self, lane: Lane, parcel: list[Item], client: GraphClient, pool: ThreadPoolExecutor) -> None:
        now = self._clock()
        ready: list[Item] = []
        requests: list[Renewal] = []
        for item in parcel:
            if request := self._prepared(lane, item, partial(renewing.prepare, now=now)):
                ready.append(item)
                requests.append(request)
        if ready:
            self._launch(lane, ready, renewing.call(ready, requests), client, pool)

    def _remake(self, lane: Lane, item: Item, client: GraphClient, pool: ThreadPoolExecutor) -> None:
        if remaking := self._prepared(lane, item, partial(Remaking, now=self._clock())):
            self._launch(lane, [item], remaking.call(), client, pool, remaking=remaking)

    def _prepared(self, lane: Lane, item: Item, prepare: Callable[[Item], Prepared]) -> Prepared | None:
        """Return what is to be sent for one subscription; one for which that fails never stops the others."""
        try:
            self._hold(item)
            return prepare(item)
        except Exception as error:  # noqa: BLE001 -- logged and kept on the row by `_broken`
            self._follow(lane, [item], [self._broken(item, error)])
            return None

    def _hold(self, item: Item) -> None:
        """Let the claim last for another call, and for a first one that had to wait."""
        now = self._clock()
        if item.sendings or now - item.held_at > FRESH:
            if not claims.prolong(item.subscription, item.token, now=now):
                raise BusyError
            item.held_at = now
        item.sendings += 1

    def _launch(
        self,
        lane: Lane,
        parcel: list[Item],
        call: Call,
        client: GraphClient,
        pool: ThreadPoolExecutor,
        *,
        remaking: Remaking | None = None,
    ) -> None:
        lane.in_flight += 1
        lane.pace.send(len(parcel))
        flight = _Flight(lane=lane, items=parcel, remaking=remaking)
        self._flights[pool.submit(call, client)] = flight

    def _land(self, pause: float) -> None:
        """Wait for an answer, or until another lane may send, and do what follows from the answers."""
        is_full = len(self._flights) >= IN_FLIGHT or pause == math.inf
        landed, _ = wait(self._flights, None if is_full else max(pause, 0.0), FIRST_COMPLETED)
        for future in landed:
            flight = self._flights.pop(future)
            flight.lane.in_flight -= 1
            flight.lane.pace.answer(len(flight.items), self._stopwatch.now())
            flight.lane.keep_tokens()
            try:
                moves = self._concluded(flight, future)
            except Exception as error:  # noqa: BLE001 -- logged and kept on the rows by `_broken`
                moves = [self._broken(item, error) for item in flight.items]
            self._follow(flight.lane, flight.items, moves)

    def _concluded(self, flight: _Flight, future: Future[Any]) -> Sequence[Move]:
        result: Any = None
        error: GraphError | None = None
        try:
            result = future.result()
        except GraphError as failure:
            error = failure
        errors = [error] if flight.remaking else [answer.error for answer in result]
        if flight.lane.is_reopened(errors[0]) and all(is_patient(item) for item in flight.items):
            return [Again() for _ in flight.items]
        if cause := flight.lane.note(errors, now=self._stopwatch.now()):
            self._close(flight.lane, cause)
        now = self._clock()
        if flight.remaking:
            return [flight.remaking.conclude(result, error, now=now, actor=self._actor)]
        return renewing.conclude(flight.items, result, now=now, actor=self._actor)

    def _leave(self, lane: Lane, parcel: list[Item], error: GraphError) -> None:
        """Let a closed lane's subscriptions say why nothing is sent for them."""
        now = self._clock()
        if parcel[0].stage == Stage.RENEW:
            answers = [Outcome(id="", error=error, called_at=now) for _ in parcel]
            moves = renewing.conclude(parcel, answers, now=now, actor=self._actor, is_sent=False)
        else:
            moves = [recreating.leave(item, error, now=now, actor=self._actor) for item in parcel]
        self._follow(lane, parcel, moves)

    def _close(self, lane: Lane, error: GraphError) -> None:
        """Send nothing more for an owner in this run, and say so once; a refused app takes its accounts along."""
        is_of_app = isinstance(error, NotConfiguredError) or (
            isinstance(error, TokenRefusedError) and error.is_about_credential
        )
        alike = [one for one in self._lanes if is_of_app and one.app_registration == lane.app_registration]
        closed = [one for one in {*alike, lane} if one.error is None]
        for one in closed:
            one.error = error
        if closed:
            waiting = sum(one.waiting for one in closed)
            logger.error("renewal stopped owner=%s waiting=%d error=%s", lane, waiting, error)

    def _broken(self, item: Item, error: Exception) -> Done:
        """Put off a row whose work broke off, unless the reason is one that is told as it is."""
        if isinstance(error, BusyError):
            return Done(result=Result.SKIPPED)
        if not isinstance(error, UseCaseError):
            row = item.subscription
            logger.error("renewal broke off id=%s", row.pk, exc_info=error)
            claims.settle(row, item.token, **outcomes.broke_off(error, subscription=row, now=self._clock()))
        return Done(result=Result.FAILED, error=error)

    def _follow(self, lane: Lane, parcel: Sequence[Item], moves: Sequence[Move]) -> None:
        """Let what has another call before it wait for its turn, and count the rest."""
        done: list[tuple[Item | None, Done]] = []
        for item, move in zip(parcel, moves, strict=True):
            if isinstance(move, Done):
                done.append((item, move))
            else:
                item.not_before = self._stopwatch.now() + move.after.total_seconds()
                lane.again.append(item)
        if done:
            self._finished(done)
