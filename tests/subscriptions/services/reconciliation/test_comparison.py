"""Compare: what is seen at Graph is kept, and nothing is concluded from a list alone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from subscriptions.graph.errors import GraphError, ServiceUnavailableError
from subscriptions.models import AppRegistration, DelegatedAccount, Look, Sighting, Subscription
from subscriptions.sandbox import RecordedRequest, Sandbox
from subscriptions.sandbox.stored import StoredSubscription
from subscriptions.services import removal
from subscriptions.services.access.owners import Owner
from subscriptions.services.errors import TookTooLongError
from subscriptions.services.reconciliation import comparison

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Subscription]
Put = Callable[..., StoredSubscription]
Asked = Callable[..., list[RecordedRequest]]
LIST = r"/v1.0/subscriptions$"
SECOND_PAGE = r"/v1.0/subscriptions\?.*skiptoken"
ONE = r"/v1.0/subscriptions/[^/]+$"
DENIED = {"error": {"code": "ExtensionError", "message": "Access denied"}}


def look(owner: AppRegistration | DelegatedAccount, **options: Any) -> dict[str, tuple[str, str]]:
    """Compare, and return state and note of what was kept, by Graph's id."""
    if isinstance(owner, AppRegistration):
        who = Owner(app_registration=owner, account=None)
    else:
        who = Owner(app_registration=owner.app_registration, account=owner)
    comparison.look(who, actor="test", **{"clock": lambda: datetime.now(UTC), **options})
    kept = Sighting.objects.filter(look__delegated_account=who.account)
    return {one.graph_id: (one.state, one.note) for one in kept}


def test_what_was_seen_is_kept_with_its_time(
    make_subscription: Make, app_registration: AppRegistration, now: datetime
) -> None:
    row = make_subscription()

    assert look(app_registration) == {row.graph_id: ("in_step", "")}
    kept, seen_at = Look.objects.get(), Subscription.objects.get().seen_at
    assert kept.looked_at is not None
    assert now < kept.looked_at == seen_at


def test_a_second_look_takes_the_place_of_the_first(
    make_subscription: Make, app_registration: AppRegistration, sandbox: Sandbox, now: datetime
) -> None:
    row = make_subscription()
    look(app_registration)
    removal.remove(row, now=now, actor="test")

    assert look(app_registration) == {}
    assert Look.objects.count() == 1


def test_a_list_that_fails_on_its_second_page_leaves_the_last_result(
    make_subscription: Make, app_registration: AppRegistration, sandbox: Sandbox
) -> None:
    row, *others = (
        make_subscription(),
        make_subscription(resource="/users", change_type="updated"),
        make_subscription(resource="/groups", change_type="updated"),
    )
    first = look(app_registration)
    sandbox.page_size = 1
    sandbox.remove_subscription(str(row.graph_id))
    sandbox.add_fault(method="GET", path=SECOND_PAGE, status=403, body=DENIED)

    with pytest.raises(GraphError):
        look(app_registration)

    assert first.keys() == set(Sighting.objects.values_list("graph_id", flat=True))
    assert first.keys() == {row.graph_id, *(other.graph_id for other in others)}
    assert "Access denied" in Look.objects.get().problem


def test_throttling_of_the_list_is_waited_for(
    make_subscription: Make, app_registration: AppRegistration, sandbox: Sandbox
) -> None:
    make_subscription()
    sandbox.add_fault(method="GET", path=LIST, status=429, headers={"Retry-After": "0.1"})

    assert [state for state, _ in look(app_registration).values()] == ["in_step"]


def test_each_missing_one_is_asked_for_by_its_id(
    make_subscription: Make, app_registration: AppRegistration, sandbox: Sandbox
) -> None:
    row, gone = make_subscription(), make_subscription(resource="/users", change_type="updated")
    sandbox.remove_subscription(str(gone.graph_id))
    sandbox.add_fault(method="GET", path=LIST, status=200, body={"value": []})

    seen = look(app_registration)

    assert (seen[str(row.graph_id)][0], seen[str(gone.graph_id)][0]) == ("in_step", "gone")


