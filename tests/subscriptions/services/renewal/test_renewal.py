"""Renew: all that is due, once, and no row at the cost of another."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from subscriptions.graph import errors
from subscriptions.graph.documents import format_timestamp
from subscriptions.models import (
    AppRegistration,
    EncryptionCertificate,
    FormerIdentity,
    Operation,
    Subscription,
)
from subscriptions.sandbox import RecordedRequest, Sandbox
from subscriptions.services import renewal
from subscriptions.services.access import app_registrations
from subscriptions.services.claims import CLAIM_LASTS
from subscriptions.services.errors import BusyError

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Subscription]
Asked = Callable[..., list[RecordedRequest]]
Result = renewal.Result
Status = Subscription.Status
MINUTE = timedelta(minutes=1)
GONE = {"error": {"code": "ResourceNotFound", "message": "The object was not found."}}


Due = Callable[..., list[Subscription]]
Run = Callable[..., renewal.Summary]


def counts(summary: renewal.Summary) -> tuple[int, ...]:
    return summary.due, summary.renewed, summary.recreated, summary.failed, summary.skipped


def test_what_is_due_gets_the_expiry_that_graph_returns(
    make_due: Due, run: Run, sandbox: Sandbox, now: datetime
) -> None:
    [row] = make_due(error_code="old", error_message="old", failures=3)

    summary = run()

    row.refresh_from_db()
    assert counts(summary) == (1, 1, 0, 0, 0)
    assert row.expires_at == sandbox.subscriptions[row.graph_id or ""].expires_at
    assert row.expires_at > now + timedelta(days=6)
    assert (row.renewed_at, row.granted_at, row.failures, row.error_code) == (now, now, 0, "")
    assert (row.claim, row.claimed_until) == ("", None)
    assert row.renew_at
    assert row.renew_at > now + timedelta(days=1)


def test_a_create_call_that_was_begun_is_finished_also_where_nothing_is_renewed(
    make_due: Due, run: Run, sandbox: Sandbox
) -> None:
    [row] = make_due(status="pending", auto_renew=False, graph_id=None, expires_at=None)
    sandbox.remove_subscription(row.graph_id or "")

    run()

    row.refresh_from_db()
    assert row.status == Status.ACTIVE


@pytest.mark.parametrize(
    "facts",
    [{"is_enabled": False}, {"auto_renew": False}, {"status": "failed"}, {"status": "removed"}],
)
def test_what_is_not_to_be_renewed_stays_untouched(
    make_due: Due, run: Run, asked: Asked, facts: dict[str, Any]
) -> None:
    make_due(**facts)

    assert counts(run(within=timedelta(days=9))) == (0, 0, 0, 0, 0)
    assert asked("PATCH") == []


def test_what_is_not_due_waits(make_due: Due, run: Run, now: datetime) -> None:
    make_due(renew_at=now + MINUTE)

    assert run().due == 0
    assert run(within=timedelta(hours=1)).renewed == 1


def test_one_is_renewed_by_one_call(make_due: Due, run: Run, asked: Asked) -> None:
    make_due()

    run()

    assert [one.is_batched for one in asked("PATCH")] == [False]
    assert asked("POST", r"/\$batch$") == []


def test_many_are_renewed_twenty_in_a_call(make_due: Due, run: Run, asked: Asked) -> None:
    make_due(22)

    summary = run()

    assert counts(summary) == (22, 22, 0, 0, 0)
    assert len(asked("POST", r"/\$batch$")) == 2
    assert len(asked("PATCH")) == 22


def test_the_limit_takes_what_ends_first(make_due: Due, run: Run, now: datetime) -> None:
    [late], [early] = make_due(expires_at=now + 9 * MINUTE), make_due(expires_at=now + MINUTE)
    [unborn] = make_due(status="pending", graph_id=None, expires_at=None)

    keys = renewal.due_for_renewal(now=now)

    assert keys == [early.pk, late.pk, unborn.pk]
    assert run(limit=1).renewed == 1
    early.refresh_from_db()
    assert early.renewed_at == now


def test_what_graph_no_longer_has_is_created_again(
    make_due: Due, run: Run, sandbox: Sandbox, now: datetime
) -> None:
    [row] = make_due()
    old_id = row.graph_id or ""
    sandbox.remove_subscription(old_id)

    summary = run()

    row.refresh_from_db()
    former = FormerIdentity.objects.get()
    assert counts(summary) == (1, 0, 1, 0, 0)
    assert (row.status, row.graph_id) == (Status.ACTIVE, *sandbox.subscriptions)
    assert (row.missed_at, row.renewed_at) == (now, None)
    assert (former.graph_id, former.accepted_until > now + timedelta(hours=6)) == (old_id, True)
    assert former.client_state.reveal() == row.client_state.reveal()


def test_in_a_batch_only_what_is_gone_is_created_again(make_due: Due, run: Run, sandbox: Sandbox) -> None:
    rows = make_due(4)
    for row in rows[1:3]:
        sandbox.remove_subscription(row.graph_id or "")

    assert counts(run()) == (4, 2, 2, 0, 0)
    assert len(sandbox.subscriptions) == 4


def test_what_has_ended_is_created_again_once_graph_says_so(
    make_due: Due, run: Run, sandbox: Sandbox, now: datetime
) -> None:
    [row] = make_due(expires_at=now)
    sandbox.remove_subscription(row.graph_id or "")

    assert counts(run()) == (1, 0, 1, 0, 0)
    assert len(sandbox.subscriptions) == 1


def test_what_has_ended_and_is_refused_goes_before_it_is_made_anew(
    make_due: Due, run: Run, sandbox: Sandbox, now: datetime
) -> None:
    [row] = make_due(expires_at=now)
    sandbox.refuse_duplicates = False
    sandbox.add_fault(method="PATCH", status=400, body={"error": {"code": "InvalidRequest"}})

    assert counts(run()) == (1, 0, 1, 0, 0)
    assert row.graph_id not in sandbox.subscriptions
    assert len(sandbox.subscriptions) == 1


def test_what_ended_only_by_our_clock_is_kept(
    make_due: Due, run: Run, sandbox: Sandbox, now: datetime
) -> None:
    [row] = make_due(expires_at=now)

    summary = run()

    row.refresh_from_db()
    assert counts(summary) == (1, 1, 0, 0, 0)
    assert [row.graph_id] == list(sandbox.subscriptions)


def test_a_refused_row_does_not_stop_the_rest(
    make_due: Due, run: Run, sandbox: Sandbox, now: datetime
) -> None:
    rows = make_due(3)
    body = {"error": {"code": "ExtensionError", "message": "Access denied"}}
    sandbox.add_fault(method="PATCH", path=f"{rows[1].graph_id}", status=403, body=body)

    summary = run()

    rows[1].refresh_from_db()
    assert counts(summary) == (3, 2, 0, 1, 0)
    [failure] = summary.errors
    assert (failure.subscription, failure.code) == (rows[1].pk, "ExtensionError")
    assert (rows[1].status, rows[1].failures, rows[1].claim) == (Status.ACTIVE, 1, "")
    assert (rows[1].error_at, rows[1].error_code) == (now, "ExtensionError")
    assert "give admin consent" in rows[1].error_message


def test_a_throttled_row_waits_as_long_as_graph_asks(
    make_due: Due, run: Run, sandbox: Sandbox, now: datetime
) -> None:
    rows = make_due(3)
    sandbox.add_fault(method="PATCH", path=f"{rows[1].graph_id}", status=429, headers={"Retry-After": "600"})

    summary = run()

    rows[1].refresh_from_db()
    assert counts(summary) == (3, 2, 0, 1, 0)
    assert rows[1].renew_at == now + timedelta(minutes=10)


def test_the_wait_grows_with_each_failure_up_to_half_an_hour(
    make_due: Due, run: Run, sandbox: Sandbox, now: datetime
) -> None:
    [row] = make_due(expires_at=now + timedelta(hours=9))
    sandbox.add_fault(method="PATCH", status=403, body=GONE, times=None)
    waits = []

    for _ in range(7):
        run()
        row.refresh_from_db()
        waits.append(((row.renew_at or now) - now) // MINUTE)
        Subscription.objects.update(renew_at=now)

    assert waits == [1, 2, 4, 8, 16, 30, 30]


def test_no_wait_is_longer_than_a_quarter_of_what_is_left(
    make_due: Due, run: Run, sandbox: Sandbox, now: datetime
) -> None:
    [row] = make_due(failures=9, expires_at=now + 28 * MINUTE)
    sandbox.add_fault(method="PATCH", status=403, body=GONE)

    run()

    row.refresh_from_db()
    assert row.renew_at == now + 7 * MINUTE


def test_an_old_token_is_replaced_without_notice(make_due: Due, run: Run, sandbox: Sandbox) -> None:
    make_due(3)
    sandbox.add_fault(path=r"\$batch", status=401)

    assert counts(run()) == (3, 3, 0, 0, 0)


def test_without_a_token_every_row_says_why(
    make_due: Due, run: Run, asked: Asked, app_registration: AppRegistration
) -> None:
    make_due(3)
    AppRegistration.objects.update(client_secret="wrong")

    summary = run()

    told = set(Subscription.objects.values_list("error_code", "failures", "claim"))
    assert counts(summary) == (3, 0, 0, 3, 0)
    assert told == {("AADSTS7000215", 1, "")}
    assert (
        "The client secret is wrong"
        in Subscription.objects.filter(app_registration=app_registration).earliest("pk").error_message
    )
    assert asked("PATCH") == []


def test_an_app_whose_secret_does_not_open_does_not_stop_the_others(
    make_due: Due, make_subscription: Make, run: Run, sandbox: Sandbox, now: datetime, settings: Settings
) -> None:
    make_due(2)
    other = sandbox.add_application()
    lost_key = Fernet.generate_key().decode()
    current = settings.FIELD_ENCRYPTION_KEYS
    registered = app_registrations.register(
        name="Another",
        cloud="custom",
        tenant_id=sandbox.tenant_id,
        client_id=other.client_id,
        credential=app_registrations.NewCredential(client_secret=other.client_secret),
    )
    broken = make_subscription(app_registration=registered)
    Subscription.objects.update(renew_at=now)
    settings.FIELD_ENCRYPTION_KEYS = [lost_key]
    registered.client_secret = other.client_secret
    registered.save()
    settings.FIELD_ENCRYPTION_KEYS = current

    summary = run()

    broken.refresh_from_db()
    assert counts(summary) == (3, 2, 0, 1, 0)
    assert ("FIELD_ENCRYPTION_KEYS" in broken.error_message, broken.claim) == (True, "")


def test_a_cloud_without_settings_does_not_break_the_run(make_due: Due, run: Run, settings: Settings) -> None:
    [row] = make_due()
    settings.CUSTOM_GRAPH_URL = settings.CUSTOM_LOGIN_URL = ""

    summary = run()

    row.refresh_from_db()
    assert counts(summary) == (1, 0, 0, 1, 0)
    assert ("CUSTOM_GRAPH_URL" in row.error_message, row.claim) == (True, "")


def test_a_page_of_a_proxy_is_no_answer_of_graph(make_due: Due, run: Run, sandbox: Sandbox) -> None:
    make_due(2)
    sandbox.add_fault(path=r"\$batch", status=404, body="<html>Not here</html>")

    summary = run()

    assert counts(summary) == (2, 0, 0, 2, 0)
    assert not FormerIdentity.objects.exists()
    assert "proxy" in Subscription.objects.earliest("pk").error_message


def test_a_shorter_expiry_than_asked_for_is_stored(
    make_due: Due, run: Run, sandbox: Sandbox, now: datetime
) -> None:
    [row] = make_due()
    at = (now + timedelta(hours=2)).replace(microsecond=0)
    body = {"id": row.graph_id or "", "expirationDateTime": format_timestamp(at)}
    sandbox.add_fault(method="PATCH", status=200, body=body)

    run()

    row.refresh_from_db()
    assert row.expires_at == at
    assert row.renew_at
    assert row.renew_at <= now + timedelta(hours=1)


def test_a_row_in_other_hands_is_left_to_them(make_due: Due, run: Run, now: datetime, asked: Asked) -> None:
    make_due(claim="theirs", claimed_until=now + MINUTE)

    assert run().due == 0
    assert asked("PATCH") == []


def test_a_claim_of_a_run_that_died_is_taken_over(make_due: Due, run: Run, now: datetime) -> None:
    make_due(claim="theirs", claimed_until=now)

    assert run().renewed == 1


def test_what_another_run_has_served_meanwhile_is_passed_over(
    make_due: Due, run: Run, now: datetime, asked: Asked
) -> None:
    make_due(3)
    others: list[renewal.Summary] = []
    # The second question for the time comes when the rows are read and not yet claimed.
    questions = iter(range(100))

    def clock() -> datetime:
        if next(questions) == 1:
            others.append(run())
        return now

    summary = run(clock=clock)

    assert counts(others[0]) == (3, 3, 0, 0, 0)
    assert counts(summary) == (3, 0, 0, 0, 3)
    assert len(asked("PATCH")) == 3


def test_what_is_gone_is_left_to_a_run_that_has_taken_it_over(
    make_due: Due, run: Run, now: datetime, sandbox: Sandbox
) -> None:
    [row] = make_due()
    sandbox.remove_subscription(row.graph_id or "")
    questions = iter(range(100))

    def clock() -> datetime:
        # The third question comes when Graph has answered.
        if next(questions) == 2:
            Subscription.objects.update(claim="theirs")
        return now

    assert counts(run(clock=clock)) == (1, 0, 0, 0, 1)
    assert (sandbox.subscriptions, Subscription.objects.get().claim) == ({}, "theirs")


def test_two_runs_at_once_renew_each_once(
    make_due: Due, run: Run, asked: Asked, at_once: Callable[..., list[Any]]
) -> None:
    make_due(6)

    summaries = at_once(run)

    assert sum(one.renewed for one in summaries) == 6
    assert sum(one.failed for one in summaries) == 0
    assert len(asked("PATCH")) == 6


def test_what_several_owners_have_due_is_claimed_together(
    make_due: Due, run: Run, another_app: AppRegistration
) -> None:
    make_due(2)
    make_due(2, app_registration=another_app)

    with CaptureQueriesContext(connection) as queries:
        summary = run()

    claims = [one for one in queries if one["sql"].startswith("UPDATE") and '"is_enabled"' in one["sql"]]
    assert summary.renewed == 4
    assert len(claims) == 1


def test_a_claim_that_ran_out_before_its_turn_is_left_to_who_took_it_over(
    make_due: Due, run: Run, now: datetime, sandbox: Sandbox, asked: Asked
) -> None:
    make_due()
    later = now + CLAIM_LASTS
    sandbox.advance(CLAIM_LASTS)
    others: list[renewal.Summary] = []
    # The third question for the time comes when the row is claimed and nothing has been sent.
    questions = iter(range(100))

    def clock() -> datetime:
        question = next(questions)
        if question == 2:
            others.append(run(clock=lambda: later))
        return now if question < 2 else later

    summary = run(clock=clock)

    assert counts(others[0]) == (1, 1, 0, 0, 0)
    assert counts(summary) == (1, 0, 0, 0, 1)
    assert len(asked("PATCH")) == 1


def test_a_row_that_breaks_the_run_is_put_off_and_the_rest_goes_on(
    make_due: Due, run: Run, now: datetime, certificate: EncryptionCertificate
) -> None:
    rows = make_due(2, status=Status.GONE, graph_id=None)
    EncryptionCertificate.objects.update(certificate="damaged")
    Subscription.objects.filter(pk=rows[0].pk).update(
        include_resource_data=True, encryption_certificate=certificate
    )

    summary = run()

    rows[0].refresh_from_db()
    assert (summary.recreated, summary.failed) == (1, 1)
    assert (rows[0].error_code, rows[0].claim) == ("UnusableCertificateError", "")
    assert rows[0].renew_at == now + timedelta(minutes=1)


def test_renewing_one_tells_what_became_of_it(make_due: Due, sandbox: Sandbox, now: datetime) -> None:
    [first], [second] = make_due(renew_at=now + timedelta(days=1)), make_due()
    sandbox.remove_subscription(second.graph_id or "")

    results = [renewal.renew(row, now=now, actor="alice") for row in (first, second)]

    assert results == [Result.RENEWED, Result.RECREATED]


def test_renewing_one_in_other_hands_is_refused(make_due: Due, now: datetime) -> None:
    [row] = make_due(claim="theirs", claimed_until=now + MINUTE)

    with pytest.raises(BusyError):
        renewal.renew(row, now=now, actor="alice")


def test_renewing_one_that_graph_refuses_raises_and_explains(
    make_due: Due, sandbox: Sandbox, now: datetime
) -> None:
    [row] = make_due()
    sandbox.add_fault(method="PATCH", status=403, body={"error": {"code": "ExtensionError"}})

    with pytest.raises(errors.AccessDeniedError):
        renewal.renew(row, now=now, actor="alice")

    row.refresh_from_db()
    assert (row.error_code, row.claim) == ("ExtensionError", "")


def test_every_renewal_is_on_the_log(make_due: Due, run: Run, sandbox: Sandbox) -> None:
    rows = make_due(2)
    sandbox.add_fault(
        method="PATCH",
        path=f"{rows[1].graph_id}",
        status=403,
        body={"error": {"code": "ExtensionError", "message": "No", "innerError": {"request-id": "r-1"}}},
    )

    run()

    fields = ("actor", "graph_id", "succeeded", "status_code", "error_code")
    log = Operation.objects.filter(action="renew")
    assert set(log.values_list(*fields)) == {
        ("cron", rows[0].graph_id, True, 200, ""),
        ("cron", rows[1].graph_id, False, 403, "ExtensionError"),
    }
    assert log.get(succeeded=False).request_id == "r-1"
    assert UUID(log.get(succeeded=True).request_id)


def test_progress_is_told(make_due: Due, run: Run) -> None:
    make_due(21)
    steps: list[tuple[int, int]] = []

    run(progress=lambda done, due: steps.append((done, due)))

    assert steps == [(20, 21), (21, 21)]


def test_a_share_is_what_is_due_of_one_app_registration(
    make_due: Due,
    run: Run,
    app_registration: AppRegistration,
    another_app: AppRegistration,
    now: datetime,
) -> None:
    make_due(2)
    make_due(1, app_registration=another_app, expires_at=now)

    assert renewal.apps_due(now=now) == [another_app.pk, app_registration.pk]
    assert run(app_registration=app_registration.pk).renewed == 2
    assert renewal.apps_due(now=now) == [another_app.pk]
