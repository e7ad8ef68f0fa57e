"""Endpoint health: what is counted, what Graph would make of it, and that no request pays for it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from pytest_django.fixtures import Settings

from notifications.models import EndpointMinute
from notifications.services.intake import endpoint_health, inbox
from notifications.services.intake.endpoint_health import Level
from subscriptions.models import Subscription

pytestmark = pytest.mark.django_db

MINUTE = datetime.now(UTC).replace(second=0, microsecond=0)
NOW = MINUTE + timedelta(seconds=40)


def answered(*seconds: float, now: datetime = NOW) -> None:
    for took in seconds:
        endpoint_health.note_answer(timedelta(seconds=took), now=now)
    endpoint_health.flush()


def test_an_answer_counts_in_each_column_that_it_exceeds() -> None:
    answered(0.05, 0.2, 0.5, 2, 3, 4, 11)

    row = EndpointMinute.objects.get()
    assert (row.minute, row.answers) == (MINUTE, 7)
    assert (row.over_100_ms, row.over_300_ms, row.over_1_s, row.over_3_s, row.over_10_s) == (6, 5, 4, 2, 1)


def test_what_another_process_has_written_is_added_to() -> None:
    EndpointMinute.objects.create(minute=MINUTE, answers=10, over_3_s=2)

    answered(4)

    row = EndpointMinute.objects.get()
    assert (row.answers, row.over_3_s) == (11, 3)


def test_what_was_written_is_not_written_again() -> None:
    answered(0.1)
    endpoint_health.flush()

    assert EndpointMinute.objects.get().answers == 1


@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_written_is_kept_for_the_next_time(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(*_: Any) -> Any:
        raise OperationalError

    with connection.execute_wrapper(refuse):
        answered(0.1, 4)
    endpoint_health.flush()

    row = EndpointMinute.objects.get()
    assert (row.answers, row.over_3_s) == (2, 1)
    assert "not written" in caplog.text


def test_old_minutes_are_cleared() -> None:
    EndpointMinute.objects.create(minute=MINUTE - timedelta(days=31))
    EndpointMinute.objects.create(minute=MINUTE - timedelta(days=29))

    answered(0.1)

    assert EndpointMinute.objects.count() == 2


@pytest.mark.parametrize(
    ("quick", "slow", "very_slow", "level"),
    [
        (0, 0, 0, Level.SILENT),
        (100, 0, 0, Level.FINE),
        (96, 4, 0, Level.FINE),
        (95, 5, 0, Level.WARNING),
        (90, 10, 0, Level.WARNING),
        (89, 11, 0, Level.SLOW),
        (85, 0, 15, Level.SLOW),
        (84, 0, 16, Level.DROPPING),
    ],
)
def test_the_level_is_what_graph_makes_of_ten_minutes(
    quick: int, slow: int, very_slow: int, level: Level
) -> None:
    answered(*[0.1] * quick, *[4] * slow, *[11] * very_slow, now=NOW - timedelta(minutes=9))
    answered(*[11] * 50, now=NOW - timedelta(minutes=11))

    assert endpoint_health.standing(now=NOW).level == level


def test_a_notification_of_ours_is_measured(
    known: Callable[..., Subscription], item_of: Callable[..., Any], post: Callable[..., object]
) -> None:
    post({"value": [item_of(known())]})
    endpoint_health.flush()

    assert EndpointMinute.objects.get().answers == 1


def test_strangers_and_handshakes_are_not_measured(
    known: Callable[..., Subscription], item_of: Callable[..., Any], post: Callable[..., object]
) -> None:
    post({"value": [item_of(known(), clientState="guessed")]})
    post(b"no json")
    Client().post("/webhooks/graph/notifications?validationToken=x")
    endpoint_health.flush()

    assert not EndpointMinute.objects.exists()


def test_what_is_dropped_is_counted(post: Callable[..., object], settings: Settings) -> None:
    settings.MAX_QUARANTINED_DELIVERIES = 0
    post(b"no json")
    endpoint_health.flush()

    assert endpoint_health.standing(now=datetime.now(UTC)).dropped == 1


@pytest.mark.django_db(transaction=True)
def test_a_refusal_for_want_of_storage_is_measured(
    known: Callable[..., Subscription], item_of: Callable[..., Any], post: Callable[..., Any]
) -> None:
    item = item_of(known())

    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("INSERT"):
            raise OperationalError
        return execute(sql, params, many, context)

    with inbox.writer() as writer:
        pass
    with writer.db.execute_wrapper(refuse):
        answer = post({"value": [item]})
    endpoint_health.flush()

    assert (answer.status_code, EndpointMinute.objects.get().answers) == (503, 1)


def test_counting_costs_no_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        endpoint_health.note_answer(timedelta(seconds=1), now=NOW)


@pytest.mark.django_db(transaction=True)
def test_while_nothing_can_be_written_memory_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_health, "MINUTES_IN_MEMORY", 2)

    def refuse(*_: Any) -> Any:
        raise OperationalError

    with connection.execute_wrapper(refuse):
        for minutes in (3, 2, 1, 0):
            answered(0.1, now=NOW - timedelta(minutes=minutes))
    endpoint_health.flush()

    written = list(EndpointMinute.objects.order_by("minute").values_list("minute", flat=True))
    assert written == [MINUTE - timedelta(minutes=1), MINUTE]


@pytest.mark.django_db(transaction=True)
def test_each_process_writes_by_itself(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MEASURE_ENDPOINT = True
    monkeypatch.setattr(endpoint_health, "FLUSH_EVERY_SECONDS", 0.05)

    endpoint_health.note_answer(timedelta(seconds=1), now=NOW)

    deadline = time.monotonic() + 60
    while not EndpointMinute.objects.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    settings.MEASURE_ENDPOINT = False
    while endpoint_health._owner is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert EndpointMinute.objects.get().over_300_ms == 1
    assert endpoint_health._owner is None
