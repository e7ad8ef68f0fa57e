"""Fetching: what came without content is read at Graph, once at a time, and the reason is told where it cannot be."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifications.models import ChangeNotification, ContentFetch, NotificationContent
from notifications.services import engine, fetching
from subscriptions.models import Operation, Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.services.errors import BusyError

pytestmark = pytest.mark.django_db(transaction=True)

MAILBOX = "users/9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3/messages"
State = ContentFetch.State
Maker = Callable[..., Subscription]
Told = Callable[..., ChangeNotification]
ROWS = ChangeNotification.objects.all()


@pytest.fixture
def told(make_subscription: Maker, sandbox: Sandbox) -> Told:
    """Return a function that lets a message change, and returns what we were told of it."""
    make_subscription()

    def change(identifier: str = "m1", change_type: str = "created", **content: Any) -> ChangeNotification:
        sandbox.make_change(f"{MAILBOX}/{identifier}", change_type, content)
        sandbox.flush(10)
        engine.work_once()
        return ChangeNotification.objects.latest("pk")

    return change


def reads(sandbox: Sandbox) -> list[str]:
    return [one.path for one in sandbox.requests if one.method == "GET" and "/Messages/" in one.path]


def fetch(*, after: timedelta = timedelta()) -> fetching.Summary:
    return fetching.fetch_wanted(clock=lambda: datetime.now(UTC) + after)


def want() -> int:
    return fetching.want(ROWS, now=datetime.now(UTC), actor="test")


def fetch_now(notification: ChangeNotification) -> ContentFetch:
    return fetching.fetch_now(notification, clock=lambda: datetime.now(UTC), actor="test")


def test_the_present_state_is_kept_as_fetched(told: Told, sandbox: Sandbox) -> None:
    notification = told(subject="Before")
    sandbox.make_change(f"{MAILBOX}/m1", "updated", {"subject": "After"})

    outcome = fetch_now(notification)

    content = NotificationContent.objects.get(pk=notification.pk)
    assert (outcome.state, content.source) == (State.DONE, NotificationContent.Source.FETCHED)
    assert content.data["subject"] == "After"
    assert content.opened_at > notification.received_at


def test_fetching_again_replaces_what_was_fetched(told: Told, sandbox: Sandbox) -> None:
    notification = told(subject="Before")
    fetch_now(notification)
    sandbox.make_change(f"{MAILBOX}/m1", "updated", {"subject": "After"})

    fetch_now(notification)

    assert NotificationContent.objects.get().data["subject"] == "After"


def test_a_subscription_that_wants_it_has_it_fetched_by_the_worker(told: Told, sandbox: Sandbox) -> None:
    Subscription.objects.update(fetch_content=True)

    notification = told(subject="Hello")

    assert NotificationContent.objects.get(pk=notification.pk).data["subject"] == "Hello"
    assert Operation.objects.filter(action="fetch", succeeded=True).count() == 1


def test_without_the_switch_nothing_is_read(told: Told, sandbox: Sandbox) -> None:
    told()

    assert reads(sandbox) == []
    assert not ContentFetch.objects.exists()


def test_what_was_deleted_is_not_asked_for(told: Told, sandbox: Sandbox) -> None:
    Subscription.objects.update(fetch_content=True, change_type="deleted")
    row = told()
    ChangeNotification.objects.filter(pk=row.pk).update(change_type="deleted")
    NotificationContent.objects.all().delete()

    assert want() == 0
    assert fetch_now(row).state == State.IMPOSSIBLE


def test_what_is_gone_by_now_says_so(told: Told, sandbox: Sandbox) -> None:
    notification = told()
    sandbox.make_change(f"{MAILBOX}/m1", "deleted")

    outcome = fetch_now(notification)

    assert (outcome.state, "no longer has it" in outcome.outcome) == (State.GONE, True)
    assert not NotificationContent.objects.exists()


def test_what_may_not_be_read_says_which_right_is_missing(told: Told, sandbox: Sandbox) -> None:
    notification = told()
    error = {"error": {"code": "ErrorAccessDenied", "message": "Access is denied."}}
    sandbox.add_fault(method="GET", path="/Messages/", status=403, body=error, times=None)

    outcome = fetch_now(notification)

    assert (outcome.state, "permission" in outcome.outcome) == (State.FORBIDDEN, True)
    assert fetch(after=timedelta(days=2)) == fetching.Summary()


def test_many_are_read_twenty_in_a_call_and_each_item_once(told: Told, sandbox: Sandbox) -> None:
    for number in range(25):
        told(f"m{number}")
    sandbox.make_change(f"{MAILBOX}/m0", "updated")
    sandbox.flush(10)
    engine.work_once()

    assert want() == 26
    summary = fetch()

    batches = [one for one in sandbox.requests if one.path.endswith("/$batch")]
    assert (len(batches), len(reads(sandbox)), summary.fetched) == (2, 25, 26)


def test_a_wait_that_graph_asks_for_is_obeyed_and_the_rest_is_not_sent(told: Told, sandbox: Sandbox) -> None:
    for number in range(21):
        told(f"m{number}")
    want()
    throttled = {"error": {"code": "TooManyRequests", "message": "Slow down"}}
    sandbox.add_fault(path="batch", status=429, headers={"Retry-After": "300"}, body=throttled)

    first, second = fetch(), fetch(after=timedelta(minutes=4))

    assert (first.fetched, first.postponed, len(first.errors)) == (0, 21, 1)
    assert second == fetching.Summary()
    assert fetch(after=timedelta(minutes=6)).fetched == 21


def test_an_item_that_is_throttled_by_itself_waits_by_itself(told: Told, sandbox: Sandbox) -> None:
    told("m0"), told("m1")
    want()
    sandbox.add_fault(method="GET", path="/Messages/m1", status=429, headers={"Retry-After": "120"}, body={})

    first = fetch()

    assert (first.fetched, first.postponed) == (1, 1)
    assert fetch(after=timedelta(minutes=3)).fetched == 1


def test_a_broken_line_is_tried_again_with_longer_waits_and_given_up_after_a_day(
    told: Told, sandbox: Sandbox
) -> None:
    told()
    want()
    sandbox.add_fault(method="GET", path="/Messages/", drop=True, times=None)

    for hours in (0, 1, 2, 25):
        fetch(after=timedelta(hours=hours))

    wish = ContentFetch.objects.get()
    assert (wish.state, wish.attempts) == (State.FAILED, 4)
    assert wish.outcome.startswith("Given up after a day.")


def test_one_that_a_worker_has_in_hand_is_not_fetched_beside_it(told: Told, sandbox: Sandbox) -> None:
    notification = told()
    want()
    later = datetime.now(UTC) + timedelta(minutes=5)
    ContentFetch.objects.update(claim="another", claimed_until=later)

    with pytest.raises(BusyError):
        fetch_now(notification)

    assert (fetch(), reads(sandbox)) == (fetching.Summary(), [])


def test_what_a_dead_worker_had_in_hand_is_taken_over(told: Told) -> None:
    told()
    want()
    ContentFetch.objects.update(claim="dead", claimed_until=datetime.now(UTC))

    assert fetch(after=timedelta(seconds=1)).fetched == 1


def test_a_worker_that_lost_its_claim_writes_nothing(told: Told, sandbox: Sandbox) -> None:
    notification = told()
    want()

    def clock() -> datetime:
        # The time is asked for again when the answer is there: another worker has taken over by then.
        if reads(sandbox):
            ContentFetch.objects.update(claim="another")
        return datetime.now(UTC)

    fetching.fetch_wanted(clock=clock)

    assert not NotificationContent.objects.filter(pk=notification.pk).exists()
    assert ContentFetch.objects.get().state == State.WANTED


def test_content_that_came_with_a_notification_is_never_written_over(told: Told) -> None:
    notification = told()
    NotificationContent.objects.create(
        notification=notification, data={"then": 1}, opened_at=datetime.now(UTC)
    )

    outcome = fetch_now(notification)

    assert outcome.state == State.IMPOSSIBLE
    assert NotificationContent.objects.get().data == {"then": 1}


def test_only_genuine_changes_without_content_are_wanted(told: Told) -> None:
    for state in ("rejected", "waiting"):
        row = told(state)
        ChangeNotification.objects.filter(pk=row.pk).update(state=state)
    told("m1")

    assert want() == 1
    assert want() == 0


def test_an_item_is_found_in_whatever_folder_it_lies(told: Told, sandbox: Sandbox) -> None:
    user = MAILBOX.removesuffix("/messages")
    sandbox.make_change(f"{user}/mailFolders/archive/messages/a1", "created", {"subject": "Filed"})
    sandbox.flush(10)
    engine.work_once()

    fetch_now(ChangeNotification.objects.latest("pk"))

    assert NotificationContent.objects.get().data["subject"] == "Filed"
