"""Metrics: what Prometheus reads is what the rows say."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries

from notifications.models import ChangeNotification, Delivery, EndpointMinute
from notifications.services.watching import metrics
from subscriptions.models import (
    Alert,
    AppRegistration,
    DelegatedAccount,
    EncryptionCertificate,
    Gap,
    Operation,
    Run,
    Subscription,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
Known = Callable[..., Subscription]


def scrape() -> Callable[..., float]:
    """Return a function that looks up one number by name and labels."""
    found = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.exposition(now=NOW).decode())
        for sample in family.samples
    }
    return lambda name, **labels: found[f"gsm_{name}", frozenset(labels.items())]


def deliver(**changes: Any) -> Delivery:
    facts = {"body": b"{}", "size": 2, "received_at": NOW, "next_attempt_at": NOW, **changes}
    return Delivery.objects.create(**facts)


def notice(**changes: Any) -> ChangeNotification:
    facts = {"state": "accepted", "received_at": NOW, "last_received_at": NOW, "processed_at": NOW, **changes}
    return ChangeNotification.objects.create(**facts)


def test_the_inbox_is_shown_by_state_and_by_how_late_it_is() -> None:
    deliver(next_attempt_at=NOW - 3 * MINUTE)
    deliver(state="dead")
    deliver(state="done", is_quarantined=True)

    value = scrape()

    assert [value("deliveries", state=state) for state in ("queued", "waiting", "dead")] == [1, 0, 1]
    assert value("deliveries_quarantined") == 1
    assert value("inbox_lag_seconds") == 180


def test_work_that_is_not_due_yet_is_not_late() -> None:
    deliver(state="waiting", next_attempt_at=NOW + MINUTE)

    assert scrape()("inbox_lag_seconds") == 0


def test_notifications_are_counted_for_a_while_and_what_is_unfinished_for_ever() -> None:
    notice()
    notice(state="rejected", reason="client_state_wrong", received_at=NOW - MINUTE)
    notice(state="dead", reason="key_missing", received_at=NOW - timedelta(days=90))
    notice(lifecycle_event="missed", handle_after=NOW - MINUTE)

    value = scrape()

    assert value("notifications_received", state="accepted", reason="") == 2
    assert value("notifications_received", state="rejected", reason="client_state_wrong") == 1
    assert value("notifications_received", state="dead", reason="") == 0
    assert value("notifications_unfinished", state="dead") == 1
    assert value("lifecycle_notices_due") == 1


def test_answers_of_ten_minutes_are_held_against_the_limits_of_graph() -> None:
    EndpointMinute.objects.create(minute=NOW, answers=7, over_100_ms=3, over_3_s=1, dropped=4)
    EndpointMinute.objects.create(minute=NOW - 9 * MINUTE, answers=2)
    EndpointMinute.objects.create(minute=NOW - 10 * MINUTE, answers=100, over_3_s=100)

    value = scrape()

    assert (value("endpoint_answers"), value("endpoint_dropped")) == (9, 4)
    assert [value("endpoint_answers_slower", seconds=of) for of in ("0.1", "0.3", "3", "10")] == [3, 0, 1, 0]


def test_subscriptions_are_shown_with_what_ends_next_and_what_is_late(known: Known) -> None:
    known(expires_at=NOW + timedelta(hours=2), renew_at=NOW + MINUTE)
    known(expires_at=NOW + timedelta(hours=1), renew_at=NOW - 30 * MINUTE)
    known(resource="/teams/getAllMessages", expires_at=NOW - MINUTE)
    known(status="removed", graph_id=None, expires_at=None)

    value = scrape()

    assert [value("subscriptions", status=status) for status in ("active", "removed", "gone")] == [3, 1, 0]
    assert value("next_expiry_timestamp_seconds", workload="Outlook") == (NOW + 60 * MINUTE).timestamp()
    assert (value("subscriptions_lapsed"), value("subscriptions_needing_attention")) == (1, 2)
    assert (value("renewals_due"), value("renewal_lag_seconds")) == (1, 1800)


def test_calls_to_graph_are_counted_by_their_answer() -> None:
    for minutes, status in ((1, 200), (2, 200), (3, 429), (4, None), (11, 200)):
        Operation.objects.create(
            action="renew",
            actor="test",
            started_at=NOW - minutes * MINUTE,
            succeeded=status == 200,
            status_code=status,
            error_code="" if status == 200 else "TooManyRequests",
        )

    value = scrape()

    assert value("graph_calls", action="renew", status="200", error="") == 2
    assert value("graph_calls", action="renew", status="429", error="TooManyRequests") == 1
    assert value("graph_calls", action="renew", status="0", error="TooManyRequests") == 1


def test_keys_and_accounts_say_when_they_end(
    certificate: EncryptionCertificate, unasked_registration: AppRegistration
) -> None:
    AppRegistration.objects.update(credential_expires_at=NOW + timedelta(days=3))
    DelegatedAccount.objects.create(
        app_registration=unasked_registration, username="u", needs_sign_in=True, signed_in_at=NOW
    )

    value = scrape()

    end = certificate.not_after_at.timestamp()
    assert value("certificate_expiry_timestamp_seconds", certificate="hooks", state="active") == end
    credential_end = (NOW + timedelta(days=3)).timestamp()
    assert value("credential_expiry_timestamp_seconds", app_registration="Fabrikam") == credential_end
    assert value("accounts_needing_sign_in") == 1


def test_runs_and_open_alerts_are_shown() -> None:
    for minutes, outcome in ((30, "succeeded"), (10, "failed"), (5, "broken")):
        ended = NOW - minutes * MINUTE
        Run.objects.create(
            command="renew_subscriptions", started_at=ended, finished_at=ended, outcome=outcome
        )
    for resolved_at in (None, NOW):
        Alert.objects.create(
            kind="lapsed",
            key=f"{resolved_at}",
            raised_at=NOW,
            last_seen_at=NOW,
            announced_at=NOW,
            resolved_at=resolved_at,
        )

    value = scrape()

    command = "renew_subscriptions"
    assert value("run_finished_timestamp_seconds", command=command) == (NOW - 10 * MINUTE).timestamp()
    assert value("run_succeeded_timestamp_seconds", command=command) == (NOW - 30 * MINUTE).timestamp()
    assert (value("alerts_open", kind="lapsed"), value("alerts_open", kind="silent")) == (1, 0)


def test_gaps_are_shown_by_what_became_of_them(known: Known) -> None:
    Gap.objects.create(subscription=known(), cause="lapsed", state="awaiting", began_at=NOW, began_by=NOW)

    value = scrape()

    assert [value("gaps", state=state) for state in ("awaiting", "recovered", "unrecoverable")] == [1, 0, 0]


def test_no_secret_is_among_them(known: Known) -> None:
    row = known(client_state="state-never-shown")

    text = metrics.exposition(now=NOW).decode()

    assert "never-shown" not in text
    assert row.resource not in text


def test_the_number_of_questions_does_not_grow(
    known: Known, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(30):
        known()
        deliver()
        notice()

    with django_assert_max_num_queries(25):
        metrics.exposition(now=NOW)


@pytest.mark.parametrize("file", ["prometheus/rules.yml", "grafana/dashboard.json"])
def test_every_metric_that_is_shown_or_watched_exists(file: str, repository: Path) -> None:
    text = (repository / "config" / "deploy" / file).read_text()
    families = {
        family.name for family in text_string_to_metric_families(metrics.exposition(now=NOW).decode())
    }

    named = set(re.findall(r"gsm_\w+", text))

    assert named
    assert named <= families
