"""Each subscription in danger counts for one cause, and each cause is one alert."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from subscriptions.models import AppRegistration, DelegatedAccount, Subscription
from subscriptions.services.alerts.checks import Finding
from subscriptions.services.alerts.subscription_checks import in_danger

Maker = Callable[..., Subscription]
MINUTE = timedelta(minutes=1)


def found(now: datetime) -> dict[str, Finding]:
    return {finding.key: finding for finding in in_danger(now)}


def kinds(now: datetime) -> list[str]:
    return [finding.kind for finding in in_danger(now)]


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({}, None),
        ({"failures": 1, "error_cause": "service"}, None),
        ({"failures": 6, "error_cause": "service"}, "refused"),
        ({"failures": 1, "error_cause": "permission"}, "refused"),
        ({"failures": 1, "error_cause": "credential"}, "credential_refused"),
        ({"failures": 0, "error_cause": "credential"}, "credential_refused"),
        ({"status": "failed", "error_cause": "request"}, "missing"),
        ({"status": "pending", "failures": 1, "error_cause": "service"}, None),
        ({"status": "pending", "failures": 6, "error_cause": "service"}, "missing"),
        ({"status": "gone"}, None),
        ({"status": "gone", "failures": 1, "error_cause": "service"}, "missing"),
        ({"status": "removed", "failures": 3, "error_cause": "credential"}, None),
        ({"is_enabled": False, "failures": 3, "error_cause": "credential"}, None),
    ],
)
def test_a_subscription_is_told_of_by_its_facts(
    make_row: Maker, now: datetime, facts: dict[str, Any], kind: str | None
) -> None:
    make_row(**facts)

    assert kinds(now) == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("minutes_left", "facts", "kind"),
    [
        (30, {"failures": 1, "error_cause": "service"}, "will_lapse"),
        (30, {"renew_at": "overdue"}, "will_lapse"),
        (30, {"auto_renew": False}, "will_lapse"),
        (30, {}, None),
        (31, {"failures": 1, "error_cause": "service"}, None),
        (0, {}, "lapsed"),
        (0, {"failures": 3, "error_cause": "permission"}, "lapsed"),
        (0, {"failures": 3, "error_cause": "credential"}, "credential_refused"),
    ],
)
def test_it_is_told_of_while_two_runs_can_still_save_it(
    make_row: Maker, now: datetime, minutes_left: int, facts: dict[str, Any], kind: str | None
) -> None:
    if facts.get("renew_at") == "overdue":
        facts = {"renew_at": now - 20 * MINUTE}
    make_row(
        **{
            "granted_at": now - 60 * MINUTE,
            "expires_at": now + minutes_left * MINUTE,
            "renew_at": now + MINUTE,
            **facts,
        }
    )

    assert kinds(now) == ([kind] if kind else [])


@pytest.mark.parametrize(("minutes_left", "told"), [(30, ["will_lapse"]), (31, [])])
def test_a_renewal_that_was_not_answered_counts_by_the_least_that_graph_may_have_granted(
    make_row: Maker, now: datetime, minutes_left: int, told: list[str]
) -> None:
    make_row(
        expires_at=now + timedelta(days=3),
        may_end_at=now + minutes_left * MINUTE,
        failures=2,
        error_cause="service",
    )

    assert kinds(now) == told


@pytest.mark.parametrize(("days_left", "is_told"), [(3, True), (4, False)])
def test_what_lives_long_is_told_of_when_a_tenth_of_its_life_is_left(
    make_row: Maker, now: datetime, days_left: int, is_told: bool
) -> None:
    expires_at = now + timedelta(days=days_left)
    make_row(
        granted_at=expires_at - timedelta(days=30), expires_at=expires_at, failures=2, error_cause="service"
    )

    assert bool(kinds(now)) is is_told


def test_a_dead_credential_is_one_finding_for_all_that_suffer_from_it(make_row: Maker, now: datetime) -> None:
    rows = [
        make_row(failures=2, error_cause="credential", error_message="AADSTS7000222: expired") for _ in "abc"
    ]
    rows.append(make_row(failures=9, error_cause="credential", expires_at=now - MINUTE))

    [finding] = found(now).values()

    assert finding.subscriptions == {row.pk for row in rows}
    assert finding.title == "Fabrikam: the credential is refused, 4 subscriptions cannot be renewed"
    assert "AADSTS7000222" in finding.what_to_do
    assert finding.app_registration == rows[0].app_registration_id


def test_each_app_registration_has_its_own(make_row: Maker, now: datetime) -> None:
    other = AppRegistration.objects.create(name="Contoso", tenant_id="contoso.example", client_id="2")
    make_row(failures=1, error_cause="permission")
    make_row(failures=1, error_cause="permission", app_registration=other)

    assert len(found(now)) == 2


def test_different_causes_are_different_findings(make_row: Maker, now: datetime) -> None:
    make_row(failures=1, error_cause="permission")
    make_row(failures=1, error_cause="quota")

    assert len(found(now)) == 2


def test_it_gets_worse_as_the_end_comes_closer(make_row: Maker, now: datetime) -> None:
    end = now + timedelta(days=1)
    make_row(failures=1, error_cause="credential", expires_at=end)

    stages = [next(iter(in_danger(at))).stage for at in (now, end - MINUTE, end)]

    assert stages == [0, 1, 2]


def test_the_first_to_end_are_named_and_the_rest_is_counted(make_row: Maker, now: datetime) -> None:
    for _ in range(7):
        make_row(failures=1, error_cause="permission")

    [finding] = found(now).values()

    assert "and 2 more" in finding.what_to_do


@pytest.mark.parametrize("has_failed", [True, False])
def test_an_account_that_must_sign_in_again_is_one_finding(
    make_row: Maker, registration: AppRegistration, now: datetime, has_failed: bool
) -> None:
    account = DelegatedAccount.objects.create(
        app_registration=registration,
        username="ada@fabrikam.example",
        home_account_id="1",
        needs_sign_in=True,
        problem="AADSTS50173",
        signed_in_at=now,
    )
    cause = {"failures": 1, "error_cause": "account"} if has_failed else {}
    rows = [make_row(delegated_account=account, **cause) for _ in "ab"]

    [finding] = found(now).values()

    assert (finding.kind, finding.delegated_account) == ("sign_in_needed", account.pk)
    assert "AADSTS50173" in finding.what_to_do
    assert finding.subscriptions == ({row.pk for row in rows} if has_failed else set())


def test_looking_costs_the_same_for_any_number(
    make_row: Maker, now: datetime, django_assert_num_queries: Any
) -> None:
    for _ in range(9):
        make_row(failures=1, error_cause="credential")

    with django_assert_num_queries(4):
        list(in_danger(now))
