"""Compare with Graph and mend the difference."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from subscriptions.models import AppRegistration
from subscriptions.services import reconciliation
from subscriptions.services.watching import runs

WRONG_USAGE = 2


class Command(BaseCommand):
    help = (
        "Compare what Graph has with what is here: mend what drifted, create again what is gone, adopt what a "
        "broken-off call of ours left, and report what nobody here asked for. That can be adopted or removed by its "
        "ID at Graph."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--app", metavar="NAME", default="", help="Only this app registration.")
        parser.add_argument("--dry-run", action="store_true", help="Only say what differs.")
        parser.add_argument(
            "--adopt",
            metavar="ID",
            action="append",
            default=[],
            help="Make this unknown one, by its ID at Graph, one of ours. May be given several times.",
        )
        parser.add_argument(
            "--remove",
            metavar="ID",
            action="append",
            default=[],
            help="Delete this unknown one, by its ID at Graph, there. May be given several times.",
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Reconcile; exit 1 when Graph could not be asked or a subscription could not be mended."""
        _check(options)
        summary = _reconciled(options)
        if options["json"]:
            self.stdout.write(json.dumps(asdict(summary), default=datetime.isoformat))
        elif options["verbosity"]:
            self._tell(summary)
        if summary.errors:
            raise SystemExit(1)

    def _tell(self, summary: reconciliation.Summary) -> None:
        self.stdout.write(
            f"{summary.in_step} in step, {summary.drifted} drifted, {summary.gone} gone: {summary.mended} mended, "
            f"{summary.recreated} created again. {summary.adopted} adopted, {summary.removed} removed at Graph, "
            f"{len(summary.unknown)} unknown."
        )
        for unknown in summary.unknown:
            expiry = (
                f"{unknown.expires_at:%Y-%m-%dT%H:%M:%SZ}" if unknown.expires_at else "at an unknown time"
            )
            note = f". {unknown.note}" if unknown.note else ""
            self.stdout.write(
                f"Unknown, {unknown.app}: {unknown.graph_id} {unknown.resource} ({unknown.change_type}) to "
                f"{unknown.notification_url}, ends {expiry}{note}"
            )
        if summary.unknown:
            self.stdout.write(
                "An unknown one is adopted with --adopt ID, and removed at Graph with --remove ID."
            )
        for error in summary.errors:
            self.stderr.write(error)


def _reconciled(options: dict[str, Any]) -> reconciliation.Summary:
    """Reconcile, and write down that it ran and how it ended."""
    with runs.recorded("sync_subscriptions", clock=timezone.now) as record:
        summary = reconciliation.reconcile(
            clock=timezone.now,
            actor="sync_subscriptions",
            app=options["app"],
            is_dry=options["dry_run"],
            adopt=options["adopt"],
            remove=options["remove"],
        )
        counts = {name: value for name, value in asdict(summary).items() if isinstance(value, int)}
        record.conclude(succeeded=not summary.errors, summary={**counts, "unknown": len(summary.unknown)})
    return summary


def _check(options: dict[str, Any]) -> None:
    app = options["app"]
    if app and not AppRegistration.objects.filter(name=app).exists():
        raise CommandError(f"There is no app registration named {app!r}.", returncode=WRONG_USAGE)
    if options["dry_run"] and (options["adopt"] or options["remove"]):
        raise CommandError(
            "--dry-run changes nothing: leave it out to adopt or remove.", returncode=WRONG_USAGE
        )
    both = {graph_id.lower() for graph_id in options["adopt"]} & {one.lower() for one in options["remove"]}
    if both:
        raise CommandError(
            f"Adopt or remove {', '.join(sorted(both))}, but not both.", returncode=WRONG_USAGE
        )
