"""The command that erases what mentions somebody."""

import json
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from notifications.models import ChangeNotification, ContentErasure, LegalHold, NotificationContent
from notifications.services.holds import holding

pytestmark = pytest.mark.django_db


def erase(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("erase_content", "--json", *arguments, stdout=out)
    return dict(json.loads(out.getvalue()))


def notify(state: str) -> None:
    now = datetime.now(UTC)
    notification = ChangeNotification.objects.create(
        state=state, received_at=now, last_received_at=now, processed_at=now, resource="users/zoe@x.example"
    )
    NotificationContent.objects.create(notification=notification, data={}, opened_at=now)


def test_it_erases_and_names_who_ran_it() -> None:
    notify("accepted")

    assert erase("--mentioning", "zoe@x.example") == {
        "erased": 1,
        "deliveries": 0,
        "held": 0,
        "held_by": {},
        "left": 0,
        "dry_run": False,
        "errors": [],
    }
    assert ContentErasure.objects.get().actor.startswith("erase_content, run by")


def test_a_dry_run_only_counts() -> None:
    notify("accepted")

    assert erase("--mentioning", "zoe@x.example", "--dry-run")["erased"] == 1
    assert NotificationContent.objects.exists()


def test_what_is_left_because_it_waits_is_told_and_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    notify("waiting")

    with pytest.raises(SystemExit) as stop:
        call_command("erase_content", "--mentioning", "zoe@x.example")

    assert stop.value.code == 1
    assert "Left because it waits or is in work: 1." in capsys.readouterr().err


def test_what_is_older_than_a_time_is_erased() -> None:
    notify("accepted")
    assert erase("--received-before", "2026-01-01")["erased"] == 0

    assert erase("--received-before", "2999-01-01T00:00:00Z")["erased"] == 1

    assert ContentErasure.objects.get().selection == "received before 2999-01-01T00:00:00+00:00"


def test_what_a_legal_hold_keeps_is_told_and_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    notify("accepted")
    hold = LegalHold(name="Case 7", reason="r", mentioning="zoe@x.example")
    holding.place(hold, actor="ann", now=datetime.now(UTC))
    assert erase("--mentioning", "zoe@x.example", "--dry-run")["held_by"] == {"Case 7": 1}

    with pytest.raises(SystemExit) as stop:
        call_command("erase_content", "--mentioning", "zoe@x.example")

    assert stop.value.code == 1
    assert "Left under legal hold: 1, by Case 7 (1)." in capsys.readouterr().err
    assert NotificationContent.objects.exists()


@pytest.mark.parametrize("arguments", [(), ("--received-before", "yesterday")])
def test_without_anything_that_makes_sense_nothing_is_erased(arguments: tuple[str, ...]) -> None:
    notify("accepted")

    with pytest.raises(CommandError) as error:
        erase(*arguments)

    assert error.value.returncode == 2
    assert NotificationContent.objects.exists()


def test_a_text_that_means_nobody_is_wrong_usage() -> None:
    with pytest.raises(CommandError) as error:
        erase("--mentioning", "zoe")

    assert error.value.returncode == 2
