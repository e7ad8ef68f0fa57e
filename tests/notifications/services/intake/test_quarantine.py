"""Quarantine: bounded by number, by bytes and by rate, and cheap under a flood."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from pytest_django.fixtures import Settings

from notifications import conf
from notifications.models import Delivery
from notifications.services.intake import Acceptance, accept, quarantine
from subscriptions.models import Subscription

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
NEXT_MINUTE = NOW + timedelta(minutes=1)


def stranger(*, size: int = 100, now: datetime = NOW) -> Acceptance:
    frame = '{"value": [{"subscriptionId": "x"}], "pad": ""}'
    body = frame.replace('""}', f'"{"y" * (size - len(frame))}"}}').encode()
    return accept(
        body, endpoint="notifications", content_type="application/json", content_encoding="", now=now
    )


def quarantined() -> list[int]:
    return list(Delivery.objects.filter(is_quarantined=True).order_by("pk").values_list("size", flat=True))


def test_the_oldest_make_room_when_the_bytes_are_used_up(settings: Settings) -> None:
    settings.MAX_QUARANTINED_BYTES = conf.LARGEST_QUARANTINED
    half = conf.LARGEST_QUARANTINED // 2

    for size in (100, 200, half, half - 200):
        assert stranger(size=size) == Acceptance.QUARANTINED

    assert quarantined() == [200, half, half - 200]


def test_many_small_ones_leave_at_once_for_a_large_one(settings: Settings) -> None:
    settings.MAX_QUARANTINED_BYTES = conf.LARGEST_QUARANTINED
    for size in (100, 101, 102):
        stranger(size=size)

    stranger(size=conf.LARGEST_QUARANTINED - 102)

    assert quarantined() == [102, conf.LARGEST_QUARANTINED - 102]


def test_more_than_the_rate_is_not_kept_until_the_next_minute(settings: Settings) -> None:
    settings.MAX_QUARANTINED_PER_MINUTE = 2

    at_once = [stranger() for _ in range(4)]
    later = stranger(now=NEXT_MINUTE)

    assert at_once == [Acceptance.QUARANTINED] * 2 + [Acceptance.DROPPED] * 2
    assert later == Acceptance.QUARANTINED
    assert Delivery.objects.count() == 3


def test_malformed_bodies_count_as_strangers(settings: Settings) -> None:
    settings.MAX_QUARANTINED_PER_MINUTE = 1

    answers = [
        accept(b"no json", endpoint="notifications", content_type="", content_encoding="", now=NOW)
        for _ in range(3)
    ]

    assert answers == [Acceptance.MALFORMED] * 3
    assert Delivery.objects.count() == 1


def test_a_flood_of_strangers_does_not_keep_out_what_is_ours(
    settings: Settings, known: Callable[..., Subscription], item_of: Callable[..., dict[str, Any]]
) -> None:
    settings.MAX_QUARANTINED_PER_MINUTE = 1
    for _ in range(3):
        stranger()

    body = json.dumps({"value": [item_of(known())]}).encode()
    answer = accept(body, endpoint="notifications", content_type="", content_encoding="", now=NOW)

    assert answer == Acceptance.STORED


def test_what_is_kept_of_a_stranger_costs_one_statement_beside_its_insert(
    django_assert_num_queries: Any,
) -> None:
    delivery = Delivery(received_at=NOW, body=b"x", size=1, next_attempt_at=NOW)

    with django_assert_num_queries(2):
        assert quarantine.keep(delivery, now=NOW)


def test_what_is_turned_away_costs_no_statement(settings: Settings, django_assert_num_queries: Any) -> None:
    settings.MAX_QUARANTINED_PER_MINUTE = 1
    stranger()

    with django_assert_num_queries(0):
        assert not quarantine.keep(Delivery(size=1), now=NOW)


def test_what_is_turned_away_is_logged_once_a_minute_with_its_number(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.MAX_QUARANTINED_DELIVERIES = 0
    caplog.set_level(logging.WARNING, logger=quarantine.__name__)

    for seconds in (0, 1, 59, 60):
        stranger(now=NOW + timedelta(seconds=seconds))

    assert [record.getMessage() for record in caplog.records] == [
        "unknown deliveries dropped count=1 bytes=100",
        "unknown deliveries dropped count=3 bytes=300",
    ]


@pytest.mark.django_db(transaction=True)
def test_room_that_cannot_be_made_now_does_not_refuse_the_delivery(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.MAX_QUARANTINED_DELIVERIES = 1
    stranger()

    with connection.execute_wrapper(refuse_deletions):
        answer = stranger()
    stranger()

    assert answer == Acceptance.QUARANTINED
    assert "no room made" in caplog.text
    assert len(quarantined()) == 1


def refuse_deletions(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    if sql.startswith("DELETE"):
        raise OperationalError
    return execute(sql, params, many, context)
