"""Recovering: what the webhook was not told is found by delta query, stored once, and only what belongs there."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifications.models import ChangeNotification, NotificationContent
from notifications.services import fetching, processing, recovering
from notifications.services.recovering import recovered
from subscriptions.models import DeltaLink, DeltaTracking, EncryptionCertificate, Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.sandbox.identifiers import immutable
from subscriptions.services.callers import Callers
from subscriptions.services.catching_up import Report, catch_up
from subscriptions.services.errors import BusyError, UseCaseError
from subscriptions.services.gaps import recovery
from subscriptions.services.recreation import recreate
from subscriptions.services.removal import remove

pytestmark = pytest.mark.django_db(transaction=True)

USER = "9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3"
MAIL = f"/users/{USER}/messages"
ALL = "created,updated,deleted"
TRIES = 3
Found = list[tuple[str, str, str]]
Deliver = Callable[..., None]


def recover(subscription: Subscription, *, later: timedelta = timedelta()) -> Report:
    return recovering.recover(subscription, clock=lambda: datetime.now(UTC) + later, actor="test")


def rows() -> Found:
    """Return what is stored: way, change type and item."""
    stored = ChangeNotification.objects.order_by("pk")
    return [(row.origin, row.change_type, row.resource_id) for row in stored]


@pytest.fixture
def deliver(sandbox: Sandbox) -> Callable[..., None]:
    """Return a function that lets something happen, and has worked through what the webhook was told of it."""

    def happen(path: str, change_type: str, content: dict[str, Any] | None = None) -> None:
        sandbox.make_change(path, change_type, content)
        sandbox.flush()
        processing.process(clock=lambda: datetime.now(UTC))

    return happen


@pytest.fixture
def lose(sandbox: Sandbox, settings: Any) -> Callable[..., None]:
    """Return a function that lets something happen of which the webhook is never told."""

    def happen(path: str, change_type: str, content: dict[str, Any] | None = None) -> None:
        kept = sandbox._shelf._stored
        sandbox._shelf._stored = {}
        sandbox.make_change(path, change_type, content)
        sandbox._shelf._stored = kept

    return happen


def test_the_first_run_stores_nothing_of_what_was_there_before(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    sandbox.make_change(f"{MAIL}/old", "created")
    subscription = make_subscription()

    report = recover(subscription)

    assert (report.changes, rows()) == (0, [])
    assert DeltaLink.objects.filter(stage="following").count() == 2


@pytest.mark.parametrize("resource", [MAIL, "/teams/T/channels/C/messages"])
def test_what_was_lost_between_the_grant_and_the_first_run_is_found_where_items_are_dated(
    resource: str, make_subscription: Callable[..., Subscription], lose: Callable[..., None], sandbox: Sandbox
) -> None:
    subscription = make_subscription(resource=resource, change_type=ALL)

    sandbox.advance(timedelta(minutes=2))
    lose(f"{resource}/x", "created")
    recover(subscription, later=timedelta(minutes=3))

    assert rows() == [("delta", "created", "x")]


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        (MAIL, f"{MAIL}/x"),
        (f"/users/{USER}/mailFolders('inbox')/messages", f"/users/{USER}/mailFolders/inbox/messages/x"),
        (f"/users/{USER}/events", f"/users/{USER}/events/x"),
        (f"/users/{USER}/contacts", f"/users/{USER}/contacts/x"),
        ("/teams/T/channels/C/messages", "/teams/T/channels/C/messages/x"),
    ],
)
def test_what_was_lost_is_found_and_stored_once(
    resource: str, path: str, make_subscription: Callable[..., Subscription], lose: Callable[..., None]
) -> None:
    subscription = make_subscription(resource=resource, change_type=ALL)
    recover(subscription)

    lose(path, "created")
    first, second = recover(subscription), recover(subscription)

    assert (first.changes, second.changes) == (1, 0)
    assert rows() == [("delta", "created", "x")]


@pytest.mark.parametrize(
    ("resource", "path", "item"),
    [
        ("/users", "/users/x", "x"),
        ("/users/x", "/users/x", "x"),
        ("/groups", "/groups/x", "x"),
        ("/groups/G/members", "/groups/G/members/x", "G"),
    ],
)
def test_a_change_in_the_directory_is_found_as_an_update(
    resource: str,
    path: str,
    item: str,
    make_subscription: Callable[..., Subscription],
    lose: Callable[..., None],
    sandbox: Sandbox,
) -> None:
    sandbox.make_change("/users/another", "created")
    subscription = make_subscription(resource=resource, change_type="updated,deleted")
    recover(subscription)

    sandbox.make_change("/communications/callRecords/r", "created")
    lose(path, "created")
    recover(subscription)

    assert rows() == [("delta", "updated", item)]


@pytest.mark.parametrize(
    ("resource", "path", "name"),
    [
        ("/drives/D/root", "/drives/D/items/x", "drives/D/items/x"),
        (f"/users/{USER}/drive/root", f"/users/{USER}/drive/items/x", f"users/{USER}/drive/items/x"),
        ("/sites/S/lists/L", "/sites/S/lists/L/items/x", "sites/S/lists/L/items/x"),
    ],
)
def test_of_drives_and_lists_it_becomes_known_which_item_changed_and_how(
    resource: str, path: str, name: str, make_subscription: Callable[..., Subscription], deliver: Deliver
) -> None:
    subscription = make_subscription(resource=resource, change_type="updated")
    recover(subscription)

    deliver(path, "created")
    recover(subscription)
    deliver(path, "deleted")
    recover(subscription)

    found = ChangeNotification.objects.filter(origin="delta").order_by("pk")
    assert [(row.change_type, row.resource) for row in found] == [("created", name), ("deleted", name)]


def test_what_the_webhook_told_is_not_stored_again(
    make_subscription: Callable[..., Subscription], deliver: Deliver
) -> None:
    subscription = make_subscription(change_type=ALL)
    recover(subscription)

    deliver(f"{MAIL}/x", "created")
    deliver(f"{MAIL}/x", "updated")
    deliver(f"{MAIL}/y", "deleted")
    report = recover(subscription)

    assert (report.changes, report.duplicates) == (0, 2)
    assert [way for way, *_ in rows()] == ["webhook"] * 3


def test_what_was_told_before_it_changed_again_in_silence_is_stored_anew(
    make_subscription: Callable[..., Subscription], deliver: Deliver, lose: Callable[..., None]
) -> None:
    subscription = make_subscription(change_type=ALL)
    recover(subscription)

    deliver(f"{MAIL}/x", "created")
    lose(f"{MAIL}/x", "updated")
    recover(subscription)

    assert rows() == [("webhook", "created", "x"), ("delta", "updated", "x")]


def test_what_the_webhook_brings_late_is_counted_on_the_row_of_the_delta_query(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    subscription = make_subscription(change_type=ALL)
    recover(subscription)

    sandbox.make_change(f"{MAIL}/x", "created")
    sandbox.make_change(f"{MAIL}/y", "deleted")
    recover(subscription)
    before = [row.times_delivered for row in ChangeNotification.objects.order_by("pk")]
    sandbox.flush()
    processing.process(clock=lambda: datetime.now(UTC))

    assert before == [0, 0]
    assert [(row.origin, row.times_delivered) for row in ChangeNotification.objects.order_by("pk")] == [
        ("delta", 1),
        ("delta", 1),
    ]


def test_content_is_kept_only_where_the_subscription_asks_for_it(
    make_subscription: Callable[..., Subscription],
    certificate: EncryptionCertificate,
    lose: Callable[..., None],
) -> None:
    rich = {"include_resource_data": True, "encryption_certificate": certificate}
    channel = make_subscription(resource="/teams/T/channels/C/messages", change_type=ALL, **rich)
    mail = make_subscription(change_type=ALL)
    for subscription in (channel, mail):
        recover(subscription)

    lose("/teams/T/channels/C/messages/x", "created", {"body": {"content": "Grüße"}})
    lose(f"{MAIL}/y", "created", {"subject": "Secret"})
    recover(channel)
    recover(mail)

    content = NotificationContent.objects.get()
    assert content.notification.subscription == channel
    assert content.data["body"] == {"content": "Grüße"}
    assert "Secret" not in str(ChangeNotification.objects.values_list("resource_data", flat=True))


@pytest.mark.parametrize("wanted", ["created", "updated", "deleted"])
def test_only_the_wanted_change_types_are_stored(
    wanted: str, make_subscription: Callable[..., Subscription], lose: Callable[..., None]
) -> None:
    subscription = make_subscription(change_type=wanted)
    lose(f"{MAIL}/old", "created")
    recover(subscription)

    lose(f"{MAIL}/new", "created")
    lose(f"{MAIL}/old", "updated")
    lose(f"{MAIL}/gone", "deleted")
    recover(subscription)

    assert {change_type for _, change_type, _ in rows()} <= {wanted}


def test_a_folder_that_came_since_the_last_run_is_read_from_then_on(
    make_subscription: Callable[..., Subscription], lose: Callable[..., None]
) -> None:
    subscription = make_subscription(change_type=ALL)
    recover(subscription)

    lose(f"/users/{USER}/mailFolders/Projects/messages/x", "created")
    report = recover(subscription)

    assert (report.changes, rows()) == (1, [("delta", "created", "x")])


def test_immutable_ids_are_asked_for_where_the_subscription_has_them(
    make_subscription: Callable[..., Subscription], deliver: Deliver
) -> None:
    subscription = make_subscription(change_type=ALL, use_immutable_ids=True)
    recover(subscription)

    deliver(f"{MAIL}/x", "created")
    report = recover(subscription)

    assert (report.changes, report.duplicates) == (0, 1)


def test_a_message_that_moves_under_its_lasting_id_is_not_taken_for_deleted(
    make_subscription: Callable[..., Subscription], deliver: Deliver, lose: Callable[..., None]
) -> None:
    subscription = make_subscription(change_type="deleted", use_immutable_ids=True)
    deliver(f"{MAIL}/moved", "created")
    deliver(f"{MAIL}/gone", "created")
    recover(subscription)

    lose(f"/users/{USER}/mailFolders/Archive/messages/moved", "created")
    lose(f"{MAIL}/moved", "deleted")
    lose(f"{MAIL}/gone", "deleted")
    report = recover(subscription)

    assert report.changes == 1
    assert rows() == [("delta", "deleted", immutable("gone"))]


def test_what_changed_while_graph_had_no_subscription_is_found_once_it_is_created_again(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    subscription = make_subscription(change_type=ALL)
    recover(subscription)
    sandbox.remove_subscription(subscription.graph_id or "")

    sandbox.make_change(f"{MAIL}/x", "created")
    recreate(subscription, now=datetime.now(UTC), actor="test")
    summary = recovering.recover_due(clock=lambda: datetime.now(UTC), actor="test")

    subscription.refresh_from_db()
    assert (summary.recovered, summary.changes) == (1, 1)
    assert (subscription.missed_at, rows()) == (None, [("delta", "created", "x")])
    assert {gap.state for gap in subscription.gaps.all()} == {"recovered"}


def test_a_retired_subscription_is_followed_no_longer(
    make_subscription: Callable[..., Subscription],
) -> None:
    subscription = make_subscription()
    recover(subscription)

    remove(subscription, now=datetime.now(UTC), actor="test")

    assert not DeltaLink.objects.exists()
    assert recovering.recover_due(clock=lambda: datetime.now(UTC), actor="test").checked == 0


def test_a_lost_place_is_made_good_by_reading_what_was_modified_since(
    make_subscription: Callable[..., Subscription], lose: Callable[..., None], sandbox: Sandbox
) -> None:
    sandbox.make_change(f"{MAIL}/old", "created")
    subscription = make_subscription(change_type=ALL)
    recover(subscription, later=timedelta(minutes=1))

    sandbox.advance(timedelta(minutes=2))
    lose(f"{MAIL}/x", "created")
    sandbox.expire_delta_tokens()
    report = recover(subscription, later=timedelta(minutes=3))

    assert rows() == [("delta", "created", "x")]
    assert "deletions cannot be found" in report.resets[0]
    assert subscription.gaps.get(cause="delta_reset").state == "unrecoverable"


def test_a_lost_place_in_the_directory_begins_from_now_and_says_what_is_missing(
    make_subscription: Callable[..., Subscription], lose: Callable[..., None], sandbox: Sandbox
) -> None:
    subscription = make_subscription(resource="/users", change_type="updated,deleted")
    recover(subscription)

    lose("/users/x", "updated")
    sandbox.expire_delta_tokens()
    report = recover(subscription)
    lose("/users/y", "updated")
    recover(subscription)

    assert rows() == [("delta", "updated", "y")]
    assert "changes cannot be found" in report.resets[0]


@pytest.mark.parametrize("page", [1, 2, 3])
@pytest.mark.parametrize("writes_first", [True, False])
def test_a_run_that_breaks_off_at_any_page_loses_and_doubles_nothing(
    page: int,
    writes_first: bool,
    make_subscription: Callable[..., Subscription],
    lose: Callable[..., None],
    sandbox: Sandbox,
) -> None:
    sandbox.delta_page_size = 2
    subscription = make_subscription(resource=f"/users/{USER}/contacts", change_type=ALL)
    recover(subscription)
    for name in "abcde":
        lose(f"/users/{USER}/contacts/{name}", "created")
    calls = []

    def breaking(*arguments: Any, **options: Any) -> Counter[str]:
        calls.append(1)
        counts = recovered.store(*arguments, **options) if writes_first or len(calls) < page else Counter()
        if len(calls) == page:
            raise MemoryError
        return counts

    with pytest.raises(MemoryError):
        catch_up(subscription, clock=lambda: datetime.now(UTC), store=breaking, actor="test")
    recover(subscription)

    assert [item for _, _, item in rows()] == list("abcde")


def test_one_run_at_a_time_follows_a_subscription(
    make_subscription: Callable[..., Subscription], lose: Callable[..., None]
) -> None:
    subscription = make_subscription(change_type=ALL)
    recover(subscription)
    lose(f"{MAIL}/x", "created")
    refused = []

    def meanwhile(*arguments: Any, **options: Any) -> Counter[str]:
        with pytest.raises(BusyError) as error:
            recover(subscription)
        refused.append(error)
        return recovered.store(*arguments, **options)

    catch_up(subscription, clock=lambda: datetime.now(UTC), store=meanwhile, actor="test")

    assert (len(refused), len(rows())) == (1, 1)


def test_a_run_whose_claim_was_taken_over_writes_nothing(
    make_subscription: Callable[..., Subscription], lose: Callable[..., None]
) -> None:
    subscription = make_subscription(resource=f"/users/{USER}/contacts", change_type=ALL)
    recover(subscription)
    lose(f"/users/{USER}/contacts/x", "created")
    now = datetime.now(UTC)
    times = iter([now, now])

    def clock() -> datetime:
        at = next(times, None)
        if at is None:
            DeltaTracking.objects.update(claim="somebody else's")
        return at or now

    with pytest.raises(BusyError):
        recovering.recover(subscription, clock=clock, actor="test")

    assert rows() == []
    assert DeltaTracking.objects.get().claim == "somebody else's"


def test_what_was_missed_counts_as_recovered_afterwards(
    make_subscription: Callable[..., Subscription], lose: Callable[..., None]
) -> None:
    subscription = make_subscription(change_type=ALL)
    recover(subscription)
    lose(f"{MAIL}/x", "created")
    recovery.flag_missed(subscription, now=datetime.now(UTC))

    summary = recovering.recover_due(clock=lambda: datetime.now(UTC), actor="test")

    subscription.refresh_from_db()
    assert (summary.checked, summary.recovered, summary.changes) == (1, 1, 1)
    assert subscription.missed_at is None
    assert not subscription.gaps.awaiting().exists()


def test_what_is_missed_while_a_run_goes_on_is_looked_up_again(
    make_subscription: Callable[..., Subscription], lose: Callable[..., None]
) -> None:
    subscription = make_subscription(change_type=ALL)
    recover(subscription)
    lose(f"{MAIL}/x", "created")

    def missing(*arguments: Any, **options: Any) -> Counter[str]:
        recovery.flag_missed(subscription, now=datetime.now(UTC))
        return recovered.store(*arguments, **options)

    catch_up(subscription, clock=lambda: datetime.now(UTC), store=missing, actor="test")

    subscription.refresh_from_db()
    assert subscription.missed_at is not None
    assert DeltaTracking.objects.due(datetime.now(UTC)).exists()


def test_throttling_puts_the_run_off_as_long_as_graph_asks(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    subscription = make_subscription()
    sandbox.add_fault(path="/delta", status=429, headers={"Retry-After": "900"})

    summary = recovering.recover_due(clock=lambda: datetime.now(UTC), actor="test")
    again = recovering.recover_due(clock=lambda: datetime.now(UTC), actor="test")

    tracking = DeltaTracking.objects.get(subscription=subscription)
    assert (summary.failed, again.checked) == (1, 0)
    assert tracking.due_at is not None
    assert tracking.due_at > datetime.now(UTC) + timedelta(minutes=14)


def test_nobody_comes_before_graph_allows_it_again(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    subscription = make_subscription()
    sandbox.add_fault(path="/delta", status=429, headers={"Retry-After": "900"})
    recovering.recover_due(clock=lambda: datetime.now(UTC), actor="test")

    recovery.flag_missed(subscription, now=datetime.now(UTC))
    early = recovering.recover_due(clock=lambda: datetime.now(UTC), actor="test")
    later = datetime.now(UTC) + timedelta(minutes=16)
    late = recovering.recover_due(clock=lambda: later, actor="test")

    assert (early.checked, late.checked) == (0, 1)


def test_where_nothing_works_for_an_app_the_rest_is_left_to_the_next_run(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    rows = [make_subscription(resource=f"/users/u{number}/contacts") for number in range(5)]
    outage = sandbox.add_fault(path="/delta", status=503, headers={"Retry-After": "0"}, times=None)

    during = recovering.recover_due(clock=lambda: datetime.now(UTC), actor="test")
    sandbox.clear_faults()
    after = recovering.recover_due(clock=lambda: datetime.now(UTC) + timedelta(minutes=2), actor="test")

    assert (during.failed, during.postponed) == (3, len(rows) - 3)
    assert outage.used == 3 * TRIES
    assert (after.checked, after.postponed) == (len(rows), 0)


def test_what_graph_says_of_one_subscription_keeps_no_other_from_its_turn(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    rows = [make_subscription(resource=f"/users/u{number}/contacts") for number in range(5)]
    refusal = {"error": {"code": "AccessDenied", "message": "No."}}
    sandbox.add_fault(path="/delta", status=403, body=refusal, times=None)

    summary = recovering.recover_due(clock=lambda: datetime.now(UTC), actor="test")

    assert (summary.failed, summary.postponed) == (len(rows), 0)


def test_a_run_keeps_one_connection_for_all_that_it_asks_for_an_app(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    rows = [make_subscription(resource=f"/users/u{number}/contacts") for number in range(3)]
    callers = Callers()

    first, *others = [callers.client_of(row) for row in rows]

    assert all(other is first for other in others)


def test_a_notification_of_a_drive_has_its_items_looked_up(
    make_subscription: Callable[..., Subscription], deliver: Deliver
) -> None:
    subscription = make_subscription(resource="/drives/D/root", change_type="updated")
    recover(subscription)

    deliver("/drives/D/items/x", "updated")
    summary = recovering.recover_due(clock=lambda: datetime.now(UTC), actor="test")

    assert summary.changes == 1
    assert [(way, item) for way, _, item in rows()] == [("webhook", ""), ("delta", "x")]


def test_content_of_what_is_found_is_fetched_where_the_subscription_has_it_fetched(
    make_subscription: Callable[..., Subscription], lose: Callable[..., None]
) -> None:
    subscription = make_subscription(resource="/drives/D/root", change_type="updated", fetch_content=True)
    recover(subscription)

    lose("/drives/D/items/x", "updated", {"name": "Offer.docx"})
    recover(subscription)
    fetching.fetch_wanted(clock=lambda: datetime.now(UTC))

    assert NotificationContent.objects.get().data["name"] == "Offer.docx"


def test_a_failing_beginning_does_not_fail_the_create_and_is_tried_again(
    make_subscription: Callable[..., Subscription], sandbox: Sandbox
) -> None:
    sandbox.add_fault(path="/delta", status=403, body={"error": {"code": "AccessDenied", "message": "No."}})
    subscription = make_subscription()

    recovering.recover_due(clock=lambda: datetime.now(UTC), actor="test")
    later = datetime.now(UTC) + timedelta(minutes=2)
    recovering.recover_due(clock=lambda: later, actor="test")

    subscription.refresh_from_db()
    assert subscription.status == "active"
    assert DeltaTracking.objects.get().error_code == ""
    assert DeltaLink.objects.filter(stage="following").exists()


def test_without_a_delta_query_nothing_is_followed(make_subscription: Callable[..., Subscription]) -> None:
    subscription = make_subscription(resource="/chats/getAllMessages")

    summary = recovering.recover_due(clock=lambda: datetime.now(UTC), actor="test")

    assert summary.checked == 0
    with pytest.raises(UseCaseError, match="no delta query"):
        recover(subscription)
