"""Notifications in the admin: found, read and believed as far as they are proven; never changed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from notifications.models import ChangeNotification, Delivery, NotificationContent
from subscriptions.models import Subscription

LIST = reverse("admin:notifications_changenotification_changelist")
SIGHT = "notifications.view_changenotification"
CONTENT = "notifications.view_notificationcontent"

Maker = Callable[..., ChangeNotification]


def page_of(notification: ChangeNotification, page: str = "change") -> str:
    return reverse(f"admin:notifications_changenotification_{page}", args=(notification.pk,))


def queries_of_a_list() -> int:
    # On PostgreSQL the time that a search may take is set and taken back, in a transaction.
    return 14 if connection.vendor == "postgresql" else 10


def shown(client: Client, **query: str) -> list[ChangeNotification]:
    return list(client.get(LIST, query).context["cl"].result_list)


def give_content(notification: ChangeNotification, data: dict[str, Any]) -> None:
    NotificationContent.objects.create(
        notification=notification,
        data=data,
        opened_at=datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC),
        encryption_certificate_id="hooks-2026",
    )


# The list


@pytest.mark.parametrize(
    ("query", "states"),
    [
        ("", ["accepted", "waiting"]),
        ("waiting", ["waiting"]),
        ("rejected", ["rejected"]),
        ("dead", ["dead"]),
        ("all", ["accepted", "dead", "rejected", "waiting"]),
        ("nonsense", ["accepted", "waiting"]),
    ],
)
def test_what_was_rejected_is_hidden_until_asked_for(
    administrator: Client, make_notification: Maker, query: str, states: list[str]
) -> None:
    for state in ChangeNotification.State.values:
        make_notification(state=state)

    rows = shown(administrator, **({"state": query} if query else {}))

    assert sorted(row.state for row in rows) == states


@pytest.mark.parametrize(
    ("query", "count"), [("", 5), ("hour", 1), ("day", 2), ("week", 3), ("month", 4), ("ever", 5)]
)
def test_the_list_can_be_narrowed_to_a_time(
    administrator: Client, make_notification: Maker, query: str, count: int
) -> None:
    for ago in (timedelta(0), timedelta(hours=2), timedelta(days=2), timedelta(days=8), timedelta(days=31)):
        make_notification(received_at=datetime.now(UTC) - ago)

    assert len(shown(administrator, **({"received": query} if query else {}))) == count


@pytest.mark.parametrize("event", ["deleted", "missed"])
def test_the_list_can_be_narrowed_to_what_happened(
    administrator: Client, make_notification: Maker, event: str
) -> None:
    make_notification()
    make_notification(change_type="deleted")
    make_notification(change_type="", lifecycle_event="missed")

    assert [row.change_type or row.lifecycle_event for row in shown(administrator, event=event)] == [event]


def test_the_list_can_be_narrowed_to_a_type_of_resource(
    administrator: Client, make_notification: Maker
) -> None:
    make_notification()
    make_notification(resource_type="#Microsoft.Graph.Event")

    rows = shown(administrator, type="#Microsoft.Graph.Event")

    assert [row.resource_type for row in rows] == ["#Microsoft.Graph.Event"]


def test_the_list_can_be_narrowed_to_what_a_delta_query_found(
    administrator: Client, make_notification: Maker
) -> None:
    make_notification()
    make_notification(origin="delta", delivery=None, times_delivered=0)

    [row] = shown(administrator, origin__exact="delta")
    page = administrator.get(
        reverse("admin:notifications_changenotification_change", args=(row.pk,))
    ).content.decode()

    assert row.origin == "delta"
    assert "None: found by delta query" in page


def test_the_list_can_be_narrowed_to_a_subscription_even_an_old_one(
    administrator: Client, make_notification: Maker, known: Callable[..., Subscription]
) -> None:
    oldest = known()
    for _ in range(31):
        known()
    make_notification()
    make_notification(subscription=oldest)

    answer = administrator.get(LIST, {"subscription": oldest.pk})

    assert [row.subscription for row in answer.context["cl"].result_list] == [oldest]
    assert f"{oldest.pk}: /users/" in answer.content.decode()


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"subscription": "x"}, 1),
        ({"subscription": "999"}, 0),
        ({"subscription": "9" * 30}, 0),
        ({"type": "#None"}, 0),
    ],
)
def test_a_filter_with_a_made_up_value_does_no_harm(
    administrator: Client,
    make_notification: Maker,
    known: Callable[..., Subscription],
    query: dict[str, str],
    count: int,
) -> None:
    make_notification(subscription=known())

    assert len(shown(administrator, **query)) == count


@pytest.mark.parametrize(
    "term", ["AAMk1", "n-77", "00000000-AAAA-4000-8000-000000000001", "/users/u1", "Users/u1/Mess"]
)
def test_a_notification_is_found_by_its_ids_and_by_how_the_resource_begins(
    administrator: Client, make_notification: Maker, term: str
) -> None:
    wanted = make_notification(
        notification_id="n-77", subscription_graph_id="00000000-aaaa-4000-8000-000000000001"
    )
    make_notification(resource="Users/u2/Messages/AAMk2", resource_id="AAMk2")

    assert shown(administrator, q=term) == [wanted]


def test_the_list_costs_the_same_for_any_number_of_rows(
    administrator: Client,
    make_notification: Maker,
    known: Callable[..., Subscription],
    django_assert_num_queries: Any,
) -> None:
    subscription = known()
    for _ in range(7):
        make_notification(subscription=subscription)

    with django_assert_num_queries(queries_of_a_list()):
        administrator.get(LIST)


def test_the_list_counts_nothing_and_skips_nothing(
    administrator: Client, make_notification: Maker, django_assert_num_queries: Any
) -> None:
    make_notification()

    with django_assert_num_queries(queries_of_a_list()) as captured:
        administrator.get(LIST)

    assert not any(
        "COUNT(" in query["sql"] or "OFFSET" in query["sql"] for query in captured.captured_queries
    )


def test_a_repeated_and_a_recovered_change_are_marked(
    administrator: Client, make_notification: Maker
) -> None:
    make_notification(times_delivered=3, origin="delta")

    page = administrator.get(LIST).content.decode()

    assert "3 times" in page
    assert "Delta query" in page


# The page of one


def test_the_page_says_in_words_what_happened_and_what_proves_it(
    administrator: Client, make_notification: Maker, known: Callable[..., Subscription]
) -> None:
    subscription = known()
    notification = make_notification(
        subscription=subscription, proof=["clientState", "validationToken", "dataSignature"]
    )

    page = administrator.get(page_of(notification)).content.decode()

    assert "A message was created. It is genuine: every check below passed." in page
    assert page.count(">Passed</span>") == 3
    assert reverse("admin:subscriptions_subscription_change", args=(subscription.pk,)) in page
    assert reverse("admin:notifications_delivery_change", args=(notification.delivery_id,)) in page


def test_a_delivery_that_has_gone_is_not_linked(administrator: Client, make_notification: Maker) -> None:
    notification = make_notification()
    Delivery.objects.all().delete()

    page = administrator.get(page_of(notification)).content.decode()

    assert "No longer kept" in page
    assert reverse("admin:notifications_delivery_change", args=(notification.delivery_id,)) not in page
    assert f"/{notification.pk}/raw/" not in page


def test_the_page_of_a_rejected_one_claims_nothing_and_says_why(
    administrator: Client, make_notification: Maker
) -> None:
    notification = make_notification(state="rejected", reason="client_state_mismatch", proof=[])

    page = administrator.get(page_of(notification)).content.decode()

    assert "It claims: a message was created." in page
    assert "Its clientState is not the one of the subscription." in page
    assert "client_state_mismatch" in page


def test_the_page_of_a_lifecycle_notice_says_what_we_did(
    administrator: Client, make_notification: Maker
) -> None:
    notification = make_notification(
        change_type="", lifecycle_event="reauthorizationRequired", handling="Reauthorized."
    )

    page = administrator.get(page_of(notification)).content.decode()

    assert "Graph asks for the subscription to be reauthorized." in page
    assert "What we did: Reauthorized." in page


def test_content_is_readable_and_escaped(signed_in: Callable[..., Client], make_notification: Maker) -> None:
    notification = make_notification()
    give_content(notification, {"subject": "<script>alert(1)</script>", "from": "Zo\u00eb"})

    page = signed_in(SIGHT, CONTENT).get(page_of(notification)).content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page
    assert "Zo\u00eb" in page
    assert "Decrypted at 2026-03-01 12:00:05 UTC with certificate hooks-2026." in page


def test_content_is_withheld_without_the_right_to_see_it(
    signed_in: Callable[..., Client], make_notification: Maker
) -> None:
    notification = make_notification()
    give_content(notification, {"subject": "confidential"})

    page = signed_in(SIGHT).get(page_of(notification)).content.decode()

    assert "confidential" not in page
    assert "There is content." in page
    assert CONTENT in page


def test_nothing_is_said_of_content_where_there_is_none(
    signed_in: Callable[..., Client], make_notification: Maker
) -> None:
    page = signed_in(SIGHT).get(page_of(make_notification())).content.decode()

    assert "There is content." not in page


def test_what_a_stranger_sent_is_escaped_everywhere(administrator: Client, make_notification: Maker) -> None:
    evil = "<script>alert(1)</script>"
    notification = make_notification(
        state="rejected",
        reason="unknown_subscription",
        resource=evil,
        resource_type=evil,
        resource_id=evil,
        resource_data={evil: evil},
        change_type=evil,
        tenant_id=evil,
        notification_id=evil,
        subscription_graph_id=evil,
    )

    pages = [
        administrator.get(LIST, {"state": "all"}).content.decode(),
        administrator.get(page_of(notification)).content.decode(),
        administrator.get(
            reverse("admin:notifications_delivery_change", args=(notification.delivery_id,))
        ).content.decode(),
    ]

    assert all("<script>alert" not in page for page in pages)
    assert all("&lt;script&gt;alert" in page for page in pages)


def test_nothing_can_be_added_changed_or_deleted(administrator: Client, make_notification: Maker) -> None:
    notification = make_notification()

    answers = [
        administrator.post(reverse("admin:notifications_changenotification_add"), {}),
        administrator.post(page_of(notification), {"state": "dead"}),
        administrator.post(page_of(notification, "delete"), {"post": "yes"}),
    ]

    notification.refresh_from_db()
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert notification.state == "accepted"


@pytest.mark.parametrize("rights", [(), (CONTENT,), ("subscriptions.view_subscription",)])
def test_sight_of_notifications_is_a_right_of_its_own(
    signed_in: Callable[..., Client], make_notification: Maker, rights: tuple[str, ...]
) -> None:
    client = signed_in(*rights)

    answers = [client.get(LIST), client.get(page_of(make_notification()))]

    assert [answer.status_code for answer in answers] == [403, 403]


def test_a_stranger_is_sent_to_sign_in(client: Client, make_notification: Maker) -> None:
    answer = client.get(page_of(make_notification()))

    assert answer.headers["Location"].startswith(reverse("admin:login"))


def test_a_page_that_is_not_there_leads_back(administrator: Client) -> None:
    url = reverse("admin:notifications_changenotification_change", args=(999,))

    assert administrator.get(url).status_code == 302
