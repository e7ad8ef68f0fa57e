"""Workers on several hosts: woken by a broker, working without one, killed without loss."""

import json
import signal
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from notifications.models import ChangeNotification, Delivery
from subscriptions.models import Operation, Subscription
from subscriptions.sandbox import Sandbox
from tests.notifications.services.engine.conftest import Hosts, Relay, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

# Less than what lies between two looks of a worker that nobody wakes.
AT_ONCE_SECONDS = 12.0
BY_ITSELF_SECONDS = 15.0
QUEUE = "graph-subscription-manager"

ASK = """
import django, time
django.setup()
from notifications.services import engine
engine.share_renewal([{}])
time.sleep(5)
"""

HostsMaker = Callable[..., Hosts]
SubscriptionMaker = Callable[..., Subscription]
Speller = Callable[..., dict[str, Any]]


def body_of(*items: dict[str, Any], tokens: list[str] | None = None) -> bytes:
    return json.dumps({"value": list(items), "validationTokens": tokens or []}).encode()


def is_stored(count: int) -> Callable[[], bool]:
    return lambda: ChangeNotification.objects.filter(state="accepted").count() == count


def messages_in(broker_url: str) -> int:
    """Return how many messages nobody has in hand."""
    listed = [
        "rabbitmqctl",
        "-q",
        "list_queues",
        "-p",
        urlsplit(broker_url).path[1:],
        "name",
        "messages_ready",
    ]
    lines = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(QUEUE))


def test_workers_are_told_at_once_and_work_by_themselves_while_the_broker_is_away(
    hosts_with: HostsMaker, relay: Relay, broker_url: str, known: SubscriptionMaker, item_of: Speller
) -> None:
    subscription = known()
    parts = urlsplit(broker_url)
    address = parts.netloc.rpartition(":")[0] + f":{relay.port}"
    hosts = hosts_with(parts._replace(netloc=address).geturl())
    hosts.start_web()
    hosts.start_worker()
    hosts.post(body_of(item_of(subscription)))
    wait_until(is_stored(1))

    # Told by a nudge: twice in a row, since one could be a lucky look.
    for count in (2, 3):
        assert hosts.post(body_of(item_of(subscription)))[0] == 202
        assert wait_until(is_stored(count)) < AT_ONCE_SECONDS

    relay.close()
    answers = [hosts.post(body_of(item_of(subscription))) for _ in range(10)]
    assert {status for status, _ in answers} == {202}
    assert max(seconds for _, seconds in answers) < 2
    wait_until(is_stored(13))
    wait_until(lambda: "broker away" in hosts.log("web"))

    relay.open()
    count, waits = 13, [BY_ITSELF_SECONDS]
    # Both sides find the broker again in their own time.
    while max(waits[-2:]) >= AT_ONCE_SECONDS:
        assert count < 25
        hosts.post(body_of(item_of(subscription)))
        count += 1
        waits.append(wait_until(is_stored(count)))
    assert "broke off" not in hosts.log("worker")


def test_with_a_broker_that_never_was_there_everything_is_taken_and_stored(
    hosts_with: HostsMaker, known: SubscriptionMaker, item_of: Speller
) -> None:
    subscription = known()
    hosts = hosts_with("amqp://guest:guest@127.0.0.1:1/nowhere")
    hosts.start_web()
    hosts.start_worker()

    answers = [hosts.post(body_of(item_of(subscription))) for _ in range(5)]

    assert {status for status, _ in answers} == {202}
    assert max(seconds for _, seconds in answers[1:]) < 2
    wait_until(is_stored(5), seconds=90)


def test_what_a_killed_worker_had_in_hand_is_told_to_another_and_stored_once(
    hosts_with: HostsMaker,
    rabbitmq_url: str,
    custom_cloud: Sandbox,
    known_rich: Subscription,
    rich_item_of: Speller,
) -> None:
    variables = {
        "CUSTOM_GRAPH_URL": custom_cloud.graph_url,
        "CUSTOM_LOGIN_URL": custom_cloud.login_url,
        "CUSTOM_CA_BUNDLE": str(custom_cloud.ca_bundle),
    }
    hosts = hosts_with(rabbitmq_url, **variables)
    hosts.start_web()
    worker = hosts.start_worker()
    wait_until(lambda: "ready" in hosts.log("worker"))
    # The worker asks for the signing keys and hears nothing for a while: it is in the middle.
    custom_cloud.add_fault(path="/discovery/v2.0/keys$", delay=20)
    hosts.post(body_of(rich_item_of(known_rich), tokens=[custom_cloud.validation_token()]))
    wait_until(lambda: Delivery.objects.exclude(lease="").exists())
    assert messages_in(rabbitmq_url) == 0

    hosts.kill(worker)

    wait_until(lambda: messages_in(rabbitmq_url) == 1)
    # The lease is what keeps another worker away; let its time be over.
    Delivery.objects.update(leased_until=datetime.now(UTC) - timedelta(seconds=1))
    hosts.start_worker()
    wait_until(is_stored(1), seconds=90)
    assert ChangeNotification.objects.count() == 1
    assert ChangeNotification.objects.get().times_delivered == 1


def test_a_worker_takes_the_share_of_a_renewal_that_it_is_asked_for(
    hosts_with: HostsMaker, rabbitmq_url: str, custom_cloud: Sandbox, make_subscription: SubscriptionMaker
) -> None:
    due = make_subscription()
    Subscription.objects.update(renew_at=datetime.now(UTC) - timedelta(seconds=1))
    hosts = hosts_with(
        rabbitmq_url,
        CUSTOM_GRAPH_URL=custom_cloud.graph_url,
        CUSTOM_LOGIN_URL=custom_cloud.login_url,
        CUSTOM_CA_BUNDLE=str(custom_cloud.ca_bundle),
    )
    hosts.start_worker()

    # As a cron host does, which is a process of its own.
    hosts.run(ASK.format(due.app_registration_id))

    renewals = Operation.objects.filter(subscription=due, action="renew", succeeded=True)
    wait_until(renewals.exists)
    assert renewals.get().actor == "worker"


def test_a_worker_ends_in_order(hosts_with: HostsMaker, rabbitmq_url: str) -> None:
    hosts = hosts_with(rabbitmq_url)
    worker = hosts.start_worker()
    wait_until(lambda: "ready" in hosts.log("worker"))
    children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(90) == 0
    assert children
    assert not any(Path("/proc", child).exists() for child in children)


def test_nudges_do_not_pile_up_where_no_worker_runs(
    hosts_with: HostsMaker, rabbitmq_url: str, known: SubscriptionMaker, item_of: Speller
) -> None:
    subscription = known()
    hosts = hosts_with(rabbitmq_url)
    hosts.start_web()

    for _ in range(300):
        assert hosts.post(body_of(item_of(subscription)))[0] == 202

    wait_until(lambda: messages_in(rabbitmq_url) > 0)
    assert messages_in(rabbitmq_url) <= 64
