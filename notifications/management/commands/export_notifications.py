"""Write notifications to a file for other tools."""

import getpass
import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from notifications.services import export
from subscriptions.management.progress import ProgressLine
from subscriptions.services import times

WRONG_USAGE = 2


class Command(BaseCommand):
    help = (
        "Export notifications, with their decrypted content. Times are UTC, for example 2026-11-17T10:00:00Z."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=sorted(export.FORMATS), default="ndjson")
        parser.add_argument("--since", metavar="TIME", help="Received at or after this time.")
        parser.add_argument("--until", metavar="TIME", help="Received before this time.")
        parser.add_argument(
            "--subscription", metavar="ID", default="", help="Graph's id of one subscription."
        )
        parser.add_argument("--output", metavar="FILE", help="Unset: standard output.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object; needs --output.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Export; exit 2 when a time or the file's place is wrong."""
        if options["json"] and not options["output"]:
            raise CommandError(
                "--json needs --output: rows and summary cannot share one stream.", returncode=WRONG_USAGE
            )
        selection = export.Selection(
            since=_time(options["since"]), until=_time(options["until"]), subscription=options["subscription"]
        )
        if not options["output"]:
            _write_out(selection, file_format=options["format"])
            return
        line = ProgressLine(self.stderr, is_wanted=options["verbosity"] > 0)
        try:
            count = _write_file(
                Path(options["output"]), selection, file_format=options["format"], progress=line.so_far
            )
        finally:
            line.clear()
        if options["json"]:
            self.stdout.write(json.dumps({"exported": count, "output": options["output"], "errors": []}))
        elif options["verbosity"]:
            self.stdout.write(f"{count} notifications written to {options['output']}.")


def _write_out(selection: export.Selection, *, file_format: str) -> None:
    try:
        _write(sys.stdout.buffer, selection, file_format=file_format)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Whoever reads has enough, as `head` does. What is left in the buffer must not fail again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write_file(
    path: Path, selection: export.Selection, *, file_format: str, progress: Callable[[int], None]
) -> int:
    try:
        # Decrypted content: readable by nobody else, unless the file is there already with other rights.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error}.", returncode=WRONG_USAGE) from error
    try:
        with os.fdopen(handle, "wb") as file:
            return _write(file, selection, file_format=file_format, progress=progress)
    except OSError as error:
        raise CommandError(f"{path} holds a part only: {error}.") from error


def _write(
    file: BinaryIO,
    selection: export.Selection,
    *,
    file_format: str,
    progress: Callable[[int], None] = lambda _rows: None,
) -> int:
    try:
        actor = f"export_notifications, run by {getpass.getuser()}"
        return export.write(
            file, selection, file_format=file_format, actor=actor, now=timezone.now(), progress=progress
        )
    except export.MissingLibraryError as error:
        raise CommandError(str(error), returncode=WRONG_USAGE) from error


def _time(text: str | None) -> datetime | None:
    try:
        return times.read(text) if text else None
    except ValueError as error:
        raise CommandError(str(error), returncode=WRONG_USAGE) from error
