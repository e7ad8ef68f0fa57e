"""Give subscriptions a new clientState."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from django.utils import timezone

from subscriptions.models import AppRegistration, Subscription
from subscriptions.services import client_state_rotation

WRONG_USAGE = 2
ACTOR = "rotate_client_state"


class Command(BaseCommand):
    help = (
        "Give subscriptions a new clientState. Each is deleted at Graph and created anew; what still arrives under the "
        "former id with the former clientState is accepted for two days."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        chosen = parser.add_mutually_exclusive_group(required=True)
        chosen.add_argument("--subscription", metavar="ID", help="Our number, or Graph's ID.")
        chosen.add_argument("--app", metavar="NAME", help="All of the app registration of this name.")
        chosen.add_argument("--all", action="store_true", help="All that there are.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Rotate; exit 1 when at least one failed, 2 when there is no such subscription or app registration."""
        rows = _chosen(options).select_related("app_registration").order_by("pk")
        summary = client_state_rotation.rotate_all(rows, clock=timezone.now, actor=ACTOR)
        if options["json"]:
            self.stdout.write(json.dumps(asdict(summary)))
        elif options["verbosity"]:
            self.stdout.write(f"{summary.due} to rotate: {summary.rotated} rotated, {summary.failed} failed.")
            for error in summary.errors:
                self.stderr.write(error)
        if summary.failed:
            raise SystemExit(1)


def _chosen(options: dict[str, Any]) -> QuerySet[Subscription]:
    if named := options["subscription"]:
        is_number = named.isascii() and named.isdecimal() and len(named) < len(str(2**63))
        rows = (
            Subscription.objects.filter(pk=int(named))
            if is_number
            else Subscription.objects.known_as([named])
        )
        if not rows.exists():
            raise CommandError(f"There is no subscription {named}.", returncode=WRONG_USAGE)
        return rows
    living = Subscription.objects.filter(status__in=client_state_rotation.ROTATABLE, is_enabled=True)
    if options["all"]:
        return living
    if not AppRegistration.objects.filter(name=options["app"]).exists():
        raise CommandError(f"There is no app registration {options['app']}.", returncode=WRONG_USAGE)
    return living.filter(app_registration__name=options["app"])
