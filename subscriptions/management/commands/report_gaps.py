"""Say when subscriptions did not listen, and what became of the changes of then."""

import json
from argparse import ArgumentParser
from collections import Counter
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from subscriptions.models import Gap, Subscription
from subscriptions.services import times
from subscriptions.services.gaps import gap_report
from subscriptions.services.gaps.gap_report import History

WRONG_USAGE = 2


class Command(BaseCommand):
    help = (
        "For each subscription: since when Graph tells of changes, when it did not, and whether what changed then is "
        "recovered, awaits recovery or cannot be recovered. Times are UTC."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--subscription",
            metavar="ID",
            type=int,
            action="append",
            default=[],
            help="Our number of a subscription; may be repeated. Unset: all.",
        )
        parser.add_argument("--since", metavar="TIME", help="Leave out what was over before this time.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Report; exit 2 when a subscription or a time makes no sense."""
        rows = Subscription.objects.all()
        if wanted := set(options["subscription"]):
            rows = rows.filter(pk__in=wanted)
            if missing := wanted - set(rows.values_list("pk", flat=True)):
                named = ", ".join(str(pk) for pk in sorted(missing))
                raise CommandError(f"There is no subscription {named}.", returncode=WRONG_USAGE)
        found = list(gap_report.histories(rows, now=timezone.now(), since=_time(options["since"])))
        states = Counter(gap.state for history in found for gap in history.gaps)
        counts = {state: states[state] for state in Gap.State.values}
        is_open = sum(not history.is_listening for history in found)
        if options["json"]:
            summary = {"gaps": sum(states.values()), **counts, "not_listening": is_open, "errors": []}
            answer = {**summary, "subscriptions": [history.as_json() for history in found]}
            self.stdout.write(json.dumps(answer))
        elif options["verbosity"]:
            for history in found:
                self._tell(history)
            told = ", ".join(f"{count} {Gap.State(state).label.lower()}" for state, count in counts.items())
            self.stdout.write(f"{len(found)} subscriptions, {is_open} not listening now; gaps: {told}.")

    def _tell(self, history: History) -> None:
        now = "listening" if history.is_listening else "not listening"
        since = f"{history.listening_since:%Y-%m-%d %H:%M:%S}" if history.listening_since else "never"
        self.stdout.write(f"{history.subscription} ({now} now; first at Graph {since})")
        for gap in history.gaps:
            began = f"{gap.began_at:%Y-%m-%d %H:%M:%S}"
            if not gap.is_exact:
                began = f"between {began} and {gap.began_by:%Y-%m-%d %H:%M:%S}"
            ended = f"{gap.ended_at:%Y-%m-%d %H:%M:%S}" if gap.ended_at else "now"
            label, state = Gap.Cause(gap.cause).label, Gap.State(gap.state).label
            self.stdout.write(f"  {began} until {ended}: {label}. {state}. {gap.note}".rstrip())


def _time(text: str | None) -> datetime | None:
    try:
        return times.read(text) if text else None
    except ValueError as error:
        raise CommandError(str(error), returncode=WRONG_USAGE) from error
