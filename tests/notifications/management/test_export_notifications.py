"""export_notifications: formats, places and wrong usage."""

import csv
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pyarrow import parquet

from notifications.models import ChangeNotification
from subscriptions.models import Subscription

pytestmark = pytest.mark.django_db

SubscriptionMaker = Callable[..., Subscription]
Receive = Callable[..., list[ChangeNotification]]


@pytest.fixture
def received(
    known: SubscriptionMaker, item_of: Callable[..., dict[str, Any]], receive: Receive
) -> ChangeNotification:
    """Receive one notification."""
    return receive(item_of(known()))[0]


def export(*arguments: str) -> str:
    out = io.StringIO()
    call_command("export_notifications", *arguments, stdout=out)
    return out.getvalue()


def test_rows_go_to_standard_output_and_nothing_else_does(
    received: ChangeNotification, capsys: pytest.CaptureFixture[str]
) -> None:
    export("--format", "ndjson")

    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["id"] == received.pk


@pytest.mark.parametrize("file_format", ["csv", "ndjson"])
def test_rows_go_to_a_file_and_the_summary_to_standard_output(
    file_format: str, received: ChangeNotification, tmp_path: Path
) -> None:
    file = tmp_path / "rows"

    summary = json.loads(export("--format", file_format, "--output", str(file), "--json"))

    assert summary == {"exported": 1, "output": str(file), "errors": []}
    text = file.read_text(encoding="utf-8")
    (row,) = csv.DictReader(io.StringIO(text)) if file_format == "csv" else [json.loads(text)]
    assert int(row["id"]) == received.pk


@pytest.mark.usefixtures("received")
def test_a_file_of_decrypted_content_is_for_its_owner_only(tmp_path: Path) -> None:
    export("--output", str(tmp_path / "rows"), "-v", "0")

    assert (tmp_path / "rows").stat().st_mode & 0o777 == 0o600


def test_at_verbosity_0_only_the_file_speaks(received: ChangeNotification, tmp_path: Path) -> None:
    assert export("--output", str(tmp_path / "rows"), "-v", "0") == ""
    assert str(received.pk) in (tmp_path / "rows").read_text()


@pytest.mark.usefixtures("received")
@pytest.mark.parametrize(("verbosity", "told"), [(0, False), (1, True)])
def test_a_terminal_sees_how_far_it_is(
    verbosity: int, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifications.services.export.TOLD_EVERY", 1)
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)

    call_command(
        "export_notifications",
        output=tmp_path / "rows",
        verbosity=verbosity,
        stdout=io.StringIO(),
        stderr=terminal,
    )

    assert ("1 so far" in terminal.getvalue()) is told


@pytest.mark.usefixtures("received")
@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        (["--since", "2020-01-01T00:00:00Z"], 1),
        (["--since", "2020-01-01"], 1),
        (["--until", "2020-01-01T00:00:00"], 0),
        (["--since", "2999-01-01T00:00:00+02:00"], 0),
        (["--subscription", "unknown"], 0),
    ],
)
def test_rows_are_chosen_by_time_and_subscription(
    arguments: list[str], rows: int, capsys: pytest.CaptureFixture[str]
) -> None:
    export(*arguments)

    assert len(capsys.readouterr().out.splitlines()) == rows


@pytest.mark.parametrize(
    "arguments",
    [
        ["--since", "yesterday"],
        ["--until", "2026-13-01T00:00:00Z"],
        ["--since", "0001-01-01T00:00:00+14:00"],
        ["--json"],
        ["--output", "/nonexistent/place/rows"],
        ["--format", "xml"],
    ],
)
def test_wrong_usage_is_explained_and_ends_with_2(arguments: list[str]) -> None:
    with pytest.raises(CommandError) as told:
        export(*arguments)

    assert told.value.returncode == 2 or arguments[0] == "--format"
    assert str(told.value)


@pytest.mark.usefixtures("received")
def test_a_file_that_cannot_be_finished_is_a_failure_and_no_wrong_usage() -> None:
    with pytest.raises(CommandError, match="holds a part only") as caught:
        export("--output", "/dev/full")

    assert caught.value.returncode == 1


@pytest.mark.usefixtures("received")
def test_whoever_reads_may_stop_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as out:
        monkeypatch.setattr(sys, "stdout", out)

        export("--format", "csv")


@pytest.mark.usefixtures("received")
def test_parquet_without_its_library_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(CommandError, match=r"\.\[parquet\]") as caught:
        export("--format", "parquet", "--output", str(tmp_path / "rows"))

    assert caught.value.returncode == 2


@pytest.mark.usefixtures("received")
def test_parquet_goes_to_a_file(tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"

    export("--format", "parquet", "--output", str(file), "-v", "0")

    assert parquet.read_table(file).num_rows == 1
