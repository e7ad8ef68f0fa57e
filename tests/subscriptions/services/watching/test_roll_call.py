"""The roll call: what Graph's lists name is alive, and what they do not is asked for."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from subscriptions.models import Gap, Operation, Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.services import renewal_run
from subscriptions.services.watching import roll_call
from tests.subscriptions.services.conftest import Asked

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
SEEN_AT = datetime.now(UTC).replace(microsecond=0) - HOUR


@pytest.fixture
def alive(make_subscription: Callable[..., Subscription]) -> list[Subscription]:
    """Create two subscriptions that were last seen an hour ago."""
    rows = [make_subscription(resource=f"/users/{name}/messages") for name in ("ada", "bob")]
    Subscription.objects.update(seen_at=SEEN_AT)
    return rows


def hold() -> int:
    return roll_call.hold(clock=timezone.now)


def seen(row: Subscription) -> datetime | None:
    return Subscription.objects.get(pk=row.pk).seen_at


def test_what_the_list_names_has_been_seen_when_the_list_was_asked_for(
    alive: list[Subscription], asked: Asked
) -> None:
    before = timezone.now()

    assert hold() == 0

    assert len(asked("GET")) == 1
    assert all(before <= (seen(row) or SEEN_AT) <= timezone.now() for row in alive)


def test_what_the_list_does_not_name_is_due_and_keeps_when_it_was_seen(
    alive: list[Subscription], sandbox: Sandbox
) -> None:
    lost, left = alive
    sandbox.remove_subscription(lost.graph_id or "")

    assert hold() == 1

    assert list(Subscription.objects.due(timezone.now())) == [lost]
    assert (seen(lost), (seen(left) or SEEN_AT) > SEEN_AT) == (SEEN_AT, True)


def test_a_renewal_run_creates_again_what_the_list_does_not_name_and_bounds_the_gap(
    alive: list[Subscription], sandbox: Sandbox
) -> None:
    sandbox.remove_subscription(alive[0].graph_id or "")

    summary = renewal_run.run(clock=timezone.now, actor="test")

    gap = Gap.objects.get()
    assert (summary.due, summary.recreated) == (1, 1)
    assert (gap.subscription, gap.began_at) == (alive[0], SEEN_AT)
    assert gap.ended_at


def test_who_was_seen_a_moment_ago_is_not_asked_about(alive: list[Subscription], asked: Asked) -> None:
    hold()
    hold()
    Subscription.objects.update(seen_at=SEEN_AT)
    hold()

    assert len(asked("GET")) == 1


def test_an_empty_list_is_no_proof_that_all_are_gone(alive: list[Subscription], sandbox: Sandbox) -> None:
    for row in alive:
        sandbox.remove_subscription(row.graph_id or "")

    assert hold() == 0


def test_the_only_one_that_is_gone_is_found(alive: list[Subscription], sandbox: Sandbox) -> None:
    alive[1].delete()
    sandbox.remove_subscription(alive[0].graph_id or "")

    assert hold() == 1


def test_a_list_read_in_part_confirms_and_concludes_nothing_from_what_it_leaves_out(
    alive: list[Subscription], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roll_call, "PAGES_PER_APP", 1)
    sandbox.page_size = 1

    assert hold() == 0

    assert sorted((seen(row) or SEEN_AT) > SEEN_AT for row in alive) == [False, True]


def test_a_missing_one_that_failed_before_keeps_the_time_of_its_next_try(
    alive: list[Subscription], sandbox: Sandbox
) -> None:
    sandbox.remove_subscription(alive[0].graph_id or "")
    Subscription.objects.filter(pk=alive[0].pk).update(failures=1)

    assert hold() == 0


def test_a_list_that_cannot_be_read_does_not_keep_others_from_being_renewed(
    alive: list[Subscription], sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.add_fault(method="GET", status=403, body={"error": {"code": "Forbidden", "message": "No"}})
    Subscription.objects.filter(pk=alive[0].pk).update(renew_at=timezone.now())

    assert renewal_run.run(clock=timezone.now, actor="test").renewed == 1

    assert "roll call failed owner=" in caplog.text


def test_the_renewals_do_not_wait_for_all_lists(
    alive: list[Subscription], asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roll_call, "PATIENCE", timedelta(0))

    hold()

    assert asked("GET") == []


def test_a_look_leaves_no_line_in_the_log_of_calls(alive: list[Subscription]) -> None:
    before = Operation.objects.count()

    hold()

    assert Operation.objects.count() == before
