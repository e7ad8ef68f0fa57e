"""The feed: with writers that commit out of order, a reader misses nothing and gets nothing twice."""

import random
import threading
import time
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from notifications.models import ChangeNotification
from notifications.services.rows import feed

NOON_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
WRITERS = 10
WRITES = 12


def save() -> int:
    return ChangeNotification.objects.create(
        state="accepted", received_at=NOON_AT, last_received_at=NOON_AT, processed_at=NOON_AT
    ).pk


@pytest.mark.django_db
def test_a_first_reader_of_many_rows_gets_them_over_several_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "PLACES_AT_ONCE", 2)
    saved = [save() for _ in range(5)]

    place, got, has_more = 0, [], True
    while has_more:
        page, place, has_more = feed.after(ChangeNotification.objects.all(), place, limit=10)
        got += [row.pk for row in page]

    assert got == saved


@pytest.mark.django_db
def test_news_of_a_row_brings_it_once_more() -> None:
    first, second = save(), save()
    _, place, _ = feed.after(ChangeNotification.objects.all(), 0, limit=10)

    feed.tell_again(first)

    page, _, _ = feed.after(ChangeNotification.objects.all(), place, limit=10)
    assert [row.pk for row in page] == [first] != [second]


@pytest.mark.django_db(transaction=True)
def test_ten_writers_and_a_reader_nothing_missed_nothing_twice() -> None:
    saved: list[int] = []
    running = threading.Event()
    running.set()

    def write(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 -- no secret
        try:
            for _ in range(WRITES):
                with transaction.atomic():
                    pks = [save() for _ in range(chance.randint(1, 3))]
                    # The later it commits, the more numbers of others are past it.
                    time.sleep(chance.random() / 100)
                saved.extend(pks)
        finally:
            connection.close()

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(WRITERS)]
    for writer in writers:
        writer.start()
    got: list[int] = []
    place, is_over = 0, False
    while not is_over:
        is_over = not any(writer.is_alive() for writer in writers)
        has_more = True
        while has_more:
            page, place, has_more = feed.after(ChangeNotification.objects.all(), place, limit=7)
            got += [row.pk for row in page]

    assert len(saved) >= WRITERS * WRITES
    assert sorted(got) == sorted(saved)
