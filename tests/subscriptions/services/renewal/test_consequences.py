"""Every answer of Graph has its consequence within the run, or says when the next try is."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from subscriptions.models import AppRegistration, Operation, Subscription
from subscriptions.sandbox import RecordedRequest, Sandbox
from subscriptions.services import alerts, renewal

pytestmark = pytest.mark.django_db(transaction=True)

Due = Callable[..., list[Subscription]]
Run = Callable[..., renewal.Summary]
Asked = Callable[..., list[RecordedRequest]]
BATCH = r"/\$batch$"
TOO_LONG = "Subscription expiration can only be 240 minutes in the future."
MINUTE = timedelta(minutes=1)


def tokens_asked(sandbox: Sandbox) -> int:
    return sum(one.path.endswith("/oauth2/v2.0/token") for one in sandbox.requests)


def refusal(message: str = "No", code: str = "ExtensionError") -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


@pytest.mark.parametrize("retry_after", ["3", "3.25", "date"])
def test_a_short_wait_that_graph_asks_for_one_of_many_is_kept_within_the_run(
    make_due: Due, run: Run, sandbox: Sandbox, naps: list[float], now: datetime, retry_after: str
) -> None:
    rows = make_due(3)
    header = (
        format_datetime(now + timedelta(seconds=30), usegmt=True) if retry_after == "date" else retry_after
    )
    sandbox.add_fault(
        method="PATCH", path=rows[1].graph_id or "", status=429, headers={"Retry-After": header}
    )

    summary = run()

    assert (summary.renewed, summary.failed) == (3, 0)
    assert sum(naps) == pytest.approx({"3": 3, "3.25": 3.25}.get(retry_after, 29), abs=2)


def test_a_short_wait_for_the_whole_batch_is_kept_within_the_run(
    make_due: Due, run: Run, sandbox: Sandbox, naps: list[float]
) -> None:
    make_due(3)
    sandbox.add_fault(path=BATCH, status=429, headers={"Retry-After": "17"})

    assert run().renewed == 3
    assert sum(naps) == pytest.approx(17, abs=1)


def test_a_long_wait_for_the_whole_batch_puts_its_rows_off_until_then(
    make_due: Due, run: Run, sandbox: Sandbox, naps: list[float], now: datetime
) -> None:
    make_due(3)
    sandbox.add_fault(path=BATCH, status=503, headers={"Retry-After": "1200"}, times=None)

    summary = run()

    assert (summary.failed, naps) == (3, [])
    assert set(Subscription.objects.values_list("renew_at", "claim")) == {(now + 20 * MINUTE, "")}


def test_a_throttled_tenant_holds_no_other_up(
    make_due: Due, run: Run, sandbox: Sandbox, another_app: AppRegistration, now: datetime
) -> None:
    throttled = make_due(2, app_registration=another_app)
    others = make_due(30)
    naps: list[int] = []
    for row in throttled:
        sandbox.add_fault(method="PATCH", path=row.graph_id or "", status=429, headers={"Retry-After": "50"})

    def nap(_: float) -> None:
        naps.append(Subscription.objects.filter(renewed_at=now).count())

    summary = run(sleep=nap)

    assert (summary.renewed, summary.failed) == (32, 0)
    assert naps == [len(others)]


def test_a_dead_tenant_holds_no_other_up(
    make_due: Due, run: Run, sandbox: Sandbox, another_app: AppRegistration
) -> None:
    make_due(2, app_registration=another_app)
    make_due(2)
    # With another secret no token is remembered.
    AppRegistration.objects.filter(pk=another_app.pk).update(client_secret="another")
    sandbox.add_fault(path=another_app.tenant_id, drop=True, times=None)

    summary = run()

    assert (summary.renewed, summary.failed) == (2, 2)
    assert {failure.code for failure in summary.errors} == {"UnreachableError"}


def test_a_dead_credential_is_found_out_once_in_a_run(
    make_due: Due, run: Run, sandbox: Sandbox, asked: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    make_due(45)
    AppRegistration.objects.update(client_secret="wrong")
    before, patched = tokens_asked(sandbox), len(asked("PATCH"))
    caplog.set_level(logging.WARNING, "subscriptions")
    caplog.clear()

    summary = run()

    assert (summary.failed, tokens_asked(sandbox) - before, len(asked("PATCH"))) == (45, 1, patched)
    assert set(Subscription.objects.values_list("error_code", "failures")) == {("AADSTS7000215", 1)}
    assert len(caplog.records) == 1


def test_a_dead_credential_is_written_on_the_log_once_and_not_in_every_run(
    make_due: Due, run: Run, now: datetime
) -> None:
    make_due(2)
    AppRegistration.objects.update(client_secret="wrong")

    for _ in range(3):
        run()
        Subscription.objects.update(renew_at=now)

    assert Operation.objects.filter(action="renew").count() == 2
    assert set(Subscription.objects.values_list("failures", flat=True)) == {3}


def test_a_token_that_is_refused_inside_the_batch_is_replaced_too(
    make_due: Due, run: Run, sandbox: Sandbox
) -> None:
    rows = make_due(3)
    before = tokens_asked(sandbox)
    sandbox.add_fault(method="PATCH", path=rows[1].graph_id or "", status=401, body=refusal())

    assert run().renewed == 3
    assert tokens_asked(sandbox) - before == 1


def test_a_life_that_graph_does_not_grant_is_asked_for_again_at_once_and_remembered(
    make_due: Due, run: Run, sandbox: Sandbox, asked: Asked, now: datetime
) -> None:
    rows = make_due(2)
    sandbox.add_fault(method="PATCH", path=rows[0].graph_id or "", status=400, body=refusal(TOO_LONG))

    first = run()
    Subscription.objects.update(renew_at=now)
    second = run()

    rows[0].refresh_from_db()
    assert (first.renewed, second.renewed, len(asked("PATCH"))) == (2, 2, 5)
    assert rows[0].expires_at == now + 238 * MINUTE
    assert (rows[0].ceiling_minutes, rows[0].ceiling_learnt_at) == (240, now)


def test_what_was_learnt_about_a_life_is_forgotten_after_a_week(
    make_due: Due, run: Run, now: datetime
) -> None:
    make_due(1, ceiling_minutes=240, ceiling_learnt_at=now - timedelta(days=7))

    run()

    assert Subscription.objects.get().expires_at == now + 10_078 * MINUTE


def test_a_400_that_names_no_life_is_answered_with_a_careful_hour(
    make_due: Due, run: Run, sandbox: Sandbox, now: datetime
) -> None:
    make_due()
    sandbox.add_fault(method="PATCH", status=400, body=refusal("Bad request", code="InvalidRequest"))

    assert run().renewed == 1
    assert Subscription.objects.get().expires_at == now + 58 * MINUTE


def test_a_400_that_no_life_helps_is_kept_and_teaches_nothing(
    make_due: Due, run: Run, sandbox: Sandbox, asked: Asked
) -> None:
    make_due()
    sandbox.add_fault(
        method="PATCH", status=400, body=refusal("Bad request", code="InvalidRequest"), times=None
    )

    assert run().failed == 1
    row = Subscription.objects.get()
    assert (row.error_code, row.ceiling_minutes, len(asked("PATCH"))) == ("InvalidRequest", None, 2)


@pytest.mark.parametrize(
    "trouble",
    [
        {"drop": True},
        {"status": 502, "body": "<html>Bad gateway</html>"},
        {"status": 504, "body": refusal()},
    ],
)
def test_a_batch_that_was_done_and_not_answered_is_sent_again_without_harm(
    make_due: Due, run: Run, sandbox: Sandbox, trouble: dict[str, Any]
) -> None:
    make_due(3)
    sandbox.add_fault(path=BATCH, act=True, **trouble)

    assert run().renewed == 3
    assert len(sandbox.subscriptions) == 3


def test_when_graph_stays_out_of_reach_the_run_ends_soon_and_the_next_one_renews(
    make_due: Due, run: Run, sandbox: Sandbox, naps: list[float], now: datetime
) -> None:
    make_due(45)
    sandbox.add_fault(path=BATCH, drop=True, times=None)
    lost = run()
    sandbox.clear_faults()
    Subscription.objects.update(renew_at=now)

    assert (lost.failed, sum(naps) < 10) == (45, True)
    assert run().renewed == 45


def test_what_is_gone_is_created_again_by_several_calls_at_once(
    make_due: Due, run: Run, sandbox: Sandbox
) -> None:
    rows = make_due(6)
    for row in rows:
        sandbox.remove_subscription(row.graph_id or "")
    sandbox.add_fault(method="POST", path=r"/subscriptions$", delay=0.3, times=None)
    began = datetime.now().astimezone()

    assert run().recreated == 6
    assert datetime.now().astimezone() - began < timedelta(seconds=6 * 0.3 + 2)


def test_a_create_call_that_is_throttled_for_a_moment_is_made_within_the_run(
    make_due: Due, run: Run, sandbox: Sandbox, naps: list[float]
) -> None:
    [row] = make_due()
    sandbox.remove_subscription(row.graph_id or "")
    sandbox.add_fault(method="POST", path=r"/subscriptions$", status=429, headers={"Retry-After": "5"})

    assert run().recreated == 1
    assert sum(naps) == pytest.approx(5, abs=1)


def test_a_create_call_that_was_done_and_not_answered_is_found_at_graph(
    make_due: Due, run: Run, sandbox: Sandbox
) -> None:
    [row] = make_due()
    sandbox.remove_subscription(row.graph_id or "")
    sandbox.add_fault(method="POST", path=r"/subscriptions$", drop=True, act=True)

    assert run().recreated == 1
    assert list(sandbox.subscriptions) == [Subscription.objects.get().graph_id]


def test_a_click_does_not_wait_long(make_due: Due, sandbox: Sandbox, now: datetime) -> None:
    [row] = make_due()
    naps: list[float] = []
    sandbox.add_fault(method="PATCH", status=429, headers={"Retry-After": "30"}, times=None)

    with pytest.raises(Exception, match="429"):
        renewal.renew(row, now=now, actor="alice", sleep=naps.append)

    assert (naps, row.renew_at) == ([], now + MINUTE)


@pytest.mark.parametrize("last", [{"drop": True}, {"status": 503, "headers": {"Retry-After": "1200"}}])
def test_after_a_renewal_that_was_not_answered_the_least_that_graph_grants_is_reckoned_with(
    make_due: Due, run: Run, sandbox: Sandbox, now: datetime, last: dict[str, Any]
) -> None:
    [row] = make_due(expires_at=now + timedelta(days=3))
    sandbox.longest_grant = 45 * MINUTE
    sandbox.add_fault(method="PATCH", act=True, drop=True)
    sandbox.add_fault(method="PATCH", times=None, **last)

    run()

    row.refresh_from_db()
    held = sandbox.subscriptions[row.graph_id or ""].expires_at
    assert (row.may_end_at, row.expires_at) == (now + 45 * MINUTE, now + timedelta(days=3))
    assert now + 45 * MINUTE <= held


def test_the_end_is_known_again_with_the_first_answer(
    make_due: Due, run: Run, sandbox: Sandbox, now: datetime
) -> None:
    [row] = make_due()
    sandbox.add_fault(method="PATCH", drop=True, times=None)
    run()
    sandbox.clear_faults()

    run(clock=lambda: now + MINUTE)

    row.refresh_from_db()
    assert (row.may_end_at, row.failures) == (None, 0)


def test_a_renewal_that_graph_refused_for_sure_leaves_the_end_as_it_is(
    make_due: Due, run: Run, sandbox: Sandbox
) -> None:
    [row] = make_due()
    sandbox.add_fault(method="PATCH", status=403, body=refusal(), times=None)

    run()

    row.refresh_from_db()
    assert row.may_end_at is None


def test_it_is_told_of_before_the_earliest_end_that_graph_may_hold(
    make_due: Due, run: Run, sandbox: Sandbox, now: datetime
) -> None:
    [row] = make_due(expires_at=now + timedelta(days=3))
    sandbox.longest_grant = 45 * MINUTE
    sandbox.add_fault(path=BATCH, act=True, drop=True)
    sandbox.add_fault(method="PATCH", act=True, drop=True)
    sandbox.add_fault(times=None, status=503)

    for minutes in (0, 10, 20, 30):
        run(clock=lambda at=now + minutes * MINUTE: at)
        alerts.watch(now=now + minutes * MINUTE)

    told = row.alerted.get()
    assert told.since_at < sandbox.subscriptions[row.graph_id or ""].expires_at


def test_a_conflict_is_looked_up_and_what_somebody_prolonged_is_taken_over(
    make_due: Due, run: Run, sandbox: Sandbox, asked: Asked
) -> None:
    rows = make_due(3)
    sandbox.add_fault(method="PATCH", path=rows[1].graph_id or "", status=409, body=refusal(), times=1)

    summary = run()

    rows[1].refresh_from_db()
    at_graph = sandbox.subscriptions[rows[1].graph_id or ""]
    assert (summary.renewed, summary.failed) == (3, 0)
    assert (rows[1].expires_at, rows[1].error_code, rows[1].claim) == (at_graph.expires_at, "", "")
    assert len(asked("GET", f"/{at_graph.id}$")) == 1


def test_a_conflict_over_what_nobody_prolonged_is_told_and_tried_again(
    make_due: Due, run: Run, sandbox: Sandbox, now: datetime
) -> None:
    [row] = make_due()
    Subscription.objects.update(expires_at=sandbox.subscriptions[row.graph_id or ""].expires_at)
    sandbox.add_fault(method="PATCH", path=row.graph_id or "", status=409, body=refusal(), times=1)

    summary = run()

    row.refresh_from_db()
    assert summary.failed == 1
    assert (row.failures, row.error_code, row.renew_at) == (1, "ExtensionError", now + MINUTE)


def test_what_is_gone_when_a_conflict_is_looked_up_is_made_anew(
    make_due: Due, run: Run, sandbox: Sandbox
) -> None:
    [row] = make_due()
    sandbox.remove_subscription(row.graph_id or "")
    sandbox.add_fault(method="PATCH", path=row.graph_id or "", status=409, body=refusal(), times=1)

    assert run().recreated == 1
