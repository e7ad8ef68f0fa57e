"""Workers and the inbox: leases, tries, and an end for what never works."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from pytest_django.fixtures import Settings

from notifications import conf
from notifications.models import ChangeNotification, Delivery
from notifications.services import processing
from notifications.services.processing import claiming, leases, reading
from subscriptions.models import Subscription
from subscriptions.sandbox import Sandbox

pytestmark = pytest.mark.django_db

Item = dict[str, Any]
SubscriptionMaker = Callable[..., Subscription]
Speller = Callable[..., Item]
Post = Callable[..., object]


def drain(*, after: timedelta = timedelta(), include_waiting: bool = False) -> processing.Summary:
    return processing.process(clock=lambda: datetime.now(UTC) + after, include_waiting=include_waiting)


def alone(
    delivery: claiming.Taken, *, now: datetime | None = None, summary: processing.Summary | None = None
) -> None:
    with ThreadPoolExecutor(1) as openers:
        processing.process_safely(
            delivery, openers=openers, now=now or datetime.now(UTC), summary=summary or processing.Summary()
        )


@pytest.fixture
def waiting(known_rich: Subscription, rich_item_of: Speller, post: Post, sandbox: Sandbox) -> Delivery:
    """Receive content for a certificate that is not here."""
    item = rich_item_of(known_rich)
    item["encryptedContent"]["encryptionCertificateId"] = "not-here"
    post({"value": [item], "validationTokens": [sandbox.validation_token()]})
    drain()
    return Delivery.objects.get()


def test_a_run_counts_what_it_did(known: SubscriptionMaker, item_of: Speller, post: Post) -> None:
    subscription = known()
    item = item_of(subscription)
    post({"value": [item, item, item_of(subscription, clientState="guessed")]})
    post(b"no json")

    summary = drain()

    assert (summary.deliveries, summary.accepted, summary.rejected) == (2, 1, 1)
    assert (summary.duplicates, summary.waiting, summary.dead, summary.errors) == (1, 0, 0, [])


def test_a_run_with_nothing_to_do_does_nothing() -> None:
    assert drain() == processing.Summary()


def test_a_run_is_safe_to_repeat(known: SubscriptionMaker, item_of: Speller, post: Post) -> None:
    post({"value": [item_of(known())]})
    drain()

    assert drain(after=timedelta(days=1)).deliveries == 0
    assert drain(include_waiting=True).deliveries == 0
    assert ChangeNotification.objects.get().times_delivered == 1


def test_more_deliveries_than_one_claim_takes_are_all_worked_off(
    known: SubscriptionMaker, item_of: Speller, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "MOST_AT_ONCE", 20)
    subscription = known()
    for _ in range(43):
        post({"value": [item_of(subscription)]})

    assert drain().accepted == 43


def test_a_malformed_delivery_is_put_away_with_the_reason(post: Post) -> None:
    post(b"no json")

    drain()

    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.error) == ("done", "The body is not JSON.")


# Leases


def test_a_delivery_that_a_living_worker_holds_is_left_alone(
    known: SubscriptionMaker, item_of: Speller, post: Post
) -> None:
    post({"value": [item_of(known())]})
    claiming.claim(now=datetime.now(UTC), after=None)

    assert drain().deliveries == 0
    assert drain(include_waiting=True).deliveries == 0


def test_what_a_killed_worker_held_is_taken_over_after_its_lease(
    known: SubscriptionMaker, item_of: Speller, post: Post
) -> None:
    post({"value": [item_of(known())]})
    claiming.claim(now=datetime.now(UTC), after=None)

    assert drain(after=leases.LEASE_LASTS + timedelta(seconds=1)).accepted == 1


def test_a_worker_whose_lease_was_taken_over_writes_nothing(
    known: SubscriptionMaker, item_of: Speller, post: Post
) -> None:
    post({"value": [item_of(known())]})
    (held,) = claiming.claim(now=datetime.now(UTC), after=None)
    drain(after=leases.LEASE_LASTS + timedelta(seconds=1))

    late = processing.Summary()
    alone(held, summary=late)

    assert (late.accepted, late.duplicates, late.errors) == (0, 0, [])
    assert ChangeNotification.objects.get().times_delivered == 1


def test_a_worker_whose_lease_was_taken_over_does_not_put_the_delivery_back(
    known: SubscriptionMaker, item_of: Speller, post: Post
) -> None:
    post({"value": [item_of(known())]})
    (held,) = claiming.claim(now=datetime.now(UTC), after=None)
    later = datetime.now(UTC) + leases.LEASE_LASTS + timedelta(seconds=1)
    (taken_over,) = claiming.claim(now=later, after=None)

    alone(held, now=later)

    assert Delivery.objects.get().lease == taken_over.lease
    assert not ChangeNotification.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_never_process_one_delivery_twice(
    known: SubscriptionMaker, item_of: Speller, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "MOST_AT_ONCE", 20)
    subscription = known()
    for _ in range(600):
        post({"value": [item_of(subscription)]})
    summaries: list[processing.Summary] = []

    def work() -> None:
        summaries.append(drain())
        connection.close()

    threads = [Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(summary.deliveries for summary in summaries) == 600
    assert sum(summary.duplicates for summary in summaries) == 0
    assert set(Delivery.objects.values_list("state", "attempts")) == {("done", 1)}


# Tries


def test_a_delivery_whose_body_cannot_be_opened_stops_no_other_and_is_tried_again(
    known: SubscriptionMaker, item_of: Speller, post: Post, settings: Settings
) -> None:
    ours = list(settings.FIELD_ENCRYPTION_KEYS)
    lost = Fernet.generate_key().decode()
    subscription = known()
    settings.FIELD_ENCRYPTION_KEYS = [lost, *ours]
    post({"value": [item_of(subscription)]})
    settings.FIELD_ENCRYPTION_KEYS = ours
    post({"value": [item_of(subscription)]})

    without_the_key = drain()
    settings.FIELD_ENCRYPTION_KEYS = [*ours, lost]
    with_the_key = drain(after=timedelta(minutes=1))

    assert (without_the_key.accepted, len(without_the_key.errors)) == (1, 1)
    assert (with_the_key.accepted, with_the_key.errors) == (1, [])


def test_a_delivery_that_breaks_off_is_tried_at_ever_longer_intervals(
    waiting: Delivery, settings: Settings
) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    waits = []
    for day in range(1, 3):
        drain(after=timedelta(days=day))
        waiting.refresh_from_db(fields=["next_attempt_at", "attempts", "state", "error"])
        waits.append(waiting.next_attempt_at - datetime.now(UTC) - timedelta(days=day))

    assert [round(wait.total_seconds() / 15) for wait in waits] == [2, 4]
    assert waiting.state == "waiting"
    assert "FieldDecryptionError" in waiting.error


def test_the_wait_between_tries_doubles_up_to_a_quarter_of_an_hour() -> None:
    minutes = [
        processing.wait_after(attempts).total_seconds() / 60 for attempts in (0, 1, 2, 3, 7, 8, 10_000)
    ]

    assert minutes == [0.25, 0.25, 0.5, 1, 15, 15, 15]


def test_a_delivery_that_breaks_off_for_days_is_given_up_and_kept(
    known: SubscriptionMaker, item_of: Speller, post: Post, settings: Settings
) -> None:
    post({"value": [item_of(known())]})
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    drain(after=reading.GIVE_UP_AFTER + timedelta(minutes=1))

    assert Delivery.objects.filter(state="dead").defer("body").count() == 1


def test_what_waits_for_a_certificate_is_tried_at_once_when_an_operator_asks(waiting: Delivery) -> None:
    assert drain().deliveries == 0
    assert drain(include_waiting=True).waiting == 1
    assert waiting.state == "waiting"


def test_what_waits_for_a_certificate_never_dies(waiting: Delivery) -> None:
    drain(after=reading.GIVE_UP_AFTER * 10)

    waiting.refresh_from_db()
    assert waiting.state == "waiting"
    assert ChangeNotification.objects.get().state == "waiting"


def test_what_waits_for_signing_keys_for_days_is_given_up_with_the_reason(
    known_rich: Subscription, rich_item_of: Speller, post: Post, sandbox: Sandbox
) -> None:
    post({"value": [rich_item_of(known_rich)], "validationTokens": [sandbox.validation_token()]})
    sandbox.add_fault(path="openid-configuration", status=503, times=None)

    drain()
    summary = drain(after=reading.GIVE_UP_AFTER + timedelta(minutes=1))

    row = ChangeNotification.objects.get()
    assert (row.state, row.reason, summary.dead) == ("dead", "signing_keys_unavailable", 1)
    assert Delivery.objects.get().state == "done"


def test_neighbours_of_an_item_that_waits_are_stored_once_whatever_the_tries(
    known_rich: Subscription, rich_item_of: Speller, item_of: Speller, post: Post, sandbox: Sandbox
) -> None:
    item = rich_item_of(known_rich)
    item["encryptedContent"]["encryptionCertificateId"] = "not-here"
    post({"value": [item_of(known_rich), item], "validationTokens": [sandbox.validation_token()]})

    for _ in range(3):
        drain(include_waiting=True)

    rows = ChangeNotification.objects.order_by("item_index").values_list("state", "times_delivered")
    assert list(rows) == [("accepted", 1), ("waiting", 1)]


def test_a_delivery_that_leaves_the_quarantine_before_its_turn_is_no_failure(post: Post) -> None:
    post(b"no json")
    (held,) = claiming.claim(now=datetime.now(UTC), after=None)
    Delivery.objects.all().delete()
    summary = processing.Summary()

    alone(held, summary=summary)

    assert summary.errors == []


def test_no_secret_of_a_body_reaches_the_log(
    known: SubscriptionMaker, item_of: Speller, post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    subscription = known()
    post({"value": [item_of(subscription), item_of(subscription, clientState="guessed-secret")]})
    post({"value": [item_of(subscription, clientState="guessed-secret")], "validationTokens": ["a-token"]})

    drain()

    assert subscription.client_state.reveal() not in caplog.text
    assert "guessed-secret" not in caplog.text
    assert "a-token" not in caplog.text


# Batches


def test_a_batch_costs_the_same_number_of_statements_whatever_is_in_it(
    known: SubscriptionMaker, item_of: Speller, post: Post, django_assert_max_num_queries: Any
) -> None:
    subscription = known()
    for _ in range(30):
        post({"value": [item_of(subscription) for _ in range(3)]})

    with django_assert_max_num_queries(21):
        summary = drain()

    assert (summary.deliveries, summary.accepted) == (30, 90)


def test_what_would_not_fit_into_memory_together_is_claimed_apart(post: Post) -> None:
    small, large = claiming.MOST_BYTES // 3, claiming.MOST_BYTES * 2
    for size, packing in [(small, ""), (small, ""), (large, ""), (small, ""), (1, "gzip"), (1, "gzip")]:
        post(b"no json")
        Delivery.objects.filter(size=7).update(size=size, content_encoding=packing)

    groups = iter(lambda: claiming.claim(now=datetime.now(UTC), after=None), [])

    first = Delivery.objects.earliest("pk").pk
    assert [[taken.pk - first for taken in group] for group in groups] == [[0, 1], [2], [3], [4], [5]]


def test_what_came_far_apart_in_time_is_claimed_apart(post: Post) -> None:
    ages = [timedelta(), conf.NOTICE_DUPLICATE_WINDOW, conf.NOTICE_DUPLICATE_WINDOW * 1.5]
    now = datetime.now(UTC)
    for age in ages:
        post(b"no json")
        newest = Delivery.objects.latest("pk")
        Delivery.objects.filter(pk=newest.pk).update(received_at=now - age)

    assert [len(claiming.claim(now=datetime.now(UTC), after=None)) for _ in ages] == [2, 1, 0]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite keeps to the index anyway")
def test_a_claim_reads_the_index_in_its_order_however_full_the_inbox_is(post: Post) -> None:
    for _ in range(3):
        post(b"no json")

    claiming.claim(now=datetime.now(UTC), after=None)

    # What a claim sets for its transaction lasts to the end of the test's.
    plan = Delivery.objects.due(datetime.now(UTC)).order_by("next_attempt_at", "pk")[:250].explain()
    assert "delivery_due" in plan
    assert "Sort" not in plan


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite keeps to the index anyway")
def test_the_numbers_of_a_group_are_not_gone_through_for_each_of_its_rows(post: Post) -> None:
    for _ in range(3):
        post(b"no json")
    taken = claiming.claim(now=datetime.now(UTC), after=None)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE notifications_delivery")

    plan = leases.still_held(taken).explain()

    assert "ANY" in plan
    assert "Nested Loop" not in plan


def test_contents_are_opened_beside_by_other_threads(
    known_rich: Subscription, rich_item_of: Speller, post: Post, sandbox: Sandbox
) -> None:
    items = [rich_item_of(known_rich) for _ in range(reading.OPENED_AT_ONCE + 1)]
    post({"value": items, "validationTokens": [sandbox.validation_token()]})
    taken = claiming.claim(now=datetime.now(UTC), after=None)
    let_go = Event()

    with ThreadPoolExecutor(1) as openers:
        openers.submit(let_go.wait)
        read = reading.Reading(taken, openers=openers, now=datetime.now(UTC))
        let_go.set()
        (judged,) = read.judged(now=datetime.now(UTC))

    assert [verdict.state for _, verdict in judged.items] == ["accepted"] * len(items)
    assert [item.index for item, _ in judged.items] == list(range(len(items)))


def test_a_group_that_cannot_be_written_together_is_written_one_by_one(
    known: SubscriptionMaker, item_of: Speller, post: Post
) -> None:
    subscription = known()
    for _ in range(3):
        post({"value": [item_of(subscription)]})
    lost = Delivery.objects.earliest("pk").pk
    clock_calls = []

    def clock() -> datetime:
        # Just before the group is written, another worker takes one of it over.
        clock_calls.append(1)
        if len(clock_calls) == 3:
            Delivery.objects.filter(pk=lost).update(lease="theirs")
        return datetime.now(UTC)

    summary = processing.process(clock=clock)

    assert (summary.accepted, summary.errors) == (2, [])
    assert Delivery.objects.get(pk=lost).lease == "theirs"
    assert lost not in ChangeNotification.objects.values_list("delivery", flat=True)
