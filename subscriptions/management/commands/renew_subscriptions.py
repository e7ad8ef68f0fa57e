"""Renew what is due: the line for cron."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from subscriptions.catalogue import lifetimes
from subscriptions.management.progress import ProgressLine
from subscriptions.models import Subscription
from subscriptions.services import renewal, renewal_run

WRONG_USAGE = 2
LONGEST_MINUTES = lifetimes.LONGEST_OF_ALL // timedelta(minutes=1)


class Command(BaseCommand):
    help = (
        "Renew every subscription that is due, and create again what Graph no longer has. "
        "Run it from cron every 5 to 15 minutes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only say what is due.")
        parser.add_argument(
            "--within", type=int, metavar="MINUTES", help="Also renew what ends within so many minutes."
        )
        parser.add_argument(
            "--limit", type=int, metavar="N", help="Renew at most so many, what ends first coming first."
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Renew; exit 1 when at least one subscription could not be renewed."""
        minutes, limit = options["within"], options["limit"]
        if (minutes is not None and minutes < 0) or (limit is not None and limit < 1):
            raise CommandError(
                "--within takes 0 or more minutes, --limit at least 1.", returncode=WRONG_USAGE
            )
        # No subscription lives longer than the longest, so more minutes than that mean all of them.
        within = None if minutes is None else timedelta(minutes=min(minutes, LONGEST_MINUTES))
        if options["dry_run"]:
            self._say_what_is_due(within, options)
            return
        progress = ProgressLine(self.stderr, is_wanted=options["verbosity"] > 0)
        summary = renewal_run.run(
            clock=timezone.now,
            actor="renew_subscriptions",
            within=within,
            limit=options["limit"],
            progress=progress,
        )
        progress.clear()
        if options["json"]:
            self.stdout.write(json.dumps(asdict(summary)))
        elif options["verbosity"]:
            self._tell(summary)
        if summary.failed:
            raise SystemExit(1)

    def _tell(self, summary: renewal.Summary) -> None:
        self.stdout.write(
            f"{summary.due} due: {summary.renewed} renewed, {summary.recreated} created again, "
            f"{summary.failed} failed, {summary.skipped} in other hands."
        )
        for failure in summary.errors:
            self.stderr.write(
                f"Subscription {failure.subscription} ({failure.resource}): {failure.message} "
                f"[{failure.code}, request-id {failure.request_id or 'none'}]"
            )

    def _say_what_is_due(self, within: timedelta | None, options: dict[str, Any]) -> None:
        keys = renewal.due_for_renewal(now=timezone.now(), within=within, limit=options["limit"])
        rows = Subscription.objects.filter(pk__in=keys).order_by("expires_at", "pk")
        due = [
            {
                "id": row.pk,
                "graph_id": row.graph_id,
                "resource": row.resource,
                "expires_at": row.expires_at and row.expires_at.isoformat(),
            }
            for row in rows
        ]
        if options["json"]:
            summary = asdict(renewal.Summary(due=len(due)))
            self.stdout.write(json.dumps({**summary, "dry_run": True, "subscriptions": due}))
        elif options["verbosity"]:
            self.stdout.write(f"{len(due)} due; nothing was sent.")
            for row in due:
                self.stdout.write(f"{row['id']}: {row['resource']}, ends {row['expires_at']}")
