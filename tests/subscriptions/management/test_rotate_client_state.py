"""rotate_client_state: one, those of an app, or all."""

from collections.abc import Callable
from typing import Any

import pytest

from subscriptions.models import Subscription
from subscriptions.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

Run = Callable[..., Any]
Make = Callable[..., Subscription]


@pytest.mark.parametrize("by", ["number", "graph_id", "app", "all"])
def test_what_was_chosen_gets_a_new_client_state(by: str, run: Run, make_subscription: Make) -> None:
    row = make_subscription()
    chosen = {
        "number": ("--subscription", str(row.pk)),
        "graph_id": ("--subscription", (row.graph_id or "").upper()),
        "app": ("--app", "Contoso"),
        "all": ("--all",),
    }[by]

    answer = run("rotate_client_state", *chosen, "--json")

    assert (answer.code, answer.err) == (0, "")
    assert answer.json == {"due": 1, "rotated": 1, "failed": 0, "errors": []}
    assert Subscription.objects.get().client_state != row.client_state


def test_what_was_not_chosen_stays(run: Run, make_subscription: Make) -> None:
    row, other = make_subscription(), make_subscription(resource="/users", change_type="updated")

    run("rotate_client_state", "--subscription", str(row.pk))

    assert Subscription.objects.get(pk=other.pk).graph_id == other.graph_id


def test_what_was_removed_is_passed_over(run: Run, make_subscription: Make) -> None:
    make_subscription()
    Subscription.objects.update(status="removed")

    assert run("rotate_client_state", "--all", "--json").json["due"] == 0


def test_a_refusal_is_told_with_exit_1_and_no_secret(
    run: Run, make_subscription: Make, sandbox: Sandbox
) -> None:
    row = make_subscription()
    sandbox.add_fault(
        method="DELETE", status=403, body={"error": {"code": "ExtensionError", "message": "No"}}
    )

    answer = run("rotate_client_state", "--all")

    assert (answer.code, answer.out) == (1, "1 to rotate: 0 rotated, 1 failed.\n")
    assert f"Subscription {row}" in answer.err
    assert row.client_state.reveal() not in answer.err


def test_silence_is_kept(run: Run, make_subscription: Make) -> None:
    make_subscription()

    answer = run("rotate_client_state", "--all", "-v", "0")

    assert (answer.code, answer.out, answer.err) == (0, "", "")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--subscription", "77"),
        ("--subscription", "9" * 30),
        ("--subscription", "unknown"),
        ("--app", "Nobody"),
        ("--app", "Contoso", "--all"),
    ],
)
def test_a_wrong_choice_is_wrong_usage(arguments: tuple[str, ...], run: Run) -> None:
    answer = run("rotate_client_state", *arguments)

    assert (answer.code != 0, answer.out) == (True, "")
