"""What is inserted at once is what saving one by one would have written, whatever columns a model has."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, models

from notifications.models import ChangeNotification, ContentFetch, NotificationContent
from notifications.services.processing import inserting
from subscriptions.models import Subscription

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
TEXT = 'It\'s "quoted" \\ and Ω \N{SNOWMAN}, %s'
VALUES: dict[type[models.Field[Any, Any]], Any] = {
    models.CharField: TEXT,
    models.TextField: TEXT,
    models.JSONField: {"a": [1, 2.5, None, True, {"b": TEXT}], "large": 2**63 - 1},
    models.PositiveIntegerField: 7,
    models.PositiveBigIntegerField: 2**40,
    models.DateTimeField: NOW,
}


def filled(model: type[Any], **facts: Any) -> Any:
    """Return a row with something in each column that refers to nothing."""
    row = model(**facts)
    for field in model._meta.concrete_fields:
        if not (field.primary_key or field.is_relation or field.attname in facts):
            value = VALUES[type(field)]
            setattr(row, field.attname, value[: field.max_length] if isinstance(value, str) else value)
    return row


def notification(**facts: Any) -> Any:
    return filled(ChangeNotification, state="accepted", origin="webhook", **facts)


def test_each_column_of_a_notification_comes_back_as_it_was_given(known: Callable[..., Subscription]) -> None:
    facts = {"subscription": known(), "feed_number": None}
    notification(duplicate_key="saved", **facts).save()

    new = inserting.insert_new([notification(duplicate_key="inserted", **facts)])

    saved, inserted = ChangeNotification.objects.order_by("pk").values()
    assert inserted == saved | {"id": new["inserted"], "duplicate_key": "inserted"}


@pytest.mark.parametrize("model", [NotificationContent, ContentFetch])
def test_each_column_of_what_goes_with_it_comes_back_as_it_was_given(model: type[models.Model]) -> None:
    new = inserting.insert_new([notification(duplicate_key=key, feed_number=None) for key in "ab"])
    common = {"state": "done"} if model is ContentFetch else {}
    filled(model, notification_id=new["a"], **common).save(force_insert=True)

    inserting.insert([filled(model, notification_id=new["b"], **common)])

    saved, inserted = model._default_manager.order_by("notification_id").values()
    ours = {name: inserted[name] for name in ("id", "notification_id") if name in inserted}
    assert inserted == saved | ours
    assert inserted["notification_id"] == new["b"]


def test_what_is_there_is_left_as_it_is() -> None:
    inserting.insert_new([notification(duplicate_key="a", feed_number=None, received_at=NOW)])
    later = NOW + timedelta(hours=1)

    new = inserting.insert_new(
        [notification(duplicate_key=key, feed_number=None, received_at=later) for key in "ab"]
    )

    assert list(new) == ["b"]
    assert ChangeNotification.objects.get(duplicate_key="a").received_at == NOW


def test_nothing_to_insert_is_nothing_to_do(django_assert_num_queries: Callable[[int], Any]) -> None:
    with django_assert_num_queries(0):
        inserting.insert([])
        assert inserting.insert_new([]) == {}


def test_what_the_table_refuses_is_an_error_of_the_database() -> None:
    row = notification(duplicate_key="a", feed_number=None)
    row.received_at = None

    with pytest.raises(DatabaseError):
        inserting.insert_new([row])