def test_what_cannot_be_asked_for_is_not_called_gone(
    make_subscription: Make, app_registration: AppRegistration, sandbox: Sandbox
) -> None:
    row = make_subscription()
    sandbox.remove_subscription(str(row.graph_id))
    sandbox.add_fault(method="GET", path=ONE, status=403, body=DENIED)

    [(state, note)] = look(app_registration).values()

    assert (state, "Access denied" in note) == ("unclear", True)


def test_an_outage_in_the_middle_leaves_the_last_result(
    make_subscription: Make, app_registration: AppRegistration, sandbox: Sandbox
) -> None:
    row = make_subscription()
    look(app_registration)
    sandbox.remove_subscription(str(row.graph_id))
    sandbox.add_fault(method="GET", path=ONE, status=503, headers={"Retry-After": "900"}, times=None)

    with pytest.raises((ServiceUnavailableError, GraphError)):
        look(app_registration)

    assert Sighting.objects.get().state == "in_step"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"expires_at": datetime(2030, 1, 1, tzinfo=UTC)}, "Another expiry."),
        ({"notification_url": "https://elsewhere.example/hook"}, "Sends to another address."),
    ],
)
def test_what_has_drifted_is_named(
    changes: dict[str, Any],
    words: str,
    make_subscription: Make,
    app_registration: AppRegistration,
    sandbox: Sandbox,
    put_at_graph: Put,
) -> None:
    row = make_subscription()
    original = str(row.graph_id)
    copy = put_at_graph(row, **changes)
    sandbox.remove_subscription(original)
    Subscription.objects.update(graph_id=copy.id)

    assert look(app_registration) == {copy.id: ("drifted", words)}


def test_a_lifecycle_address_that_was_sent_before_we_moved_is_named(
    make_subscription: Make, app_registration: AppRegistration
) -> None:
    row = make_subscription()
    Subscription.objects.update(lifecycle_notification_url="https://old.example/hook")

    assert look(app_registration) == {
        row.graph_id: ("drifted", "Sends lifecycle notifications to another address, or to none.")
    }


def test_another_spelling_of_our_address_is_no_drift(
    make_subscription: Make, app_registration: AppRegistration, sandbox: Sandbox, put_at_graph: Put
) -> None:
    row = make_subscription()
    spelt = row.notification_url.replace("http://", "HTTP://") + "/"
    copy = put_at_graph(row, notification_url=spelt)
    sandbox.remove_subscription(str(row.graph_id))
    Subscription.objects.update(graph_id=copy.id)

    assert look(app_registration) == {copy.id: ("in_step", "")}


def test_a_copy_for_trying_out_finds_no_drift_in_addresses(
    make_subscription: Make, app_registration: AppRegistration, settings: Any
) -> None:
    row = make_subscription()
    AppRegistration.objects.update(cloud="custom")
    from subscriptions.services.reconciliation.differences import addresses

    row.app_registration.cloud = "global"
    settings.PUBLIC_BASE_URL = "http://127.0.0.1:8000"

    assert addresses(row) == (row.notification_url, row.lifecycle_notification_url)


def test_what_nobody_here_knows_is_unknown(
    make_subscription: Make, app_registration: AppRegistration, put_at_graph: Put
) -> None:
    stray = put_at_graph(make_subscription(), resource="/users")

    assert look(app_registration)[stray.id] == ("unknown", "")


def test_a_second_one_for_the_same_wish_is_named(
    make_subscription: Make, app_registration: AppRegistration, put_at_graph: Put
) -> None:
    row = make_subscription()
    double = put_at_graph(row)

    note = f"Subscription {row.pk} watches the same under another ID."
    assert look(app_registration)[double.id] == ("unknown", note)


