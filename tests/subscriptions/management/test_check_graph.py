"""The command that says what is wrong."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from subscriptions.models import AppRegistration

pytestmark = pytest.mark.django_db(transaction=True)
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(webhook: str) -> Run:
    """Return a function that runs the command and returns its exit code and what it printed."""

    def run(*arguments: str, out: Any = None) -> tuple[int, str]:
        stdout = out or io.StringIO()
        try:
            call_command("check_graph", *arguments, stdout=stdout, no_color=True)
        except SystemExit as exit_:
            return int(str(exit_.code)), stdout.getvalue() if out is None else ""
        return 0, stdout.getvalue() if out is None else ""

    return run


def test_all_well_is_exit_0_with_a_mark_on_each_line(run: Run, app_registration: AppRegistration) -> None:
    code, text = run()

    assert code == 0
    assert f"\N{CHECK MARK} credentials, {app_registration.name}: The app signs in.\n" in text
    assert "! public address" in text
    assert "    Fine for trying things out" in text


def test_an_error_is_exit_1(run: Run, app_registration: AppRegistration) -> None:
    app_registration.client_secret = "wrong"
    app_registration.save()

    code, text = run()

    assert code == 1
    assert "\N{BALLOT X} credentials" in text


def test_json_is_one_object(run: Run, app_registration: AppRegistration) -> None:
    app_registration.client_secret = "wrong"
    app_registration.save()

    code, text = run("--json")

    answer = json.loads(text)
    assert (code, answer["ok"], len(answer["errors"])) == (1, False, 1)
    assert {tuple(finding) for finding in answer["findings"]} == {
        ("check", "subject", "status", "message", "advice")
    }
    assert {finding["status"] for finding in answer["findings"]} == {"ok", "warning", "error"}


def test_json_is_good_where_there_are_only_warnings(run: Run, app_registration: AppRegistration) -> None:
    assert app_registration.pk

    code, text = run("--json", "--app", app_registration.name)

    assert (code, json.loads(text)["ok"], json.loads(text)["errors"]) == (0, True, [])


def test_one_app_is_checked_alone(run: Run, app_registration: AppRegistration) -> None:
    other = AppRegistration.objects.create(name="Other", cloud="custom", tenant_id="t", client_id="c")

    _, text = run("--app", app_registration.name)

    assert app_registration.name in text
    assert f"credentials, {other.name}" not in text


def test_an_unknown_app_is_wrong_usage(run: Run, app_registration: AppRegistration) -> None:
    with pytest.raises(CommandError, match=f"There are: {app_registration.name}") as caught:
        run("--app", "Nobody")

    assert caught.value.returncode == 2


def test_silent_says_nothing_but_the_exit_code(run: Run, app_registration: AppRegistration) -> None:
    app_registration.client_secret = "wrong"
    app_registration.save()

    assert run("-v", "0") == (1, "")


def test_a_terminal_that_knows_ascii_only_gets_plain_marks(
    run: Run, app_registration: AppRegistration
) -> None:
    assert app_registration.pk
    raw = io.BytesIO()
    terminal = io.TextIOWrapper(raw, encoding="ascii", write_through=True)

    run(out=terminal)

    assert b"+ credentials, Contoso: The app signs in." in raw.getvalue()
