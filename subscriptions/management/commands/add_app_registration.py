"""Register an Entra app."""

import json
import os
from argparse import ArgumentParser
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from subscriptions.models import AppRegistration
from subscriptions.services.access import app_registrations
from subscriptions.services.connection import test_connection

WRONG_USAGE = 2


class Command(BaseCommand):
    help = "Register an Entra app, or give one that is registered another credential. Running it twice changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", required=True, help="What your colleagues call it.")
        parser.add_argument(
            "--cloud", choices=AppRegistration.Cloud.values, default=AppRegistration.Cloud.GLOBAL
        )
        parser.add_argument("--tenant-id", required=True, help="Directory (tenant) ID.")
        parser.add_argument("--client-id", required=True, help="Application (client) ID.")
        credential = parser.add_mutually_exclusive_group(required=True)
        credential.add_argument(
            "--client-secret-env", metavar="VAR", help="Environment variable that holds the client secret."
        )
        credential.add_argument(
            "--certificate-pem", metavar="FILE", help="PEM file with the certificate and its private key."
        )
        credential.add_argument(
            "--federated-token-file",
            metavar="FILE",
            help="File that holds the federated token at each sign-in.",
        )
        parser.add_argument(
            "--client-secret-expires",
            metavar="YYYY-MM-DD",
            help="The day that Entra shows beside the secret; administrators are told before.",
        )
        parser.add_argument(
            "--next",
            action="store_true",
            help="Keep the credential in use, and put this one beside it: it takes over when Entra refuses that one.",
        )
        parser.add_argument("--test", action="store_true", help="Test the connection afterwards.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Save the registration; exit 1 when the connection test fails, 2 when a value is wrong."""
        try:
            app_registration = app_registrations.register(
                name=options["name"],
                cloud=options["cloud"],
                tenant_id=options["tenant_id"],
                client_id=options["client_id"],
                credential=_credential(options),
                as_next=options["next"],
            )
        except ValidationError as error:
            raise CommandError("; ".join(error.messages), returncode=WRONG_USAGE) from error
        answer: dict[str, Any] = {
            "id": app_registration.pk,
            "name": app_registration.name,
            "cloud": app_registration.cloud,
            "tenant_id": app_registration.tenant_id,
            "client_id": app_registration.client_id,
            "credential_expires_at": _iso(app_registration.credential_expires_at),
            "next_credential": app_registration.next_credential_type or None,
            "next_credential_expires_at": _iso(app_registration.next_credential_expires_at),
            "status": "registered",
        }
        if options["test"]:
            report = test_connection(app_registration, now=timezone.now(), actor="add_app_registration")
            answer.update(status="connected" if report.succeeded else "failed", message=report.message)
        if options["json"]:
            self.stdout.write(json.dumps(answer))
        elif options["verbosity"]:
            self.stdout.write(f"{app_registration.name}: {answer.get('message', 'registered.')}")
        if answer["status"] == "failed":
            raise SystemExit(1)


def _credential(options: dict[str, Any]) -> app_registrations.NewCredential:
    if variable := options["client_secret_env"]:
        secret = os.environ.get(variable, "")
        if not secret:
            raise CommandError(
                f"The environment variable {variable} is empty or not set.", returncode=WRONG_USAGE
            )
        return app_registrations.NewCredential(
            client_secret=secret, client_secret_expires_at=_expiry(options["client_secret_expires"])
        )
    if options["client_secret_expires"]:
        raise CommandError(
            "--client-secret-expires belongs to a client secret; a certificate says itself when it ends.",
            returncode=WRONG_USAGE,
        )
    if file := options["certificate_pem"]:
        try:
            return app_registrations.NewCredential(pem=Path(file).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} cannot be read: {error}.", returncode=WRONG_USAGE) from error
    return app_registrations.NewCredential(federated_token_file=options["federated_token_file"])


def _expiry(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text} is no day, such as 2027-05-31.", returncode=WRONG_USAGE) from error
    return app_registrations.expiry_of_secret(day, now=timezone.now())


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
