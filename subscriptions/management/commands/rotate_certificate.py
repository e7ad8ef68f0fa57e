"""Replace an encryption certificate by another."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from subscriptions.keys.certificates import UnusableCertificateError
from subscriptions.models import EncryptionCertificate
from subscriptions.services import certificate_rotation, renewal
from subscriptions.services.certificate_rotation import NotRotatableError, Progress

WRONG_USAGE = 2
ACTOR = "rotate_certificate"


class Command(BaseCommand):
    help = (
        "Replace an encryption certificate by a new one, or by one that is here. Subscriptions move to it as they are "
        "renewed; the old private key is kept until nothing can need it. Run again, it says how far that has come."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", required=True, help="The certificate to replace.")
        successor = parser.add_mutually_exclusive_group()
        successor.add_argument(
            "--new-name", default="", metavar="NAME", help="Name of the new one. Default: with today's date."
        )
        successor.add_argument(
            "--to", default="", metavar="NAME", help="Take this one, which is here already."
        )
        parser.add_argument(
            "--now", action="store_true", help="Renew all that use it now, with whatever else is due."
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Rotate; exit 1 when at least one subscription could not be renewed, 2 when it cannot be replaced so."""
        certificate, now = _named(options["name"]), timezone.now()
        if not _is_begun(certificate, options):
            _begin(certificate, options, now=now)
        summary = None
        if options["now"]:
            certificate_rotation.hasten(certificate, now=now)
            # Not a recorded run: that cron is alive, only cron can show.
            summary = renewal.renew_due(clock=timezone.now, actor=ACTOR)
        progress = certificate_rotation.progress_of(certificate, now=timezone.now())
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(certificate, progress, summary)))
        elif options["verbosity"]:
            self._tell(certificate, progress, summary)
        if summary and summary.failed:
            raise SystemExit(1)

    def _tell(
        self, certificate: EncryptionCertificate, progress: Progress, summary: renewal.Summary | None
    ) -> None:
        self.stdout.write(
            f"{certificate} is replaced by {certificate.replaced_by}: {progress.moved} of {progress.to_move} "
            f"subscriptions have moved, {progress.at_graph} will as they are renewed."
        )
        for failure in summary.errors if summary else ():
            self.stderr.write(f"Subscription {failure.subscription} ({failure.resource}): {failure.message}")


def _named(name: str) -> EncryptionCertificate:
    found = EncryptionCertificate.objects.filter(encryption_certificate_id=name).first()
    if found is None:
        raise CommandError(f"There is no encryption certificate {name}.", returncode=WRONG_USAGE)
    return found


def _is_begun(certificate: EncryptionCertificate, options: dict[str, Any]) -> bool:
    """Say whether exactly this rotation has begun, so that to run the command twice makes no second certificate."""
    wanted = options["to"] or options["new_name"]
    successor = certificate.replaced_by
    is_replaced = successor is not None and certificate.state != EncryptionCertificate.State.ACTIVE
    return is_replaced and wanted in {"", str(successor)}


def _begin(certificate: EncryptionCertificate, options: dict[str, Any], *, now: datetime) -> None:
    try:
        if options["to"]:
            certificate_rotation.replace_by(certificate, _named(options["to"]), now=now)
        else:
            certificate_rotation.replace_by_new(certificate, name=options["new_name"], now=now)
    except (NotRotatableError, UnusableCertificateError) as error:
        raise CommandError(str(error), returncode=WRONG_USAGE) from error
    except ValidationError as error:
        raise CommandError("; ".join(error.messages), returncode=WRONG_USAGE) from error


def _as_json(
    certificate: EncryptionCertificate, progress: Progress, summary: renewal.Summary | None
) -> dict[str, Any]:
    successor = certificate.replaced_by
    return {
        "id": certificate.pk,
        "name": str(certificate),
        "status": certificate.state,
        "successor": str(successor),
        "successor_expires_at": successor.not_after_at.isoformat() if successor else None,
        "to_move": progress.to_move,
        "moved": progress.moved,
        "left": progress.at_graph,
        "retires_at": progress.retires_at.isoformat() if progress.retires_at else None,
        "renewal": asdict(summary) if summary else None,
        "errors": [asdict(failure) for failure in summary.errors] if summary else [],
    }
