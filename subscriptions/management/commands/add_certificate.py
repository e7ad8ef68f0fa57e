"""Make or import an encryption certificate."""

import json
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from subscriptions.keys import certificates as keys
from subscriptions.keys.certificates import KeyPair, UnusableCertificateError
from subscriptions.models import EncryptionCertificate
from subscriptions.services import certificates

WRONG_USAGE = 2


class Command(BaseCommand):
    help = (
        "Make the key pair with which Graph encrypts content for us, or import one. "
        "An existing name is left as it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--name",
            required=True,
            help="Sent to Graph as encryptionCertificateId; never used again for another key.",
        )
        source = parser.add_mutually_exclusive_group()
        source.add_argument(
            "--pem", metavar="FILE", help="Import a PEM file with certificate and private key."
        )
        source.add_argument("--pfx", metavar="FILE", help="Import a PFX (PKCS#12) file.")
        parser.add_argument(
            "--password-env", metavar="VAR", help="Environment variable that holds the file's password."
        )
        parser.add_argument("--key-size", type=int, choices=(2048, 3072, 4096), default=2048)
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Save the certificate; exit 2 when Graph would refuse it."""
        existing = EncryptionCertificate.objects.filter(encryption_certificate_id=options["name"]).first()
        try:
            certificate = _check_same(existing, options) if existing else _make(options)
        except UnusableCertificateError as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        except ValidationError as error:
            raise CommandError("; ".join(error.messages), returncode=WRONG_USAGE) from error
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(certificate, is_new=existing is None)))
        elif options["verbosity"]:
            self.stdout.write(
                f"{certificate}: RSA {certificate.key_size}, thumbprint {certificate.thumbprint}, "
                f"valid until {certificate.not_after_at:%Y-%m-%d} UTC"
                + ("." if existing is None else "; it was here already.")
            )


def _make(options: dict[str, Any]) -> EncryptionCertificate:
    name = options["name"]
    pair = _imported(options) or keys.generate(name, key_size=options["key_size"], now=timezone.now())
    return certificates.save(name, pair)


def _check_same(existing: EncryptionCertificate, options: dict[str, Any]) -> EncryptionCertificate:
    pair = _imported(options)
    if pair and keys.describe(pair.certificate_pem).thumbprint != existing.thumbprint:
        raise CommandError(
            f"{existing} names another key already, and Graph must never see one name for two keys. Choose a new name.",
            returncode=WRONG_USAGE,
        )
    return existing


def _imported(options: dict[str, Any]) -> KeyPair | None:
    password = os.environ.get(options["password_env"] or "", "") or None
    try:
        if options["pem"]:
            text = Path(options["pem"]).read_text(encoding="utf-8")
            return keys.import_pem(text, password=password, now=timezone.now())
        if options["pfx"]:
            return keys.import_pfx(Path(options["pfx"]).read_bytes(), password=password, now=timezone.now())
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"The file cannot be read: {error}.", returncode=WRONG_USAGE) from error
    return None


def _as_json(certificate: EncryptionCertificate, *, is_new: bool) -> dict[str, Any]:
    return {
        "id": certificate.pk,
        "name": certificate.encryption_certificate_id,
        "status": "created" if is_new else "existing",
        "state": certificate.state,
        "thumbprint": certificate.thumbprint,
        "key_size": certificate.key_size,
        "not_before_at": certificate.not_before_at.isoformat(),
        "expires_at": certificate.not_after_at.isoformat(),
    }
