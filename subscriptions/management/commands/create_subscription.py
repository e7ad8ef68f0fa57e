"""Create one subscription, or many from a CSV file."""

import csv
import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from subscriptions.graph.errors import GraphError
from subscriptions.models import Subscription
from subscriptions.services import wishes
from subscriptions.services.creation import create, submit
from subscriptions.services.errors import BusyError, UseCaseError, WishExistsError
from subscriptions.services.outcomes import told

WRONG_USAGE = 2
ACTOR = "create_subscription"
REQUIRED_COLUMNS = ("app", "resource", "change_type")
COLUMNS = (*REQUIRED_COLUMNS, "rich", "certificate", "account", "minutes")
YES = {"1", "true", "yes", "y"}
NO = {"", "0", "false", "no", "n"}
# Digits of a number of minutes; Python refuses to read very long ones.
LONGEST_NUMBER = 9


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
        parser.add_argument("--certificate", metavar="NAME", help="Name of the encryption certificate.")
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
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Create; exit 1 when Graph refuses, 2 when a value cannot be right."""
        if options["from_csv"]:
            given = [f"--{name.replace('_', '-')}" for name in COLUMNS if options[name]]
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
            subscription, status = _make(
                wishes.named(
                    app=options["app"],
                    resource=options["resource"],
                    change_type=options["change_type"],
                    is_rich=options["rich"],
                    certificate=options["certificate"] or "",
                    account=options["account"] or "",
                    minutes=options["minutes"],
                    now=timezone.now(),
                )
            )
        except wishes.WrongWishError as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        except (GraphError, UseCaseError) as error:
            self._refused(told(error), options)
            return
        answer = {**_as_json(subscription), "outcome": status}
        if options["json"]:
            self.stdout.write(json.dumps(answer))
        elif options["verbosity"]:
            self.stdout.write(
                f"Subscription {subscription.pk} ({status}): {subscription.resource}, "
                f"Graph's id {subscription.graph_id}, ends {answer['expires_at']}"
            )

    def _refused(self, text: str, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps({"status": "failed", "errors": [text]}))
            raise SystemExit(1)
        raise CommandError(text)

    def _create_many(self, options: dict[str, Any]) -> None:
        answer: dict[str, list[dict[str, Any]]] = {"created": [], "existing": [], "failed": []}
        for number, row in _rows(Path(options["from_csv"])):
            try:
                subscription, status = _make(_wished(row))
            except (wishes.WrongWishError, GraphError, UseCaseError) as error:
                answer["failed"].append(
                    {"line": number, "resource": row.get("resource") or "", "error": told(error)}
                )
            else:
                answer[status].append({"line": number, **_as_json(subscription)})
        if options["json"]:
            self.stdout.write(json.dumps(answer))
        elif options["verbosity"]:
            counts = ", ".join(f"{len(rows)} {status}" for status, rows in answer.items())
            self.stdout.write(f"{counts}.")
            for failure in answer["failed"]:
                self.stderr.write(f"Line {failure['line']}: {failure['error']}")
        if answer["failed"]:
            raise SystemExit(1)


def _make(subscription: Subscription) -> tuple[Subscription, str]:
    """Create what is wished and return it with `created`, or what is there already with `existing`.

    One that an earlier run saved and Graph did not get, or refused, is sent again.
    """
    now = timezone.now()
    try:
        return create(subscription, now=now, actor=ACTOR), "created"
    except WishExistsError as error:
        existing = error.existing
    if existing.status == Subscription.Status.ACTIVE:
        return existing, "existing"
    try:
        return submit(existing, now=now, actor=ACTOR), "created"
    except BusyError:
        existing.refresh_from_db()
        return existing, "existing"


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return the lines of the file with their numbers.

    Raises:
        CommandError: the file does not read, or its header is another one.

    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            header = [name.strip() for name in reader.fieldnames or ()]
            unknown, missing = set(header) - set(COLUMNS), set(REQUIRED_COLUMNS) - set(header)
            if unknown or missing:
                raise CommandError(
                    f"The header must be {','.join(COLUMNS)} (the last four may be absent). "
                    f"Missing: {', '.join(sorted(missing)) or 'none'}; "
                    f"unknown: {', '.join(sorted(unknown)) or 'none'}.",
                    returncode=WRONG_USAGE,
                )
            reader.fieldnames = header
            return [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{path} cannot be read as CSV: {error}.", returncode=WRONG_USAGE) from error


def _wished(row: dict[str, str]) -> Subscription:
    if None in row:
        raise wishes.WrongWishError("The line has more columns than the header.")
    values = {name: (row.get(name) or "").strip() for name in COLUMNS}
    rich = values["rich"].lower()
    if rich not in YES | NO:
        raise wishes.WrongWishError(f"The column rich holds {rich!r}; use yes or no.")
    minutes = values["minutes"]
    if minutes and not (minutes.isascii() and minutes.isdigit() and len(minutes) <= LONGEST_NUMBER):
        raise wishes.WrongWishError(f"The column minutes holds {minutes!r}; use a whole number.")
    return wishes.named(
        app=values["app"],
        resource=values["resource"],
        change_type=values["change_type"],
        is_rich=rich in YES,
        certificate=values["certificate"],
        account=values["account"],
        minutes=int(minutes) if minutes else None,
        now=timezone.now(),
    )


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
