"""Searching content in the database: the same as the language says, on PostgreSQL and on SQLite."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifications.models import ChangeNotification, NotificationContent
from notifications.services.browsing import content
from notifications.services.browsing.expressions import Condition, matches, parse

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.5, -1.25]),
    st.sampled_from(["", "a", "A", "b", "ab", "Zo\u00eb", "1", "true", '"', "\\", "a.b", "."]),
)
KEYS = st.sampled_from(["a", "b", "@odata.type", 'a"b', "\u00eb"])
DOCUMENTS = st.dictionaries(
    KEYS,
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=2)
    ),
    max_size=3,
)
TEXTS = st.sampled_from(["a", "A", "b", "o", '"', "\\", ".", "\u00eb", "1"])


@st.composite
def conditions(draw: Any) -> Condition:
    operator = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "contains", "exists", "missing"]))
    values: tuple[Any, ...] = ()
    if operator in {"=", "!="}:
        values = tuple(draw(st.lists(SCALARS, min_size=1, max_size=3)))
    elif operator == "contains":
        values = (draw(TEXTS),)
    elif operator not in {"exists", "missing"}:
        values = (draw(st.one_of(st.integers(-3, 3), TEXTS)),)
    return Condition(
        path=tuple(draw(st.lists(KEYS, min_size=1, max_size=3))), operator=operator, values=values
    )


@pytest.fixture
def notification(db: None) -> ChangeNotification:
    now = datetime.now(UTC)
    return ChangeNotification.objects.create(
        state="accepted", received_at=now, last_received_at=now, processed_at=now
    )


@pytest.mark.django_db
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(document=DOCUMENTS, expression=st.lists(conditions(), min_size=1, max_size=2).map(tuple))
def test_the_database_finds_what_the_language_says(
    notification: ChangeNotification, document: dict[str, Any], expression: tuple[Condition, ...]
) -> None:
    NotificationContent.objects.update_or_create(
        notification=notification, defaults={"data": document, "opened_at": notification.received_at}
    )

    found = content.matching(ChangeNotification.objects.all(), expression).exists()

    assert found == matches(expression, document)


@pytest.mark.parametrize("text", ["a missing", "a != 1", "a exists"])
def test_what_has_no_content_is_never_found(notification: ChangeNotification, text: str) -> None:
    assert not content.matching(ChangeNotification.objects.all(), parse(text)).exists()


def test_postgresql_finds_a_value_by_an_index(
    notification: ChangeNotification, explained: Callable[..., str]
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("An index of PostgreSQL.")
    (one,) = parse("a.b in x, y")
    rows = NotificationContent.objects.filter(content.by_index(one))

    assert "content_by_value" in explained(rows.values("pk"))
