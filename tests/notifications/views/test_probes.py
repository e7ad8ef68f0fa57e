"""The health endpoints, as probes meet them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from notifications.models import Delivery
from notifications.services.watching import readiness
from subscriptions.models import Subscription

LONG_AGO = timedelta(hours=1)


@pytest.fixture
def _migrations_unknown() -> Iterator[None]:
    readiness.forget()
    yield
    readiness.forget()


def test_the_health_probe_needs_no_database() -> None:
    assert Client().get("/healthz").json() == {"status": "ok"}


@pytest.mark.django_db
def test_an_empty_installation_is_ready() -> None:
    assert Client().get("/readyz").json() == {
        "status": "ok",
        "inbox_lag_seconds": 0,
        "renewal_lag_seconds": 0,
        "renewal_finished_at": None,
        "warnings": [],
    }


@pytest.mark.django_db
def test_a_worker_that_stands_still_is_told_but_does_not_take_the_webhook_away() -> None:
    then = datetime.now(UTC) - LONG_AGO
    Delivery.objects.create(body=b"{}", size=2, received_at=then, next_attempt_at=then)

    answer = Client().get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["inbox_lag_seconds"] >= 3600
    assert answer.json()["warnings"] == ["The inbox is not worked through."]


@pytest.mark.django_db
def test_a_cron_that_does_not_run_is_told_but_does_not_take_the_webhook_away(
    known: Callable[..., Subscription],
) -> None:
    known(renew_at=datetime.now(UTC) - LONG_AGO)

    answer = Client().get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["renewal_lag_seconds"] >= 3600
    assert answer.json()["warnings"] == ["Renewals are overdue: does renew_subscriptions run?"]


@pytest.mark.django_db
def test_what_is_in_order_is_not_warned_of(known: Callable[..., Subscription]) -> None:
    soon = datetime.now(UTC) + LONG_AGO
    known(renew_at=soon)
    Delivery.objects.create(
        body=b"{}", size=2, received_at=soon, next_attempt_at=soon, state=Delivery.State.WAITING
    )

    assert Client().get("/readyz").json()["warnings"] == []


@pytest.mark.django_db
@pytest.mark.usefixtures("_migrations_unknown")
def test_without_its_migrations_nothing_is_sent_here() -> None:
    (latest,) = MigrationLoader(connection).graph.leaf_nodes("notifications")
    MigrationRecorder(connection).record_unapplied(*latest)

    answer = Client().get("/readyz")

    assert answer.status_code == 503
    assert answer.json() == {"status": "migrations are not applied: run manage.py migrate"}


@pytest.mark.django_db
def test_a_second_look_asks_three_questions(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    client = Client()
    client.get("/readyz")

    with django_assert_num_queries(3):
        client.get("/readyz")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_are_not_redirected_to_https(path: str, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True

    assert Client().get(path).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "status"), [("/healthz", 200), ("/readyz", 200), ("/metrics", 404), ("/admin/login/", 400)]
)
def test_probes_may_come_by_any_name_and_nobody_else(path: str, status: int, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = [".example.org"]

    assert Client().get(path, headers={"Host": "10.1.2.3:8000"}).status_code == status
