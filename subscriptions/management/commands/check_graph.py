"""Say what is wrong with credentials, permissions and reachability."""

import json
from argparse import ArgumentParser
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from subscriptions.models import AppRegistration
from subscriptions.services import self_test
from subscriptions.services.findings import Finding, Status

WRONG_USAGE = 2
ACTOR = "check_graph"
MARKS = {Status.OK: "\N{CHECK MARK}", Status.WARNING: "!", Status.ERROR: "\N{BALLOT X}"}
# For terminals and mails that know ASCII only.
PLAIN_MARKS = {Status.OK: "+", Status.WARNING: "!", Status.ERROR: "x"}


class Command(BaseCommand):
    help = (
        "Play Graph's handshake against PUBLIC_BASE_URL, sign in with every app registration, and say in plain "
        "words what is wrong and what to do. Run it outside the web server."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--app", metavar="NAME", help="Check only the app registration of this name.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Check; exit 1 when something does not work, 2 when there is no such app registration."""
        found = self_test.run(_chosen(options["app"]), now=timezone.now(), actor=ACTOR)
        if options["json"]:
            results = list(found)
            self.stdout.write(json.dumps(_summary(results)))
        else:
            results = self._told(found, is_silent=not options["verbosity"])
        if any(finding.status == Status.ERROR for finding in results):
            raise SystemExit(1)

    def _told(self, found: Iterable[Finding], *, is_silent: bool) -> list[Finding]:
        """Print each finding as soon as it is made, because some take seconds."""
        results = []
        for finding in found:
            results.append(finding)
            if not is_silent:
                self._tell(finding)
        return results

    def _tell(self, finding: Finding) -> None:
        mark = MARKS[finding.status] if self._knows_marks() else PLAIN_MARKS[finding.status]
        style = {Status.WARNING: self.style.WARNING, Status.ERROR: self.style.ERROR}.get(finding.status, str)
        self.stdout.write(style(f"{mark} {finding.check}, {finding.subject}: {finding.message}"))
        if finding.advice:
            self.stdout.write(f"    {finding.advice}")
        self.stdout.flush()

    def _knows_marks(self) -> bool:
        try:
            "".join(MARKS.values()).encode(getattr(self.stdout, "encoding", None) or "utf-8")
        except UnicodeEncodeError:
            return False
        return True


def _chosen(name: str | None) -> list[AppRegistration]:
    """Return the app registrations to check.

    Raises:
        CommandError: there is none of that name.

    """
    if name is None:
        return list(AppRegistration.objects.all())
    chosen = list(AppRegistration.objects.filter(name=name))
    if not chosen:
        known = ", ".join(AppRegistration.objects.values_list("name", flat=True)) or "none"
        raise CommandError(
            f"There is no app registration named {name!r}. There are: {known}.", returncode=WRONG_USAGE
        )
    return chosen


def _summary(results: list[Finding]) -> dict[str, Any]:
    errors = [finding for finding in results if finding.status == Status.ERROR]
    return {
        "ok": not errors,
        "findings": [asdict(finding) for finding in results],
        "errors": [f"{finding.check}, {finding.subject}: {finding.message}" for finding in errors],
    }
