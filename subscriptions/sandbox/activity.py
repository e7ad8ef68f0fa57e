"""Living data: things that happen by themselves, so that a demonstration is never still."""

import itertools
import logging
import random
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta

from subscriptions.sandbox.paths import Canonical
from subscriptions.sandbox.stored import StoredSubscription

_LOGGER = logging.getLogger(__name__)
_LIFECYCLE_EVERY = 3

MakeChange = Callable[[Canonical, str], object]
SendLifecycle = Callable[[str, str], None]


class Activity:
    """Make a change for every live subscription at each tick, and now and then a lifecycle notice."""

    def __init__(
        self,
        interval: timedelta,
        *,
        subscriptions: Callable[[], Mapping[str, StoredSubscription]],
        make_change: MakeChange,
        send_lifecycle: SendLifecycle,
    ) -> None:
        self._interval = interval
        self._subscriptions = subscriptions
        self._make_change = make_change
        self._send_lifecycle = send_lifecycle
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox-activity", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let nothing more happen."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        for tick in itertools.count(1):
            if self._stopped.wait(self._interval.total_seconds()):
                return
            try:
                self._tick(tick)
            except Exception:
                # One odd subscription must not silence all others for the rest of a demonstration.
                _LOGGER.exception("sandbox activity failed tick=%s", tick)

    def _tick(self, tick: int) -> None:
        alive = list(self._subscriptions().values())
        # Two subscriptions on one path share its change, as they would with Graph.
        for path, change_type in {one.path: _change_type(one) for one in alive}.items():
            self._make_change(path, change_type)
        reachable = [one for one in alive if one.lifecycle_notification_url]
        if tick % _LIFECYCLE_EVERY == 0 and reachable:
            chosen = random.choice(reachable)  # noqa: S311 - chance, not secrecy
            self._send_lifecycle(chosen.id, "reauthorizationRequired")


def _change_type(subscription: StoredSubscription) -> str:
    # Something new is the most telling thing to see; a deletion the least.
    order = ("created", "updated", "deleted")
    return next(one for one in order if one in subscription.change_types)
