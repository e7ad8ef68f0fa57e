"""The command that compares with Graph."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from subscriptions.models import Run as RecordedRun
from subscriptions.models import Sighting, Subscription
from subscriptions.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Subscription]
Run = Callable[..., Any]
STRAY = "11111111-2222-4333-8444-555555555555"
NAMES = {
    "in_step",
    "drifted",
    "gone",
    "mended",
    "recreated",
    "adopted",
    "removed",
    "failed",
    "unknown",
    "errors",
}


@pytest.fixture
def stray(make_subscription: Make, sandbox: Sandbox) -> str:
    """Put a subscription at Graph that nobody here asked for."""
    row = make_subscription()
    copy = replace(
        sandbox.subscriptions[str(row.graph_id)], id=STRAY, resource="/users", client_state="theirs"
    )
    sandbox._shelf.add(copy, lambda _: None)
    return STRAY


def test_the_summary_keeps_its_names(make_subscription: Make, run: Run) -> None:
    make_subscription()

    answer = run("sync_subscriptions", "--json")

    assert answer.code == 0
    assert answer.json.keys() == NAMES
    assert (answer.json["in_step"], answer.json["unknown"]) == (1, [])


def test_a_run_is_written_down_with_its_figures(stray: str, run: Run) -> None:
    run("sync_subscriptions")

    kept = RecordedRun.objects.get(command="sync_subscriptions")
    assert (kept.outcome, kept.summary["in_step"], kept.summary["unknown"]) == ("succeeded", 1, 1)


def test_an_unknown_one_is_named_with_what_can_be_done(stray: str, run: Run) -> None:
    answer = run("sync_subscriptions")

    assert stray in answer.out
    assert "--adopt ID" in answer.out


def test_a_machine_reads_when_an_unknown_one_ends(stray: str, run: Run) -> None:
    (unknown,) = run("sync_subscriptions", "--json").json["unknown"]

    assert unknown["graph_id"] == stray
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", unknown["expires_at"])


def test_an_unknown_one_is_adopted_by_its_id(stray: str, run: Run) -> None:
    answer = run("sync_subscriptions", "--json", "--adopt", stray.upper())

    assert (answer.code, answer.json["adopted"], answer.json["unknown"]) == (0, 1, [])
    assert Subscription.objects.filter(graph_id=stray, status="active").exists()


def test_an_unknown_one_is_removed_by_its_id(stray: str, sandbox: Sandbox, run: Run) -> None:
    answer = run("sync_subscriptions", "--json", "--remove", stray)

    assert (answer.json["removed"], stray in sandbox.subscriptions) == (1, False)


def test_an_id_that_graph_does_not_show_is_an_error(make_subscription: Make, run: Run) -> None:
    make_subscription()

    answer = run("sync_subscriptions", "--remove", STRAY)

    assert (answer.code, STRAY in answer.err) == (1, True)


def test_what_is_ours_is_never_removed_by_this_command(
    make_subscription: Make, sandbox: Sandbox, run: Run
) -> None:
    row = make_subscription()

    assert run("sync_subscriptions", "--remove", str(row.graph_id)).code == 1
    assert list(sandbox.subscriptions) == [row.graph_id]


def test_a_dry_run_changes_nothing_but_what_the_admin_shows(stray: str, sandbox: Sandbox, run: Run) -> None:
    before = dict(sandbox.subscriptions)

    run("sync_subscriptions", "--dry-run")

    assert sandbox.subscriptions == before
    assert Sighting.objects.filter(state="unknown", graph_id=stray).exists()


@pytest.mark.parametrize(
    "arguments",
    [("--app", "nobody"), ("--dry-run", "--adopt", STRAY), ("--adopt", STRAY, "--remove", STRAY)],
)
def test_wrong_usage_is_told(db: None, run: Run, arguments: tuple[str, ...]) -> None:
    assert run("sync_subscriptions", *arguments).code == 2
