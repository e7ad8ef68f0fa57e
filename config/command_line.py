"""The command line: Django's, silent where it is asked to be, and plain about what no command can work with."""

import json
import logging
import sys
from collections.abc import Sequence

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.core.management.base import CommandParser
from django.db import Error
from django.utils import timezone

SOMETHING_FAILED = 1
# 128 and the number of the signal, as shells say it.
INTERRUPTED = 130


def run(arguments: Sequence[str]) -> None:
    """Run the command that the arguments name, which begin with that of the program.

    With `-v 0` nothing below a warning is logged, so that cron mails only what needs somebody. With a setting that is
    refused, without a database, or with one that was not migrated, no command can work: that is said in a line instead
    of a traceback.
    """
    parser = CommandParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-v", "--verbosity", default="1")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--traceback", action="store_true")
    options, _ = parser.parse_known_args(list(arguments[2:]))
    if options.verbosity == "0":
        logging.disable(logging.INFO)
    try:
        execute_from_command_line(list(arguments))
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. What was done is kept; it is safe to run again.\n")
        sys.exit(INTERRUPTED)
    except (ImproperlyConfigured, Error) as error:
        problem = str(error) if isinstance(error, ImproperlyConfigured) else _problem_of_the_database()
        if problem is None or options.traceback:
            raise
        if options.json:
            sys.stdout.write(json.dumps({"errors": [problem]}) + "\n")
        else:
            sys.stderr.write(f"CommandError: {problem}\n")
        sys.exit(SOMETHING_FAILED)


def _problem_of_the_database() -> str | None:
    """Return why no command can work; None if the database has nothing to do with it."""
    # Models can be imported only after the command has set Django up.
    from notifications.services.watching import readiness

    try:
        status: str = readiness.look(now=timezone.now())["status"]
    except Error:
        return (
            "The database does not answer. Check DATABASE_URL, and whether the server runs and takes us in."
        )
    return None if status == readiness.READY else f"The {status}."
