"""rotate_certificate: by a new one or one that is here, as subscriptions are renewed or now."""

from collections.abc import Callable
from typing import Any

import pytest

from subscriptions.models import EncryptionCertificate, Subscription
from subscriptions.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

Run = Callable[..., Any]


@pytest.fixture
def rich(make_subscription: Callable[..., Subscription], certificate: EncryptionCertificate) -> Subscription:
    """Make a subscription with content."""
    return make_subscription(
        resource="/teams/getAllMessages",
        change_type="created",
        include_resource_data=True,
        encryption_certificate=certificate,
    )


def test_a_new_one_takes_its_place_and_subscriptions_move_later(run: Run, rich: Subscription) -> None:
    answer = run("rotate_certificate", "--name", "hooks", "--new-name", "hooks-2", "--json")

    shown = {name: answer.json[name] for name in ("status", "successor", "to_move", "moved", "left")}
    assert (answer.code, answer.err) == (0, "")
    assert shown == {"status": "draining", "successor": "hooks-2", "to_move": 1, "moved": 0, "left": 1}


def test_with_now_they_move_at_once(run: Run, rich: Subscription, sandbox: Sandbox) -> None:
    answer = run("rotate_certificate", "--name", "hooks", "--new-name", "hooks-2", "--now")

    assert answer.code == 0
    assert "hooks is replaced by hooks-2: 1 of 1 subscriptions have moved" in answer.out
    assert [one.encryption_certificate_id for one in sandbox.subscriptions.values()] == ["hooks-2"]


def test_one_that_is_here_takes_its_place(run: Run, rich: Subscription) -> None:
    run("add_certificate", "--name", "other")

    assert (
        run("rotate_certificate", "--name", "hooks", "--to", "other", "--json").json["successor"] == "other"
    )


def test_twice_makes_no_second_certificate(run: Run, rich: Subscription) -> None:
    first, second = (run("rotate_certificate", "--name", "hooks", "--json") for _ in range(2))

    assert first.json == second.json
    assert EncryptionCertificate.objects.count() == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--name", "nobody"), "There is no encryption certificate nobody"),
        (("--name", "hooks", "--to", "nobody"), "There is no encryption certificate nobody"),
        (("--name", "hooks", "--to", "hooks"), "hooks cannot take its place"),
        (("--name", "hooks", "--new-name", "two words"), "Use letters, digits"),
    ],
)
def test_what_cannot_be_is_wrong_usage(
    run: Run, certificate: EncryptionCertificate, options: tuple[str, ...], said: str
) -> None:
    answer = run("rotate_certificate", *options)

    assert answer.code == 2
    assert said in answer.err
    assert EncryptionCertificate.objects.count() == 1


def test_what_is_replaced_is_not_replaced_by_a_third(run: Run, certificate: EncryptionCertificate) -> None:
    run("rotate_certificate", "--name", "hooks", "--new-name", "hooks-2")

    answer = run("rotate_certificate", "--name", "hooks", "--new-name", "hooks-3")

    assert answer.code == 2
    assert "by hooks-2 already" in answer.err


def test_a_refusal_is_told_with_exit_1(run: Run, rich: Subscription, sandbox: Sandbox) -> None:
    sandbox.add_fault(method="PATCH", status=403, body={"error": {"code": "ExtensionError", "message": "No"}})

    answer = run("rotate_certificate", "--name", "hooks", "--now")

    assert answer.code == 1
    assert "/teams/getAllMessages" in answer.err
