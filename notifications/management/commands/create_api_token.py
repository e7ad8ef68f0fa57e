"""Make a token for the API."""

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from notifications.models import ApiToken

WRONG_USAGE = 2
DEFAULT_DAYS = 90
MOST_DAYS = 366


class Command(BaseCommand):
    help = "Make a token with which a tool reads the API in the name of a user. It is shown once and kept as a hash."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", required=True, help="Whose permissions it has.")
        parser.add_argument(
            "--days", type=int, default=DEFAULT_DAYS, help=f"How long it is good for: 1 to {MOST_DAYS}."
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make it; exit 2 when the user or the time is wrong."""
        users = get_user_model().objects.filter(username=options["user"], is_active=True)
        if not (user := users.first()):
            raise CommandError(f"There is no active user named {options['user']!r}.", returncode=WRONG_USAGE)
        if not 1 <= options["days"] <= MOST_DAYS:
            raise CommandError(f"--days takes 1 to {MOST_DAYS}.", returncode=WRONG_USAGE)
        made, token = ApiToken.objects.create(user, expiry=timedelta(days=options["days"]))
        if options["json"]:
            facts = {"user": options["user"], "token": token, "expires_at": made.expiry.isoformat()}
            self.stdout.write(json.dumps(facts))
        else:
            self.stdout.write(f"{token}\nGood until {made.expiry:%Y-%m-%d %H:%M} UTC. It is shown only now.")
