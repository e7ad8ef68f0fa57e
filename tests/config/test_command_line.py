"""The command line, as cron and operators use it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Manage = Callable[..., Any]

NOWHERE = "postgres://nobody:hidden-away@127.0.0.1:1/nothing"


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({}, "The migrations are not applied: run manage.py migrate."),
        ({"DATABASE_URL": NOWHERE}, "The database does not answer."),
    ],
)
def test_a_command_that_finds_no_database_says_so_in_a_line(
    variables: dict[str, str], problem: str, manage: Manage
) -> None:
    answer = manage("renew_subscriptions", **variables)

    assert (answer.returncode, answer.stdout) == (1, "")
    assert f"CommandError: {problem}" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "hidden-away" not in answer.stderr


def test_a_setting_that_is_refused_is_said_in_a_line(manage: Manage) -> None:
    answer = manage("renew_subscriptions", PUBLIC_BASE_URL="http://graph.example.org")

    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith("CommandError: PUBLIC_BASE_URL must begin with https://")
    assert "Traceback" not in answer.stderr


def test_a_machine_is_told_so_by_one_object(manage: Manage) -> None:
    answer = manage("process_notifications", "--json")

    assert answer.returncode == 1
    assert json.loads(answer.stdout) == {"errors": ["The migrations are not applied: run manage.py migrate."]}


def test_a_traceback_is_there_for_whoever_asks_for_it(manage: Manage) -> None:
    assert "Traceback" in manage("renew_subscriptions", "--traceback").stderr


@pytest.mark.parametrize(
    ("options", "is_silent"), [(("-v", "0"), True), (("--verbosity=0",), True), ((), False)]
)
def test_what_needs_nobody_is_not_logged_where_a_command_is_to_be_silent(
    options: tuple[str, ...], is_silent: bool, manage: Manage
) -> None:
    log = "import logging; logging.getLogger('x').info('done'); logging.getLogger('x').warning('careful')"

    answer = manage("shell", "-c", log, *options)

    assert ("INFO x done" not in answer.stderr) is is_silent
    assert "WARNING x careful" in answer.stderr


def test_whoever_interrupts_a_command_is_told_that_nothing_is_lost(manage: Manage) -> None:
    # Where the tests run in the background, a shell has had the signal ignored.
    heard = "import os, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "

    interrupted = manage("shell", "-v", "0", "-c", f"{heard}os.kill(os.getpid(), signal.SIGINT)")

    assert interrupted.returncode == 130
    assert interrupted.stderr.strip() == "Interrupted. What was done is kept; it is safe to run again."