def test_an_accounts_subscription_in_the_apps_own_list_is_not_unknown(
    make_subscription: Make, app_registration: AppRegistration, sign_in: Callable[..., DelegatedAccount]
) -> None:
    account = sign_in("Mail.Read")
    row = make_subscription(resource="/me/messages", delegated_account=account)

    assert look(account) == {row.graph_id: ("in_step", "")}
    assert look(app_registration) == {}


def test_an_unknown_one_of_an_account_is_shown_once(
    make_subscription: Make,
    app_registration: AppRegistration,
    sign_in: Callable[..., DelegatedAccount],
    put_at_graph: Put,
) -> None:
    account = sign_in("Mail.Read")
    stray = put_at_graph(
        make_subscription(resource="/me/messages", delegated_account=account), resource="/me/events"
    )

    assert look(account)[stray.id][0] == "unknown"
    assert look(app_registration) == {}


def test_one_that_was_retired_here_and_is_still_there_says_so(
    make_subscription: Make, app_registration: AppRegistration
) -> None:
    row = make_subscription()
    Subscription.objects.update(status="removed")

    note = f"Subscription {row.pk} was retired here, and Graph still has it."
    assert look(app_registration) == {row.graph_id: ("unknown", note)}


def test_a_list_that_lags_behind_a_deletion_shows_nothing_unknown(
    make_subscription: Make, app_registration: AppRegistration, sandbox: Sandbox, now: datetime
) -> None:
    row = make_subscription()
    listed = sandbox.subscriptions[str(row.graph_id)].as_json(reveals_state=False)
    removal.remove(row, now=now, actor="test")
    sandbox.add_fault(method="GET", path=LIST, status=200, body={"value": [listed]})

    assert look(app_registration) == {}


def test_a_paused_one_that_graph_does_not_have_is_not_gone(
    make_subscription: Make, app_registration: AppRegistration, now: datetime
) -> None:
    from subscriptions.services import pausing

    pausing.pause(make_subscription(), now=now, actor="test")

    assert look(app_registration) == {}


def test_a_page_that_waits_is_not_kept_waiting_by_a_long_list(
    make_subscription: Make, app_registration: AppRegistration, sandbox: Sandbox, now: datetime
) -> None:
    make_subscription(), make_subscription(resource="/users", change_type="updated")
    sandbox.page_size = 1
    times = iter([now, now + timedelta(seconds=30)])

    with pytest.raises(TookTooLongError):
        look(app_registration, clock=lambda: next(times), until=now + timedelta(seconds=20))

    assert "sync_subscriptions" in Look.objects.get().problem


def test_a_slow_comparison_does_not_overwrite_a_newer_one(
    make_subscription: Make, app_registration: AppRegistration, now: datetime
) -> None:
    make_subscription()
    look(app_registration, clock=lambda: now)
    Sighting.objects.update(note="newer")

    look(app_registration, clock=lambda: now - timedelta(minutes=1))

    assert Sighting.objects.get().note == "newer"


def test_any_number_of_them_costs_the_same_queries(
    make_subscription: Make, app_registration: AppRegistration, put_at_graph: Put, sandbox: Sandbox
) -> None:
    row, sandbox.page_size = make_subscription(), 10_000
    counts = []
    for number in (1, 400):
        for index in range(number):
            put_at_graph(row, resource=f"/users/{number}-{index}/messages")
        with CaptureQueriesContext(connection) as queries:
            look(app_registration)
        counts.append(len(queries))

    # A few more for writing them: the databases take so many values in one statement.
    assert counts[1] - counts[0] <= 5
    assert Sighting.objects.filter(state="unknown").count() == 401


def test_one_list_serves_a_whole_comparison(
    make_subscription: Make, app_registration: AppRegistration, asked: Asked
) -> None:
    make_subscription(), make_subscription(resource="/users", change_type="updated")
    before = len(asked("GET"))

    look(app_registration)

    assert len(asked("GET")) == before + 1
