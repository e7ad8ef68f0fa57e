"""Each change once: what counts as a repetition, and what never does."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from notifications import conf
from notifications.models import ChangeNotification, Delivery
from notifications.services import processing
from notifications.services.browsing import search
from notifications.services.processing import claiming, reading
from subscriptions.models import Subscription
from subscriptions.sandbox import Sandbox

pytestmark = pytest.mark.django_db

Item = dict[str, Any]
SubscriptionMaker = Callable[..., Subscription]
Speller = Callable[..., Item]
Receive = Callable[..., list[ChangeNotification]]
Post = Callable[..., object]


def drain() -> processing.Summary:
    return processing.process(clock=lambda: datetime.now(UTC))


def test_a_change_that_comes_twice_with_an_id_is_kept_once_and_counted(
    known: SubscriptionMaker, item_of: Speller, receive: Receive
) -> None:
    item = item_of(known(), id="n1")
    receive(item)

    (row,) = receive({**item, "subscriptionExpirationDateTime": "2027-02-09T00:00:00Z"})

    assert (row.state, row.times_delivered) == ("accepted", 2)
    assert row.last_received_at > row.received_at


def test_a_change_that_comes_twice_without_an_id_is_kept_once(
    known: SubscriptionMaker, item_of: Speller, receive: Receive
) -> None:
    item = item_of(known())
    receive(item)

    (row,) = receive(dict(reversed(item.items())))

    assert row.times_delivered == 2


def test_a_change_that_comes_twice_in_one_post_is_kept_once(
    known: SubscriptionMaker, item_of: Speller, receive: Receive
) -> None:
    item = item_of(known())

    receive(item)
    (row,) = receive(item, item, item)

    assert row.times_delivered == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"changeType": "updated"},
        {"resource": "Users/u1/Messages/other"},
        {"resourceData": {"@odata.type": "#Microsoft.Graph.Message", "@odata.etag": 'W/"2"', "id": "m"}},
        {"id": "n2"},
        {"somethingNew": 1},
    ],
)
def test_two_truly_different_changes_are_never_merged(
    changes: Item, known: SubscriptionMaker, item_of: Speller, receive: Receive
) -> None:
    item = item_of(known(), resource="Users/u1/Messages/m")

    rows = receive(item, {**item, **changes})

    assert [(row.state, row.times_delivered) for row in rows] == [("accepted", 1), ("accepted", 1)]


@pytest.mark.parametrize(
    "changes",
    [
        {"changeType": "updated"},
        {"resource": "Users/u1/Messages/other"},
        {"resourceData": {"@odata.etag": 'W/"2"'}},
    ],
)
def test_one_id_does_not_merge_what_differs(
    changes: Item, known: SubscriptionMaker, item_of: Speller, receive: Receive
) -> None:
    item = item_of(known(), id="n1")

    assert len(receive(item, {**item, **changes})) == 2


def test_two_subscriptions_that_tell_of_the_same_change_are_not_merged(
    known: SubscriptionMaker, item_of: Speller, receive: Receive
) -> None:
    first, second = known(), known()
    item = item_of(first, id="n1")

    rows = receive(item, {**item_of(second), **item, **_names(second)})

    assert {row.subscription for row in rows} == {first, second}


def test_after_the_window_of_graphs_retries_the_same_words_are_a_new_change(
    known: SubscriptionMaker, item_of: Speller, receive: Receive
) -> None:
    item = item_of(known())
    receive(item)
    earlier = datetime.now(UTC) - conf.DUPLICATE_WINDOW - timedelta(seconds=1)
    ChangeNotification.objects.update(received_at=earlier)

    rows = receive(item)

    assert [row.times_delivered for row in rows] == [1, 1]


@pytest.mark.parametrize("client_state", ["", "guessed"], ids=["genuine", "forged"])
def test_all_that_came_under_an_id_of_graphs_own_is_found_by_it_however_old(
    known: SubscriptionMaker, item_of: Speller, receive: Receive, client_state: str
) -> None:
    subscription = known()
    changes = {"clientState": client_state} if client_state else {}
    for days in (2, 1, 0):
        rows = receive(item_of(subscription, id="n1", **changes), item_of(subscription, id=f"other {days}"))
        ChangeNotification.objects.update(received_at=F("received_at") - timedelta(days=1))

    found = ChangeNotification.objects.filter(search.with_graph_id("n1"))

    assert [row.notification_id for row in rows].count("n1") == found.count() == 3
    assert not ChangeNotification.objects.filter(search.with_graph_id("n")).exists()


@pytest.mark.django_db(transaction=True)
def test_two_workers_to_whom_the_same_words_are_new_store_them_once_more(
    known: SubscriptionMaker, item_of: Speller, receive: Receive, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "MOST_AT_ONCE", 1)
    items = [item_of(known(), id=f"n{number}") for number in range(5)]
    receive(*items)
    ChangeNotification.objects.update(received_at=datetime.now(UTC) - timedelta(days=1))
    for _ in range(6):
        post({"value": items})

    summaries = _together(2, drain)

    assert [summary.errors for summary in summaries] == [[], []]
    rows = ChangeNotification.objects.order_by("pk")
    assert [row.times_delivered for row in rows] == [1] * 5 + [6] * 5
    assert [(row.duplicate_key or "").partition("-")[2] for row in rows] == [
        *(str(row.pk) for row in rows[:5]),
        *[""] * 5,
    ]


def test_the_same_lifecycle_notice_asks_anew_after_ten_minutes_and_not_before(
    known: SubscriptionMaker, item_of: Speller, receive: Receive
) -> None:
    notice = item_of(known(), changeType=None, resource=None, lifecycleEvent="reauthorizationRequired")
    receive(notice)

    repeated = receive(notice)
    ChangeNotification.objects.update(received_at=datetime.now(UTC) - timedelta(minutes=11))
    anew = receive(notice)

    assert [row.times_delivered for row in repeated] == [2]
    assert [row.times_delivered for row in anew] == [2, 1]
    assert anew[1].handle_after is not None


@pytest.mark.parametrize("changes", [{"clientState": "guessed"}, {"subscriptionId": "unknown"}])
def test_a_forged_copy_that_comes_first_never_hides_the_genuine_one(
    changes: Item, known: SubscriptionMaker, item_of: Speller, receive: Receive
) -> None:
    item = item_of(known(), id="n1")
    receive({**item, **changes})

    rows = receive(item)

    assert [(row.state, row.times_delivered) for row in rows] == [("rejected", 1), ("accepted", 1)]


def test_a_copy_with_bad_tokens_that_comes_first_never_hides_the_genuine_one(
    known_rich: Subscription, rich_item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    item = rich_item_of(known_rich, id="n1")
    receive(item, tokens=["garbage"])

    rows = receive(item, tokens=[sandbox.validation_token()])

    assert [row.state for row in rows] == ["rejected", "accepted"]


def test_a_genuine_change_is_not_counted_up_by_forged_copies(
    known: SubscriptionMaker, item_of: Speller, receive: Receive
) -> None:
    item = item_of(known(), id="n1")

    rows = receive(item, {**item, "clientState": "guessed"})

    assert sorted((row.state, row.times_delivered) for row in rows) == [("accepted", 1), ("rejected", 1)]


def test_copies_of_an_item_that_waits_become_one_row_when_it_is_proven(
    known_rich: Subscription, rich_item_of: Speller, post: Post, sandbox: Sandbox
) -> None:
    item = rich_item_of(known_rich)
    item["encryptedContent"]["encryptionCertificateId"] = "not-here-yet"
    for _ in range(3):
        post({"value": [item], "validationTokens": [sandbox.validation_token()]})
        drain()
    certificate = known_rich.encryption_certificate
    assert certificate is not None
    certificate.encryption_certificate_id = "not-here-yet"
    certificate.save()

    processing.process(clock=lambda: datetime.now(UTC), include_waiting=True)

    row = ChangeNotification.objects.get()
    assert (row.state, row.times_delivered) == ("accepted", 3)
    assert not Delivery.objects.open().exists()


def test_a_strangers_body_of_thousands_of_items_leaves_few_rows(post: Post) -> None:
    post({"value": [{"subscriptionId": str(number)} for number in range(5000)]})

    drain()

    assert ChangeNotification.objects.count() == reading.MOST_ROWS_OF_A_STRANGER
    assert Delivery.objects.get().state == "done"


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_meet_the_same_change_at_once_keep_it_once(
    known: SubscriptionMaker, item_of: Speller, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that both get some.
    monkeypatch.setattr(claiming, "MOST_AT_ONCE", 1)
    items = [item_of(known(), id=f"n{number}") for number in range(5)]
    for turn in range(6):
        post({"value": items if turn % 2 else items[::-1]})
    summaries = _together(2, drain)

    assert [summary.errors for summary in summaries] == [[], []]
    assert set(ChangeNotification.objects.values_list("state", "times_delivered")) == {("accepted", 6)}
    assert ChangeNotification.objects.count() == 5


def _together(workers: int, work: Callable[[], processing.Summary]) -> list[processing.Summary]:
    barrier, summaries = Barrier(workers), []

    def run() -> None:
        barrier.wait()
        try:
            summaries.append(work())
        finally:
            connection.close()

    threads = [Thread(target=run) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return summaries


def _names(subscription: Subscription) -> Item:
    return {
        "subscriptionId": subscription.graph_id,
        "clientState": subscription.client_state.reveal(),
    }


def test_a_backlog_holds_the_windows_of_repetition_as_if_it_had_been_worked_off_in_time(
    known: SubscriptionMaker, item_of: Speller, post: Post
) -> None:
    item = item_of(known())
    now = datetime.now(UTC)
    for age in (timedelta(hours=7), timedelta(hours=7) - timedelta(minutes=5), timedelta()):
        post({"value": [item]})
        newest = Delivery.objects.order_by("pk").reverse()[:1]
        Delivery.objects.filter(pk__in=[row.pk for row in newest]).update(received_at=now - age)

    counts = drain()

    rows = ChangeNotification.objects.order_by("pk").values_list("times_delivered", flat=True)
    assert list(rows) == [2, 1]
    assert (counts.accepted, counts.duplicates) == (2, 1)


def test_a_repetition_among_the_deliveries_of_one_batch_counts_for_the_latest(
    known: SubscriptionMaker, item_of: Speller, post: Post
) -> None:
    item = item_of(known(), id="n1")
    for _ in range(3):
        post({"value": [item]})

    counts = drain()

    row = ChangeNotification.objects.get()
    latest = Delivery.objects.latest("received_at")
    assert (row.times_delivered, row.last_received_at) == (3, latest.received_at)
    assert (counts.deliveries, counts.accepted, counts.duplicates) == (3, 1, 2)
