"""Nudges: tiny messages by which workers on other hosts learn at once that there is something to do.

They leave in a thread of their own, so that no request waits for the broker. One that cannot be sent is dropped:
workers look by themselves, too.
"""

import logging
import os
import threading
import time
from collections.abc import Sequence
from typing import Any

from notifications.services.engine.celery_app import QUEUE, app

logger = logging.getLogger(__name__)

# What arrives meanwhile is told by one message.
PAUSE_SECONDS = 0.1
PAUSE_WHILE_AWAY_SECONDS = 5.0
# As many as wake every worker; nobody would hear more of them.
MOST_WAITING = 64
# By then every worker has looked by itself.
LASTS_SECONDS = 60
NETWORK_SECONDS = 2.0
_TIMEOUTS = ("read_timeout", "write_timeout", "socket_timeout", "socket_connect_timeout")

# The name of a task and what it is about.
Nudge = tuple[str, tuple[int, ...]]

_pending: set[Nudge] = set()
_arrived = threading.Condition()
# A forked process inherits this value but not the thread.
_owner: int | None = None


def send(task: str, *arguments: int) -> None:
    """Have a nudge sent soon; what is said twice meanwhile is sent once."""
    global _owner  # noqa: PLW0603 -- one thread for each process
    with _arrived:
        _pending.add((task, arguments))
        _arrived.notify()
        if _owner != os.getpid():
            _owner = os.getpid()
            threading.Thread(target=_run, name="nudges", daemon=True).start()


def _run() -> None:
    line = _Line()
    while True:
        with _arrived:
            _arrived.wait_for(lambda: _pending)
            taken = list(_pending)
            _pending.clear()
        time.sleep(PAUSE_SECONDS if line.deliver(taken) else PAUSE_WHILE_AWAY_SECONDS)


class _Line:
    """A connection to the broker, opened when it is needed."""

    def __init__(self) -> None:
        self._connection: Any = None
        self._producer: Any = None
        self._is_away = False

    def deliver(self, nudges: Sequence[Nudge]) -> bool:
        """Send, and say whether the broker took it."""
        # A line that was open before may have been cut since; a new one has no such excuse.
        was_open = self._connection is not None
        error = self._try(nudges)
        if error and was_open:
            error = self._try(nudges)
        self._tell(error)
        return error is None

    def _try(self, nudges: Sequence[Nudge]) -> Exception | None:
        try:
            self._send(nudges)
        except Exception as error:  # noqa: BLE001 -- each broker's library has errors of its own
            self._hang_up()
            return error
        return None

    def _send(self, nudges: Sequence[Nudge]) -> None:
        if self._connection is None:
            self._open()
        # Declared as it is: the answer tells how much lies there. Asked passively, Redis knows no empty queue.
        declared = self._producer.channel.queue_declare(QUEUE, durable=True, auto_delete=False)
        waiting = declared.message_count
        for task, arguments in nudges[: max(MOST_WAITING - waiting, 0)]:
            app.send_task(
                task,
                arguments,
                producer=self._producer,
                retry=False,
                # The worker drops what is older, and so does RabbitMQ where no worker runs.
                expires=LASTS_SECONDS,
                expiration=LASTS_SECONDS,
            )

    def _open(self) -> None:
        self._connection = app.connection_for_write(
            heartbeat=0,
            connect_timeout=NETWORK_SECONDS,
            transport_options=dict.fromkeys(_TIMEOUTS, NETWORK_SECONDS),
        )
        channel = self._connection.channel()
        app.amqp.queues[QUEUE].bind(channel).declare()
        self._producer = app.amqp.Producer(channel, auto_declare=False)

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        try:
            connection.release()
        except Exception:  # noqa: BLE001 -- it is given up all the same
            logger.debug("the line to the broker was broken")

    def _tell(self, error: Exception | None) -> None:
        """Log that the broker is away, or back; once, and without its address, which has a password."""
        if error and not self._is_away:
            logger.warning("broker away, workers look by themselves error=%s", type(error).__name__)
        elif self._is_away and not error:
            logger.info("broker back")
        self._is_away = error is not None
