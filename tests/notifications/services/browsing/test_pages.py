"""Pages of a list: each begins at a place that an index leads to, whatever the list is narrowed to."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from notifications.models import ChangeNotification
from notifications.services.browsing import pages
from notifications.services.browsing.pages import Place

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
# What a list is narrowed to, and the index that has it in the order of the list.
NARROWED = {
    "nothing": (Q(), "notification_by_time"),
    "a time": (Q(received_at__gte=NOON, received_at__lt=NOON + timedelta(hours=1)), "notification_by_time"),
    "state": (Q(state="rejected"), "notification_by_state"),
    "subscription": (Q(subscription=7), "notification_by_subscription"),
    "type": (Q(resource_type="#Microsoft.Graph.Event"), "notification_by_type"),
    "workload": (Q(workload="Teams"), "notification_by_workload"),
    "change": (Q(change_type="deleted"), "notification_by_change"),
    "event": (Q(lifecycle_event="missed") & ~Q(lifecycle_event=""), "notification_by_event"),
    "reason": (Q(reason="malformed") & ~Q(reason=""), "notification_by_reason"),
    "origin": (Q(origin="delta"), "notification_by_recovery"),
}

Store = Callable[..., ChangeNotification]


@pytest.fixture
def store(db: None) -> Store:
    def make(**changes: Any) -> ChangeNotification:
        times = dict.fromkeys(("received_at", "last_received_at", "processed_at"), NOON)
        return ChangeNotification.objects.create(**{"state": "accepted", **times, **changes})

    return make


def plan(rows: QuerySet[ChangeNotification]) -> str:
    """Return how the rows would be found if there were so many that nothing could be sorted."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                for way in ("seqscan", "bitmapscan", "sort"):
                    cursor.execute(f"SET LOCAL enable_{way} = off")
        return rows.explain()


@pytest.mark.django_db
@pytest.mark.parametrize(("narrowed", "index"), NARROWED.values(), ids=NARROWED)
def test_a_deep_page_of_a_narrowed_list_is_read_from_an_index_in_its_order(narrowed: Q, index: str) -> None:
    deep = pages._behind(Place(received_at=NOON, pk=1_000))
    rows = ChangeNotification.objects.filter(narrowed).filter(deep).order_by(*pages.NEWEST_FIRST)[:101]

    found = plan(rows)

    assert index in found
    assert "TEMP B-TREE" not in found


def test_rows_of_one_moment_are_told_apart_by_their_keys(store: Store) -> None:
    stored = [store().pk for _ in range(5)]
    rows = ChangeNotification.objects.all()

    first = pages.older(rows, than=None, size=2)
    second = pages.older(rows, than=first.older, size=2)
    assert second.newer is not None
    back = pages.newer(rows, than=second.newer, size=2)

    assert [row.pk for row in (*first.rows, *second.rows)] == stored[:0:-1]
    assert [row.pk for row in back.rows] == [row.pk for row in first.rows]


def test_what_arrives_while_pages_are_turned_moves_nothing(store: Store) -> None:
    stored = [store(received_at=NOON + timedelta(seconds=number)).pk for number in range(4)]
    rows = ChangeNotification.objects.all()
    first = pages.older(rows, than=None, size=2)
    new = store(received_at=NOON + timedelta(minutes=1))

    second = pages.older(rows, than=first.older, size=2)
    assert second.newer is not None
    back = pages.newer(rows, than=second.newer, size=2)
    assert back.newer is not None

    assert [row.pk for row in second.rows] == [stored[1], stored[0]]
    assert [row.pk for row in back.rows] == [stored[3], stored[2]]
    assert [row.pk for row in pages.newer(rows, than=back.newer, size=2).rows] == [new.pk]


def test_a_place_that_is_gone_is_still_a_place(store: Store) -> None:
    stored = [store() for _ in range(3)]
    place = Place.of(stored[1])
    stored[1].delete()

    page = pages.older(ChangeNotification.objects.all(), than=place, size=2)

    assert [row.pk for row in page.rows] == [stored[0].pk]


def test_no_page_looks_into_more_than_its_share(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "WINDOW", 3)
    for number in range(7):
        store(received_at=NOON + timedelta(seconds=number))
    rows = ChangeNotification.objects.all()

    looked = []
    page = pages.older(rows.filter(resource="x"), than=None, size=2, among=rows)
    while page.older:
        looked.append(int((NOON + timedelta(seconds=6) - page.older.received_at).total_seconds()) + 1)
        page = pages.older(rows.filter(resource="x"), than=page.older, size=2, among=rows)

    assert looked == [3, 6]
    assert page.looked_until is None
