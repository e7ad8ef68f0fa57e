"""Look up by delta query what the webhook was not told: a line for cron."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from django.utils import timezone

from notifications.services import recovering
from subscriptions.models import AppRegistration, DeltaTracking, Subscription
from subscriptions.services.gaps import recovery
from subscriptions.services.watching import runs

WRONG_USAGE = 2
ACTOR = "recover_changes"


class Command(BaseCommand):
    help = (
        "Look up by delta query what Graph could not deliver, and store it beside what the webhook brought. Without "
        "options, what needs it: changes that were missed, subscriptions that were created again, places in Graph's "
        "changes that would be forgotten. Run it from cron every 10 to 30 minutes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--subscription", metavar="ID", help="This one at once, by our number or Graph's ID."
        )
        parser.add_argument("--app", metavar="NAME", help="Only those of this app registration.")
        parser.add_argument("--all", action="store_true", help="At once, whether they need it or not.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Recover; exit 1 when a subscription could not be looked up, 2 when there is none of that name."""
        recovery.track(now=timezone.now())
        chosen = _chosen(options)
        with runs.recorded(ACTOR, clock=timezone.now) as record:
            summary = recovering.recover_all(chosen, clock=timezone.now, actor=ACTOR)
            counts = {name: value for name, value in asdict(summary).items() if isinstance(value, int)}
            record.conclude(succeeded=not summary.failed, summary=counts)
        if options["json"]:
            self.stdout.write(json.dumps(asdict(summary)))
        elif options["verbosity"]:
            self.stdout.write(
                f"{summary.checked} looked up: {summary.changes} changes found, {summary.duplicates} known already; "
                f"{summary.recovered} recovered, {summary.resynced} begun anew, {summary.failed} failed, "
                f"{summary.skipped} in other hands, {summary.postponed} left to the next run."
            )
            for error in summary.errors:
                self.stderr.write(error)
        if summary.failed:
            raise SystemExit(1)


def _chosen(options: dict[str, Any]) -> QuerySet[DeltaTracking]:
    rows = DeltaTracking.objects.wanted()
    if app := options["app"]:
        if not AppRegistration.objects.filter(name=app).exists():
            raise CommandError(f"There is no app registration named {app!r}.", returncode=WRONG_USAGE)
        rows = rows.filter(subscription__app_registration__name=app)
    if named := options["subscription"]:
        chosen = rows.filter(subscription__in=_named(named))
        if not chosen.exists():
            raise CommandError(
                f"Subscription {named} cannot be looked up: Graph has no delta query for its resource, or it is "
                "paused, removed or was never created.",
                returncode=WRONG_USAGE,
            )
        return chosen
    return rows if options["all"] else rows.due(timezone.now())


def _named(name: str) -> QuerySet[Subscription]:
    is_number = name.isascii() and name.isdecimal() and len(name) < len(str(2**63))
    found = Subscription.objects.filter(pk=int(name)) if is_number else Subscription.objects.known_as([name])
    if not found.exists():
        raise CommandError(f"There is no subscription {name}.", returncode=WRONG_USAGE)
    return found
