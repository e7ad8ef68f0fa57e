"""Delete what has been kept for long enough: a line for cron."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from notifications.services.retention import pruning


class Command(BaseCommand):
    help = (
        "Delete what is older than its retention rule says, in small steps while everything goes on. Rules are set in "
        "the admin; without one, nothing is deleted. Run it from cron once a day."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only count what would be deleted.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Prune; exit 1 when a kind could not be gone through to its end."""
        is_dry = options["dry_run"]
        summary = pruning.prune(clock=timezone.now, dry_run=is_dry)
        if options["json"]:
            self.stdout.write(json.dumps({**asdict(summary), "dry_run": is_dry}))
        elif options["verbosity"]:
            self.stdout.write(in_words(summary, is_dry=is_dry))
            for error in summary.errors:
                self.stderr.write(error)
        if summary.errors:
            raise SystemExit(1)


def in_words(summary: pruning.Summary, *, is_dry: bool) -> str:
    """Return what was done, or what to do so that something is."""
    if not summary.rules:
        return "Nothing is deleted: no retention is set. Add a rule in the admin under Retention rules."
    counts = (
        f"{summary.content} contents, {summary.deliveries} deliveries, {summary.accepted} genuine and "
        f"{summary.refused} refused notifications, {summary.operations} operations"
    )
    done = f"Would be deleted: {counts}." if is_dry else f"Deleted: {counts}."
    held = (
        f"{summary.held_content} contents, {summary.held_deliveries} deliveries, {summary.held_accepted} genuine and "
        f"{summary.held_refused} refused notifications"
    )
    is_held = summary.held_content or summary.held_deliveries or summary.held_accepted or summary.held_refused
    return f"{done} Kept under legal hold: {held}." if is_held else done
