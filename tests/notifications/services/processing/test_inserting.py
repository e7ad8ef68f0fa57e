"""What is inserted at once is what saving one by one would have written, whatever columns a row has."""

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, get_type_hints

import pytest
from django.db import DatabaseError

from notifications.models import ChangeNotification
from notifications.services.processing import inserting
from notifications.services.rows.new_rows import MODELS, NewContent, NewFetch, NewNotification, NewRow
from subscriptions.models import Subscription

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
TEXT = 'It\'s "quoted" \\ and Ω \N{SNOWMAN}, %s'
VALUES = {
    str: TEXT,
    int: 7,
    datetime: NOW,
    datetime | None: NOW,
    tuple[str, ...]: (TEXT, "b"),
    dict[str, Any]: {"a": [1, 2.5, None, True, {"b": TEXT}], "large": 2**63 - 1},
}


def filled(kind: type[NewRow], **facts: Any) -> Any:
    """Return a row with something in each column that is not told."""
    hints = get_type_hints(kind)
    columns = {}
    for field in fields(kind):
        value = VALUES.get(hints[field.name])
        column: Any = MODELS[kind]._meta.get_field(field.name)
        columns[field.name] = value[: column.max_length] if isinstance(value, str) else value
    make: Any = kind
    return make(**(columns | facts))


def notification(**facts: Any) -> Any:
    return filled(NewNotification, state="accepted", origin="webhook", **facts)


def test_each_column_of_a_notification_comes_back_as_it_was_given(known: Callable[..., Subscription]) -> None:
    subscription = known().pk
    saved_one = notification(duplicate_key="saved", subscription_id=subscription)
    ChangeNotification(**vars(saved_one)).save()

    new = inserting.insert_new([notification(duplicate_key="inserted", subscription_id=subscription)])

    saved, inserted = ChangeNotification.objects.order_by("pk").values()
    assert inserted == saved | {"id": new["inserted"], "duplicate_key": "inserted"}


@pytest.mark.parametrize(("kind", "common"), [(NewContent, {}), (NewFetch, {"state": "done"})])
def test_each_column_of_what_goes_with_it_comes_back_as_it_was_given(
    kind: type[NewRow], common: dict[str, Any]
) -> None:
    model = MODELS[kind]
    new = inserting.insert_new([notification(duplicate_key=key, subscription_id=None) for key in "ab"])
    model(**vars(filled(kind, notification_id=new["a"], **common))).save(force_insert=True)

    inserting.insert([filled(kind, notification_id=new["b"], **common)])

    saved, inserted = model._default_manager.order_by("notification_id").values()
    assert inserted == saved | {"notification_id": new["b"]}


def test_what_is_there_is_left_as_it_is() -> None:
    inserting.insert_new([notification(duplicate_key="a", subscription_id=None, received_at=NOW)])
    later = NOW + timedelta(hours=1)

    new = inserting.insert_new(
        [notification(duplicate_key=key, subscription_id=None, received_at=later) for key in "ab"]
    )

    assert list(new) == ["b"]
    assert ChangeNotification.objects.get(duplicate_key="a").received_at == NOW


def test_what_is_not_told_of_a_fetch_is_as_the_model_has_it() -> None:
    new = inserting.insert_new([notification(duplicate_key="a", subscription_id=None)])
    facts: dict[str, Any] = {
        "notification_id": new["a"],
        "requested_at": NOW,
        "requested_by": "x",
        "next_attempt_at": NOW,
    }

    inserting.insert([NewFetch(**facts)])

    model = MODELS[NewFetch]
    (inserted,) = model._default_manager.values()
    made = model(**facts)
    assert inserted == {field.attname: getattr(made, field.attname) for field in model._meta.concrete_fields}


def test_nothing_to_insert_is_nothing_to_do(django_assert_num_queries: Callable[[int], Any]) -> None:
    with django_assert_num_queries(0):
        inserting.insert([])
        assert inserting.insert_new([]) == {}


def test_what_the_table_refuses_is_an_error_of_the_database() -> None:
    row = notification(duplicate_key="a", subscription_id=None, received_at=None)

    with pytest.raises(DatabaseError):
        inserting.insert_new([row])
