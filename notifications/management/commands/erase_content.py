"""Erase the content of whatever mentions somebody, or is old."""

import getpass
import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from django.utils import timezone

from notifications.models import ChangeNotification
from notifications.services.holds.mentions import naming
from notifications.services.retention import erasure
from subscriptions.services import times
from subscriptions.services.errors import UseCaseError

WRONG_USAGE = 2


class Command(BaseCommand):
    help = (
        "Erase for good the content of every notification that mentions an ID or address, or was received before a "
        "time, with the deliveries that it came in. That and when something happened stays. What waits or is under a "
        "legal hold is left, and said."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--mentioning", metavar="TEXT", default="", help="An ID or address.")
        parser.add_argument(
            "--received-before", metavar="TIME", help="UTC, for example 2026-11-17T10:00:00Z."
        )
        parser.add_argument("--dry-run", action="store_true", help="Only count.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Erase; exit 1 when something is left because it waits or is held, 2 when the text makes no sense."""
        is_dry = options["dry_run"]
        try:
            rows, selection = _chosen(options["mentioning"].strip(), options["received_before"])
        except (UseCaseError, ValueError) as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        if is_dry:
            outcome = _foretold(rows)
        else:
            actor = f"erase_content, run by {getpass.getuser()}"
            outcome = erasure.erase(rows, selection=selection, actor=actor, now=timezone.now())
        left = rows.count() - outcome.held - (outcome.erased if is_dry else 0)
        errors = [f"Left because it waits or is in work: {left}. Run it again later."] if left else []
        if outcome.held:
            holds = ", ".join(f"{name} ({count})" for name, count in outcome.held_by.items())
            errors.append(f"Left under legal hold: {outcome.held}, by {holds}. Release the hold first.")
        if options["json"]:
            self.stdout.write(
                json.dumps({**asdict(outcome), "left": left, "dry_run": is_dry, "errors": errors})
            )
        elif options["verbosity"]:
            done = "Would be erased" if is_dry else "Erased"
            self.stdout.write(f"{done}: content of {outcome.erased} notifications.")
            for text_left in errors:
                self.stderr.write(text_left)
        if errors and not is_dry:
            raise SystemExit(1)


def _chosen(text: str, received_before: str | None) -> tuple[QuerySet[ChangeNotification], str]:
    """Return what meets all that was asked for, and that in words."""
    rows, said = ChangeNotification.objects.filter(erasure__isnull=True, lifecycle_event=""), []
    if text:
        rows = rows.filter(naming(text))
        said.append(f"all that mentions {text}")
    if received_before:
        until = times.read(received_before)
        rows = rows.filter(received_at__lt=until)
        said.append(f"received before {until.isoformat()}")
    if not said:
        raise ValueError("Say what to erase: --mentioning TEXT, --received-before TIME, or both.")
    return rows, ", ".join(said)


def _foretold(rows: QuerySet[ChangeNotification]) -> erasure.Outcome:
    erased = erasure.erasable(rows).count()
    return erasure.Outcome(
        erased=erased,
        held=erasure.settled(rows).count() - erased,
        held_by=erasure.kept_by_holds(rows),
    )
