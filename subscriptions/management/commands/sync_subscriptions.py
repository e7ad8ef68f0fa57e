"""Compare with Graph and mend the difference."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from subscriptions.models import AppRegistration
from subscriptions.services import reconciliation

WRONG_USAGE = 2


class Command(BaseCommand):
    help = (
        "Compare what Graph has with what is here: take over what drifted, create again what is gone, adopt what a "
        "broken-off call of ours left, and report what nobody here asked for."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--app", metavar="NAME", default="", help="Only this app registration.")
        parser.add_argument("--dry-run", action="store_true", help="Only say what differs.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Reconcile; exit 1 when Graph could not be asked or a subscription could not be mended."""
        app = options["app"]
        if app and not AppRegistration.objects.filter(name=app).exists():
            raise CommandError(f"There is no app registration named {app!r}.", returncode=WRONG_USAGE)
        summary = reconciliation.reconcile(
            clock=timezone.now, actor="sync_subscriptions", app=app, is_dry=options["dry_run"]
        )
        if options["json"]:
            self.stdout.write(json.dumps(asdict(summary), default=str))
        elif options["verbosity"]:
            self._tell(summary)
        if summary.errors:
            raise SystemExit(1)

    def _tell(self, summary: reconciliation.Summary) -> None:
        self.stdout.write(
            f"{summary.in_step} in step, {summary.drifted} drifted, {summary.gone} gone, "
            f"{summary.recreated} created again, {summary.adopted} adopted, {len(summary.unknown)} unknown."
        )
        for unknown in summary.unknown:
            self.stdout.write(
                f"Unknown, {unknown.app}: {unknown.graph_id} {unknown.resource} ({unknown.change_type}) to "
                f"{unknown.notification_url}, ends {unknown.expires_at.isoformat()}"
            )
        for error in summary.errors:
            self.stderr.write(error)
