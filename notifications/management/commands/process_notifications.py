"""Drain the inbox once, or as a worker."""

import json
import logging
import signal
import threading
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.db import Error, close_old_connections

from notifications.services import engine, fetching, processing
from subscriptions.services.alerts import patrol

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 1.0


class Command(BaseCommand):
    help = (
        "Prove, open and store what the webhook received, and act on lifecycle notifications. "
        "Once, everything is tried, also what waits for its next try; with --loop it works until it is stopped."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--loop", action="store_true", help="Go on until SIGTERM or Ctrl-C.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Process; exit 1 when a delivery or a lifecycle notice failed."""
        counts = _loop() if options["loop"] else engine.work_once(include_waiting=True)
        if options["json"]:
            self.stdout.write(json.dumps(counts))
        elif options["verbosity"]:
            self.stdout.write(
                "{deliveries} deliveries: {accepted} accepted, {rejected} rejected, {waiting} waiting, {dead} dead, "
                "{duplicates} repeated; {handled} lifecycle notices handled; {fetched} contents fetched, "
                "{not_fetched} not, {postponed} to be tried again.".format_map(counts)
            )
            for error in counts["errors"]:
                self.stderr.write(error)
        if counts["errors"]:
            raise SystemExit(1)


def _loop() -> dict[str, Any]:
    """Work until a signal comes, and return the counts of all rounds; what is in hand is finished first."""
    engine.give_way()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    total: dict[str, Any] = {**asdict(processing.Summary()), "handled": 0, **asdict(fetching.Summary())}
    threading.Thread(target=engine.recover_until, args=(stop,), name="recovery", daemon=True).start()
    with patrol.walking():
        while not stop.is_set():
            close_old_connections()
            for name, value in _round().items():
                total[name] += value
            # A worker that runs for months keeps the newest errors only; the log has them all.
            total["errors"] = total["errors"][-100:]
            stop.wait(LOOK_EVERY_SECONDS)
    return total


def _round() -> dict[str, Any]:
    """Work once; a database that is away is waited for, since the inbox keeps everything."""
    processed = processing.Summary()
    try:
        return engine.work_once(processed=processed)
    except Error as error:
        logger.exception("round broke off")
        processed.errors.append(f"A round broke off: {type(error).__name__}. See the log.")
        return asdict(processed)
