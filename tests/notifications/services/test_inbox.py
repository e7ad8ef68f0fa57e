"""What is put into the inbox is what saving would have written."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection

from notifications.models import Delivery
from notifications.services import inbox

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)


def delivery(**changes: Any) -> Delivery:
    facts = {
        "received_at": NOW,
        "endpoint": "lifecycle",
        "body": b'{"%s": "\x00\xff"}',
        "size": 17,
        "next_attempt_at": NOW,
    }
    return Delivery(**(facts | changes))


def test_a_delivery_comes_back_as_it_was_put() -> None:
    inbox.put(delivery(content_type="application/json", content_encoding="gzip"))
    delivery(content_type="application/json", content_encoding="gzip").save()

    put, saved = Delivery.objects.order_by("pk").values()
    assert put | {"id": 0} == saved | {"id": 0}
    assert bytes(put["body"]) == delivery().body


def test_the_column_holds_nothing_of_the_body() -> None:
    inbox.put(delivery(body=b"the clientState of an item"))

    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM notifications_delivery")
        assert b"clientState" not in bytes(cursor.fetchone()[0])


def test_what_the_table_refuses_is_an_error_of_the_database() -> None:
    with pytest.raises(DatabaseError):
        inbox.put(delivery(size=None))
