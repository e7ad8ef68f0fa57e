"""The main job: from the wish to the stored notification, over HTTPS."""

import time
from collections.abc import Callable
from threading import Event, Thread

import pytest
from django.db import connection

from notifications.models import ChangeNotification
from notifications.services import engine
from subscriptions.models import DeltaLink, DeltaTracking, EncryptionCertificate, Subscription
from subscriptions.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

SubscriptionMaker = Callable[..., Subscription]


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_basic_notification_is_proven_and_stored(
    make_subscription: SubscriptionMaker, sandbox: Sandbox
) -> None:
    subscription = make_subscription()

    sandbox.make_change(f"{subscription.resource}/AAMk1", "created", content={"subject": "Hello"})
    sandbox.flush(10)
    engine.work_once()

    row = ChangeNotification.objects.get()
    assert (row.state, row.subscription, row.change_type) == ("accepted", subscription, "created")
    assert row.proof == ["clientState"]


def test_a_rich_notification_is_proven_and_decrypted(
    make_subscription: SubscriptionMaker, sandbox: Sandbox, certificate: EncryptionCertificate
) -> None:
    make_subscription(
        resource="/teams/getAllMessages", include_resource_data=True, encryption_certificate=certificate
    )

    sandbox.make_change(
        "/teams/t1/channels/c1/messages/m1", "created", content={"body": {"content": "Grüße"}}
    )
    sandbox.flush(10)
    engine.work_once()

    row = ChangeNotification.objects.get()
    assert (row.state, row.reason) == ("accepted", "")
    assert row.proof == ["clientState", "validationToken", "dataSignature"]
    assert row.content.data["body"]["content"] == "Grüße"


def test_a_notification_faster_than_the_answer_to_the_create_call_is_not_lost(
    make_subscription: SubscriptionMaker, sandbox: Sandbox
) -> None:
    sandbox.add_fault(method="POST", path="/subscriptions$", delay=1.5)

    def create() -> None:
        make_subscription()
        connection.close()

    creating = Thread(target=create)
    creating.start()
    wait_until(lambda: len(sandbox.subscriptions) == 1)
    (remote,) = sandbox.subscriptions.values()

    sandbox.make_change(f"{remote.resource}/AAMk1", "created", content={"subject": "Early"})
    sandbox.flush(5)
    early = engine.work_once()
    is_pending = not Subscription.objects.filter(graph_id__isnull=False).exists()
    creating.join()

    assert is_pending
    assert early["accepted"] == 1
    assert ChangeNotification.objects.get().subscription == Subscription.objects.get()


def test_a_run_tells_of_all_its_parts() -> None:
    assert engine.work_once() == {
        "deliveries": 0,
        "accepted": 0,
        "rejected": 0,
        "waiting": 0,
        "dead": 0,
        "duplicates": 0,
        "handled": 0,
        "fetched": 0,
        "not_fetched": 0,
        "postponed": 0,
        "errors": [],
    }


def test_a_worker_begins_to_follow_what_was_created_and_finds_what_is_missed(
    make_subscription: SubscriptionMaker,
) -> None:
    make_subscription()
    stop = Event()
    worker = Thread(target=engine.recover_until, args=(stop,), kwargs={"every_seconds": 0.05})

    worker.start()
    wait_until(lambda: DeltaTracking.objects.filter(recovered_at__isnull=False).exists())
    stop.set()
    worker.join()

    assert DeltaLink.objects.exists()
