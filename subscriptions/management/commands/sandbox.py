"""Run the local stand-in for Microsoft Graph until it is stopped."""

import json
import signal
import threading
from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from subscriptions.sandbox import Sandbox

# A webhook that is being restarted should still get what happened meanwhile: about two minutes in all.
_RETRY_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 4, 8, 16, 32, 60))
_STORY = """Graph sandbox: {graph_url} (stop with Ctrl-C)

  CUSTOM_GRAPH_URL={graph_url}
  CUSTOM_LOGIN_URL={login_url}
  CUSTOM_CA_BUNDLE={ca_bundle}

  Tenant id      {tenant_id}
  Client id      {client_id}
  Client secret  {client_secret}
  A user         {username} ({user_id})
  A channel      /teams/{team_id}/channels/{channel_id}/messages

Set the three variables, then in another terminal:
  export SANDBOX_SECRET='{client_secret}'
  python manage.py add_app_registration --name Sandbox --cloud custom --tenant-id {tenant_id} \\
    --client-id {client_id} --client-secret-env SANDBOX_SECRET"""


class Command(BaseCommand):
    help = "Run a local stand-in for Microsoft Graph and its sign-in, for trying things out without a tenant."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=int, default=8443, help="port to listen on, 0 = any free one")
        parser.add_argument(
            "--directory", type=Path, help="keeps the CA, the signing key and the ids over a restart"
        )
        parser.add_argument(
            "--activity", type=float, metavar="SECONDS", help="let something happen to every subscription"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object for machines")

    def handle(self, *_: Any, **options: Any) -> None:
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        with _started(options) as sandbox:
            if options["activity"]:
                sandbox.start_activity(timedelta(seconds=options["activity"]))
            facts = _facts(sandbox)
            if options["json"]:
                self.stdout.write(json.dumps(facts))
            elif options["verbosity"]:
                self.stdout.write(_STORY.format_map(facts))
            self.stdout.flush()
            stopped.wait()


def _started(options: dict[str, Any]) -> Sandbox:
    try:
        return Sandbox(
            host=options["host"],
            port=options["port"],
            directory=options["directory"],
            retry_delays=_RETRY_DELAYS,
        )
    except OSError as error:
        raise CommandError(f"Cannot listen on {options['host']} port {options['port']}: {error}") from error


def _facts(sandbox: Sandbox) -> dict[str, str]:
    user = sandbox.users[0]
    return {
        "graph_url": sandbox.graph_url,
        "login_url": sandbox.login_url,
        "ca_bundle": str(sandbox.ca_bundle),
        "tenant_id": sandbox.tenant_id,
        "client_id": sandbox.application.client_id,
        # A throw-away of this sandbox, so it may be shown.
        "client_secret": sandbox.application.client_secret,
        "user_id": user.id,
        "username": user.username,
        "team_id": sandbox.places.team_id,
        "channel_id": sandbox.places.channel_id,
    }
