"""Put every stored secret and body under the first of FIELD_ENCRYPTION_KEYS."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from subscriptions.services import key_rotation


class Command(BaseCommand):
    help = (
        "Encrypt anew, with the first of FIELD_ENCRYPTION_KEYS, what lies under an older one. Everything may run "
        "meanwhile, provided that every process was restarted with the new key in the first place."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only count.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Rotate; exit 1 when a value could not be opened or stayed in other hands."""
        summary = key_rotation.rotate(is_dry_run=options["dry_run"])
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(summary, is_dry_run=options["dry_run"])))
        elif options["verbosity"]:
            self._tell(summary)
        if summary.total("failed") or summary.total("busy"):
            raise SystemExit(1)

    def _tell(self, summary: key_rotation.Summary) -> None:
        for column in summary.columns:
            self.stdout.write(
                f"{column.table}.{column.column}: {column.values} values, {sum(column.due.values())} under an older "
                f"key, {column.rotated} encrypted anew, {column.busy} in other hands, {column.failed} not opened."
            )
        for position in summary.unneeded_keys:
            self.stdout.write(
                f"Key {position} of FIELD_ENCRYPTION_KEYS is no longer needed here. Keep it for as long as you keep "
                "back-ups of before."
            )
        for error in summary.errors:
            self.stderr.write(error)
        if summary.total("failed"):
            self.stderr.write(
                f"{summary.total('failed')} values were left alone. Put back the key they were written with, after "
                "the current one, and run this again; or enter the secrets again."
            )
        if summary.total("busy"):
            self.stderr.write(f"{summary.total('busy')} rows stayed in other hands. Run this again.")


def _as_json(summary: key_rotation.Summary, *, is_dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": is_dry_run,
        **{name: summary.total(name) for name in ("values", "rotated", "busy", "failed")},
        "due": summary.due,
        "unneeded_keys": summary.unneeded_keys,
        "columns": [asdict(column) for column in summary.columns],
        "errors": summary.errors,
    }
