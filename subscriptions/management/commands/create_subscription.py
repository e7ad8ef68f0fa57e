"""Create one subscription, or many from a CSV file."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, get_args

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from subscriptions.catalogue.rules import Option
from subscriptions.graph.errors import GraphError
from subscriptions.models import Subscription
from subscriptions.services import bulk, creation, wishes
from subscriptions.services.bulk import COLUMNS, REQUIRED_COLUMNS
from subscriptions.services.errors import UseCaseError
from subscriptions.services.outcomes import told

WRONG_USAGE = 2
ACTOR = "create_subscription"
GRAPH_OPTIONS = (*get_args(Option), "latest_supported_tls_version")


class Command(BaseCommand):
    help = "Create a subscription at Graph. Running it twice makes one: what exists is reported as existing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--app", metavar="NAME", help="Name of the app registration.")
        parser.add_argument(
            "--resource", metavar="PATH", help="What to watch, for example /users/{id}/messages."
        )
        parser.add_argument(
            "--change-type", metavar="TYPES", help="created, updated, deleted: one or more, with commas."
        )
        parser.add_argument("--rich", action="store_true", help="Include the content, encrypted.")
        parser.add_argument(
            "--certificate",
            metavar="NAME",
            help="Name of the encryption certificate; one that was replaced stands for what took its place.",
        )
        parser.add_argument(
            "--account",
            metavar="USER",
            help="In whose name to watch: a signed-in account. Unset: the app itself.",
        )
        parser.add_argument(
            "--minutes", type=int, metavar="N", help="How long to ask for. Unset: the longest."
        )
        parser.add_argument(
            "--from-csv", metavar="FILE", help=f"Create many; the header is {','.join(COLUMNS)}."
        )
        option = parser.add_argument_group("Graph's options")
        option.add_argument(
            "--use-immutable-ids", action="store_true", help="Outlook: ids that stay on a move."
        )
        option.add_argument(
            "--include-security-webhooks", action="store_true", help="Drives: permission changes as well."
        )
        option.add_argument(
            "--include-unknown-enum-members",
            action="store_true",
            help="Chat messages: kinds of system messages.",
        )
        option.add_argument("--notification-query-options", metavar="ODATA", help="Universal Print.")
        option.add_argument(
            "--latest-supported-tls-version",
            choices=("v1_0", "v1_1", "v1_2", "v1_3"),
            help="Of our endpoint.",
        )
        parser.add_argument(
            "--fetch-content",
            action="store_true",
            help="Where no content comes: have the workers read each changed item at Graph.",
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Create; exit 1 when Graph refuses, 2 when a value cannot be right."""
        if options["from_csv"]:
            names = (*COLUMNS, "fetch_content", *GRAPH_OPTIONS)
            given = [f"--{name.replace('_', '-')}" for name in names if options[name]]
            if given:
                raise CommandError(
                    f"With --from-csv the file says it all: leave out {', '.join(given)}.",
                    returncode=WRONG_USAGE,
                )
            self._create_many(options)
        else:
            self._create_one(options)

    def _create_one(self, options: dict[str, Any]) -> None:
        missing = [f"--{name.replace('_', '-')}" for name in REQUIRED_COLUMNS if not options[name]]
        if missing:
            raise CommandError(f"Missing: {', '.join(missing)}.", returncode=WRONG_USAGE)
        try:
            wish = wishes.named(
                app=options["app"],
                resource=options["resource"],
                change_type=options["change_type"],
                is_rich=options["rich"],
                certificate=options["certificate"] or "",
                account=options["account"] or "",
                minutes=options["minutes"],
                now=timezone.now(),
                options={"fetch_content": options["fetch_content"], **_graph_options(options)},
            )
        except wishes.WrongWishError as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        try:
            subscription, is_new = bulk.create_or_find(wish, now=timezone.now(), actor=ACTOR)
        except (GraphError, UseCaseError) as error:
            self._refused(wish, told(error), options)
            return
        status = "created" if is_new else "existing"
        answer = {**_as_json(subscription), "outcome": status}
        if options["json"]:
            self.stdout.write(json.dumps(answer))
        elif options["verbosity"]:
            self.stdout.write(
                f"Subscription {subscription.pk} ({status}): {subscription.resource}, "
                f"Graph's id {subscription.graph_id}, ends {answer['expires_at']}"
            )

    def _refused(self, wish: Subscription, text: str, options: dict[str, Any]) -> None:
        row = creation.saved(wish)
        if options["json"]:
            facts = _as_json(row) if row else {"status": Subscription.Status.FAILED}
            self.stdout.write(json.dumps({**facts, "outcome": "failed", "errors": [text]}))
            raise SystemExit(1)
        if row and row.status == Subscription.Status.PENDING:
            text = f"{text} It is saved as subscription {row.pk}: renew_subscriptions sends it again."
        raise CommandError(text)

    def _create_many(self, options: dict[str, Any]) -> None:
        path = Path(options["from_csv"])
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                report = bulk.create_many(file, clock=timezone.now, actor=ACTOR)
        except OSError as error:
            raise CommandError(f"{path} cannot be read as CSV: {error}.", returncode=WRONG_USAGE) from error
        except bulk.WrongFileError as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        if options["json"]:
            self.stdout.write(json.dumps(_report_as_json(report)))
        elif options["verbosity"]:
            self.stdout.write(
                f"{len(report.created)} created, {len(report.existing)} existing, {len(report.failed)} failed."
            )
            for failure in report.failed:
                self.stderr.write(f"Line {failure.number}: {failure.error}")
        if report.failed:
            raise SystemExit(1)


def _report_as_json(report: bulk.Report) -> dict[str, Any]:
    return {
        "created": [{"line": line.number, **_as_json(line.subscription)} for line in report.created],
        "existing": [{"line": line.number, **_as_json(line.subscription)} for line in report.existing],
        "failed": [
            {"line": line.number, "resource": line.resource, "error": line.error} for line in report.failed
        ],
    }


def _graph_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return those of Graph's options that were given, as columns."""
    return {column: options[column] for column in GRAPH_OPTIONS if options[column]}


def _as_json(subscription: Subscription) -> dict[str, Any]:
    return {
        "id": subscription.pk,
        "graph_id": subscription.graph_id,
        "app": subscription.app_registration.name,
        "account": subscription.delegated_account.username if subscription.delegated_account else None,
        "resource": subscription.resource,
        "change_type": subscription.change_type,
        "status": subscription.status,
        "expires_at": subscription.expires_at.isoformat() if subscription.expires_at else None,
    }
