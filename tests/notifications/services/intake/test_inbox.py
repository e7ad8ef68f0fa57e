"""What is put into the inbox is what saving would have written."""

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from notifications.models import Delivery
from notifications.services.intake import inbox

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)


BODY = b'{"%s": "\x00\xff"}'
CAME = {"endpoint": "lifecycle", "content_type": "application/json", "content_encoding": "gzip"}


def put(body: bytes = BODY, **changes: Any) -> None:
    inbox.put(body, **(CAME | {"now": NOW} | changes))


def test_a_delivery_comes_back_as_it_was_put() -> None:
    put()
    Delivery(received_at=NOW, next_attempt_at=NOW, body=BODY, size=len(BODY), **CAME).save()

    first, saved = Delivery.objects.order_by("pk").values()
    assert first | {"id": 0} == saved | {"id": 0}
    assert bytes(first["body"]) == BODY


def test_the_column_holds_nothing_of_the_body() -> None:
    put(b"the clientState of an item")

    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM notifications_delivery")
        assert b"clientState" not in bytes(cursor.fetchone()[0])


def test_what_the_table_refuses_is_an_error_of_the_database() -> None:
    with pytest.raises(DatabaseError):
        put(endpoint=None)


def test_within_a_transaction_a_delivery_is_a_part_of_it() -> None:
    with suppress(KeyError), transaction.atomic():
        put()
        raise KeyError

    assert not Delivery.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_many_threads_put_at_once_is_there_once_each() -> None:
    bodies = [f"body {number}".encode() for number in range(200)]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(put_and_leave, bodies))

    assert sorted(bytes(row.body) for row in Delivery.objects.all()) == sorted(bodies)


@pytest.mark.django_db(transaction=True)
def test_of_many_that_are_put_at_once_only_those_fail_that_the_table_refuses() -> None:
    bodies = [f"body {number}".encode() for number in range(200)]

    with ThreadPoolExecutor(8) as threads:
        told = [
            threads.submit(put_and_leave, body, endpoint=None if number % 20 == 0 else "lifecycle")
            for number, body in enumerate(bodies)
        ]

    failed = {body for body, future in zip(bodies, told, strict=True) if future.exception()}
    assert failed == {body for number, body in enumerate(bodies) if number % 20 == 0}
    assert {bytes(row.body) for row in Delivery.objects.all()} == set(bodies) - failed


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_breaks_is_told_once_and_replaced() -> None:
    put(b"before")
    with inbox.writer() as writer:
        writer.connection.close()

    with pytest.raises(DatabaseError):
        put(b"broken")
    put(b"after")

    assert [bytes(row.body) for row in Delivery.objects.order_by("pk")] == [b"before", b"after"]


@pytest.mark.postgresql
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no server to break off")
@pytest.mark.django_db(transaction=True)
def test_a_server_that_breaks_off_leaves_nobody_believing_that_his_row_is_stored() -> None:
    told: dict[bytes, Future[None]] = {}
    with ThreadPoolExecutor(8) as threads:
        for number in range(300):
            body = f"body {number}".encode()
            told[body] = threads.submit(put_and_leave, body)
            if number % 50 == 0:
                break_off_the_writer()

    stored = [bytes(row.body) for row in Delivery.objects.all()]
    believed = {body for body, future in told.items() if not future.exception()}
    assert len(stored) == len(set(stored))
    assert believed <= set(stored)
    assert believed


def put_and_leave(body: bytes, **changes: Any) -> None:
    """Put in a thread that is not Django's: nobody else closes its connection."""
    try:
        put(body, **changes)
    finally:
        connection.close()


def break_off_the_writer() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'INSERT%'"
        )
