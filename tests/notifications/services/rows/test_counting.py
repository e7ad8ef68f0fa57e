"""What is counted is what is there, whatever is stored, told again, put back or deleted."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from notifications.models import ChangeNotification, Delivery, NotificationCount, RetentionRule
from notifications.services import engine, processing, replay
from notifications.services.intake import quarantine
from notifications.services.retention import pruning
from notifications.services.rows import counting
from subscriptions.models import Subscription

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC)
Item = dict[str, Any]
Receiver = Callable[..., list[ChangeNotification]]
Count = Counter[tuple[str, str]]


def counted() -> Count:
    found: Count = Counter()
    for row in NotificationCount.objects.all():
        found[row.workload, row.state] += row.count
    return +found


def there() -> Count:
    return Counter(ChangeNotification.objects.order_by().values_list("workload", "state"))


def test_what_is_stored_is_counted_by_workload_and_state(
    known: Callable[..., Subscription], item_of: Callable[..., Item], receive: Receiver
) -> None:
    subscription = known()

    receive(item_of(subscription), item_of(subscription), item_of(subscription, clientState="forged"))

    assert counted() == there() == {("Outlook", "accepted"): 2, ("Outlook", "rejected"): 1}


def test_what_comes_again_is_counted_once(
    known: Callable[..., Subscription], item_of: Callable[..., Item], receive: Receiver
) -> None:
    item = item_of(known())

    receive(item, item)
    receive(item)

    assert counted() == there() == {("Outlook", "accepted"): 1}


def test_what_waits_and_is_given_up_and_put_back_is_counted_in_its_state(
    known_rich: Subscription, rich_item_of: Callable[..., Item], receive: Receiver
) -> None:
    item = rich_item_of(known_rich)
    item["encryptedContent"]["encryptionCertificateId"] = "elsewhere"
    receive(item, tokens=["a.b.c"])
    seen = [(counted(), there())]

    for state in ("waiting", "dead"):
        ChangeNotification.objects.update(state=state)
        NotificationCount.objects.update(state=state)
        replay.replay(Delivery.objects.all(), now=NOW, actor="test")
        processing.process(clock=lambda: datetime.now(UTC), include_waiting=True)
        seen.append((counted(), there()))

    assert all(ours == theirs for ours, theirs in seen)
    assert sum(there().values()) == 1


def test_what_is_pruned_is_not_counted_any_more(
    known: Callable[..., Subscription], item_of: Callable[..., Item], receive: Receiver
) -> None:
    receive(item_of(known()))
    RetentionRule.objects.all().delete()
    RetentionRule.objects.create(accepted_days=1)

    pruning.prune(clock=lambda: datetime.now(UTC) + timedelta(days=2))
    counting.sum_up(now=datetime.now(UTC))

    assert counted() == there() == {}
    assert not NotificationCount.objects.exists()


def test_what_makes_room_in_the_quarantine_is_not_counted_any_more(
    known: Callable[..., Subscription], item_of: Callable[..., Item], post: Any, settings: Any
) -> None:
    settings.MAX_QUARANTINED_DELIVERIES = 2
    stranger = item_of(known())
    for number in range(4):
        post({"value": [{**stranger, "subscriptionId": f"unknown-{number}"}]})
        processing.process(clock=lambda: datetime.now(UTC))

    quarantine.forget()

    assert counted() == there()
    assert sum(there().values()) <= 3


def test_the_counts_are_of_the_five_minutes_in_which_it_was_received(
    known: Callable[..., Subscription], item_of: Callable[..., Item], receive: Receiver
) -> None:
    [row] = receive(item_of(known()))

    began_at = NotificationCount.objects.get().began_at

    assert began_at <= row.received_at < began_at + counting.STEP
    assert (began_at.minute % 5, began_at.second, began_at.microsecond) == (0, 0, 0)


def noted(at: datetime, count: int = 1, workload: str = "Teams") -> None:
    rows = [
        ChangeNotification(received_at=at, workload=workload, state="accepted") for _ in range(abs(count))
    ]
    counting.note(**{"came" if count > 0 else "gone": rows})


def test_summing_up_changes_no_count_and_leaves_one_row_for_each() -> None:
    for _ in range(3):
        noted(NOW, 2)
        noted(NOW, -1)
        noted(NOW - timedelta(minutes=10))

    before = counted()
    assert counting.sum_up(now=NOW) == 9
    noted(NOW, 4)
    counting.sum_up(now=NOW)

    assert before == {("Teams", "accepted"): 6}
    rows = NotificationCount.objects.order_by("began_at").values_list("began_at", "count")
    assert list(rows) == [
        (datetime(2026, 3, 1, 12, 20, tzinfo=UTC), 3),
        (datetime(2026, 3, 1, 12, 30, tzinfo=UTC), 7),
    ]


def test_what_is_old_is_summed_up_by_the_hour() -> None:
    for minutes in (0, 10, 20):
        noted(NOW - timedelta(minutes=minutes))
    counting.sum_up(now=NOW)

    counting.sum_up(now=NOW + counting.FINE_FOR + timedelta(hours=1))

    assert list(NotificationCount.objects.values_list("began_at", "count")) == [
        (datetime(2026, 3, 1, 12, tzinfo=UTC), 3)
    ]


def test_nothing_to_sum_up_costs_no_more_than_a_look(django_assert_max_num_queries: Any) -> None:
    noted(NOW)
    counting.sum_up(now=NOW)

    with django_assert_max_num_queries(6):
        assert counting.sum_up(now=NOW) == 0


def test_a_worker_sums_up_once_a_minute() -> None:
    for _ in range(2):
        noted(NOW)
        noted(NOW)
        engine.work_once()

    assert sorted(NotificationCount.objects.values_list("count", flat=True)) == [1, 1, 2]


@pytest.mark.parametrize("name", ["notification_by_item", "notification_by_workload"])
def test_the_indexes_are_there(name: str) -> None:
    with connection.cursor() as cursor:
        table = ChangeNotification._meta.db_table
        assert name in connection.introspection.get_constraints(cursor, table)
