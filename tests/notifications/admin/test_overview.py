"""The first page says how things stand, or what to do first."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from notifications.admin import overview
from notifications.models import ChangeNotification, Delivery
from subscriptions.models import AppRegistration, Run, Subscription

INDEX = reverse("admin:index")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def figures(*rights: str) -> dict[str, tuple[str, str]]:
    """Return value and colour of each figure that somebody with these rights sees."""
    seen = overview.overview(lambda right: right in rights, now=NOW)
    return {figure.label: (figure.value, figure.kind) for figure in seen.figures}


def test_the_first_page_bears_the_name_of_the_product(administrator: Client) -> None:
    page = administrator.get(INDEX).content.decode()

    assert "Graph Subscription Manager" in page
    assert "View site" not in page


def test_the_first_page_begins_with_the_first_steps(administrator: Client) -> None:
    page = administrator.get(INDEX).content.decode()

    assert "Start here" in page
    assert reverse("admin:subscriptions_appregistration_add") in page


@pytest.mark.usefixtures("unasked_registration")
def test_a_step_that_is_done_is_marked() -> None:
    steps = overview.overview(lambda _: True, now=NOW).steps

    assert [step.is_done for step in steps] == [True, False, False]


@pytest.mark.django_db
def test_the_first_steps_are_for_those_who_may_take_them() -> None:
    assert overview.overview(lambda _: False, now=NOW).steps == ()


def test_who_cannot_begin_is_told_who_can(signed_in: Callable[..., Client]) -> None:
    page = signed_in("notifications.view_changenotification").get(INDEX).content.decode()

    assert "Nothing is watched yet" in page
    assert "Start here" not in page


def test_subscriptions_are_counted_as_they_stand(known: Callable[..., Subscription]) -> None:
    known(expires_at=NOW + timedelta(hours=3), renew_at=NOW + timedelta(hours=1))
    known(expires_at=NOW - timedelta(hours=3))
    known(status="failed")

    seen = figures("subscriptions.view_subscription")

    assert seen == {
        "Active subscriptions": ("2", "good"),
        "Need attention": ("2", "bad"),
        "Next expiry (UTC)": ("01 Mar 15:00", "quiet"),
    }


def test_notifications_of_a_day_are_counted_by_state(
    known: Callable[..., Subscription], make_notification: Callable[..., ChangeNotification]
) -> None:
    known()
    for state in ("accepted", "accepted", "waiting", "rejected", "dead"):
        make_notification(state=state, received_at=NOW - timedelta(hours=23))
    make_notification(received_at=NOW - timedelta(hours=25))

    seen = figures("notifications.view_changenotification")

    assert seen == {
        "Received in 24 hours": ("3", "good"),
        "Rejected in 24 hours": ("1", "warn"),
        "Waiting": ("1", "busy"),
        "Given up": ("1", "bad"),
    }


def test_what_nobody_has_looked_at_yet_is_counted(
    known: Callable[..., Subscription], delivery: Delivery
) -> None:
    known()
    Delivery.objects.filter(pk=delivery.pk).update(state="queued")

    seen = figures("notifications.view_delivery")

    assert seen["Not yet processed"] == ("1", "busy")


@pytest.mark.parametrize(
    ("minutes", "shown"),
    [(0, ("Nothing", "quiet")), (2, ("2\xa0minutes", "warn")), (5, ("5\xa0minutes", "bad"))],
)
def test_it_is_said_how_far_the_inbox_is_behind(
    known: Callable[..., Subscription], delivery: Delivery, minutes: int, shown: tuple[str, str]
) -> None:
    known()
    due_at = NOW - timedelta(minutes=minutes)
    Delivery.objects.filter(pk=delivery.pk).update(state="queued", next_attempt_at=due_at)

    assert figures("notifications.view_delivery")["Inbox is behind by"] == shown


@pytest.mark.parametrize(
    ("minutes", "outcome", "shown"),
    [
        (3, "succeeded", {"Last renewal run": ("3\xa0minutes ago", "good")}),
        (3, "failed", {"Last renewal run, failed in part": ("3\xa0minutes ago", "warn")}),
        (40, "succeeded", {"Last renewal run": ("40\xa0minutes ago", "bad")}),
        (3, "broken", {"Last renewal run": ("Never", "bad")}),
    ],
)
def test_it_is_said_when_the_renewal_last_ran(
    known: Callable[..., Subscription], minutes: int, outcome: str, shown: dict[str, tuple[str, str]]
) -> None:
    known()
    at = NOW - timedelta(minutes=minutes)
    Run.objects.create(command="renew_subscriptions", started_at=at, finished_at=at, outcome=outcome)

    assert figures("subscriptions.view_run") == shown


def test_nothing_to_count_is_nothing_to_worry_about(known: Callable[..., Subscription]) -> None:
    known(status="removed")

    assert set(figures("subscriptions.view_subscription").values()) == {("0", "quiet")}


def test_counting_stops_at_a_thousand(
    known: Callable[..., Subscription], make_notification: Callable[..., ChangeNotification]
) -> None:
    known()
    row = make_notification(state="dead", received_at=NOW - timedelta(days=9))
    rows = []
    for _ in range(1001):
        row.pk = None
        rows.append(ChangeNotification(**{f.attname: getattr(row, f.attname) for f in row._meta.fields}))
    ChangeNotification.objects.bulk_create(rows)

    assert figures("notifications.view_changenotification")["Given up"] == ("1,000+", "bad")


def test_every_figure_leads_to_a_list_that_opens(
    administrator: Client,
    known: Callable[..., Subscription],
    make_notification: Callable[..., ChangeNotification],
) -> None:
    known()
    make_notification(state="rejected", reason="malformed")
    seen = administrator.get(INDEX).context["overview"]

    lines = [*seen.health, *seen.expiries, *seen.refusals]
    answers = [administrator.get(figure.url) for figure in seen.figures]
    answers += [administrator.get(line.url) for line in lines]

    assert len(seen.figures) == 11
    assert len(lines) == 6
    assert {answer.status_code for answer in answers} == {200}


def test_the_first_page_costs_the_same_for_any_number_of_rows(
    administrator: Client,
    known: Callable[..., Subscription],
    make_notification: Callable[..., ChangeNotification],
    django_assert_num_queries: Any,
) -> None:
    for _ in range(5):
        known()
        make_notification()

    with django_assert_num_queries(20):
        administrator.get(INDEX)


def test_the_product_comes_before_users_and_groups(administrator: Client) -> None:
    apps = [app["app_label"] for app in administrator.get(INDEX).context["app_list"]]

    assert apps == ["subscriptions", "notifications", "auth"]


@pytest.mark.django_db
def test_no_registration_is_needed_to_see_the_first_page(administrator: Client) -> None:
    assert not AppRegistration.objects.exists()
    assert administrator.get(INDEX).status_code == 200


def test_subscriptions_are_told_apart_by_health_and_by_what_ends_next(
    known: Callable[..., Subscription],
) -> None:
    later = known(expires_at=NOW + timedelta(hours=30), renew_at=NOW + timedelta(hours=10), auto_renew=True)
    first = known(expires_at=NOW + timedelta(hours=3), auto_renew=False)
    known(is_enabled=False)
    known(status="pending", expires_at=None)

    seen = overview.overview(lambda _: True, now=NOW)

    assert [(line.label, line.value) for line in seen.health] == [
        ("Active", "2"),
        ("Need attention", "0"),
        ("Pending", "1"),
        ("Paused", "1"),
    ]
    assert [line.value for line in seen.expiries] == [
        "ends in 3\xa0hours, not renewed by itself",
        "ends in 1\xa0day, 6\xa0hours, renewal due in 10\xa0hours",
    ]
    assert [line.url.split("/")[-3] for line in seen.expiries] == [str(first.pk), str(later.pk)]


def test_what_was_refused_lately_is_told_by_reason(
    known: Callable[..., Subscription], make_notification: Callable[..., ChangeNotification]
) -> None:
    known()
    for reason in ("client_state_mismatch", "malformed", "malformed"):
        make_notification(state="rejected", reason=reason, received_at=NOW)
    make_notification(state="rejected", reason="malformed", received_at=NOW - timedelta(hours=25))

    seen = overview.overview(lambda _: True, now=NOW).refusals

    assert [line.value for line in seen] == ["2", "1"]
    assert "form that Graph sends" in seen[0].label


RIGHTS = {
    "timeline": "notifications.view_changenotification",
    "refusals": "notifications.view_changenotification",
    "health": "subscriptions.view_subscription",
    "expiries": "subscriptions.view_subscription",
    "verdict": "subscriptions.view_alert",
}


@pytest.mark.parametrize("part", RIGHTS)
def test_a_part_is_shown_to_those_who_may_see_what_it_counts_and_to_nobody_else(
    known: Callable[..., Subscription], make_notification: Callable[..., ChangeNotification], part: str
) -> None:
    known()
    make_notification(state="rejected", reason="malformed", received_at=NOW)

    enough = overview.overview(lambda right: right == RIGHTS[part], now=NOW)
    nearly = overview.overview(lambda right: right != RIGHTS[part], now=NOW)

    assert getattr(enough, part)
    assert not getattr(nearly, part)


def test_without_the_right_to_see_notifications_the_page_holds_no_count_of_them(
    signed_in: Callable[..., Client],
    known: Callable[..., Subscription],
    make_notification: Callable[..., ChangeNotification],
) -> None:
    known()
    make_notification()

    page = signed_in("subscriptions.view_subscription").get(INDEX).content.decode()

    assert "timeline-data" not in page
    assert "chart.umd.min.js" not in page
    assert "Received in 24 hours" not in page


def test_where_nothing_came_the_page_says_what_to_do(
    administrator: Client, known: Callable[..., Subscription]
) -> None:
    known()

    page = administrator.get(INDEX).content.decode()

    assert "Nothing came in this time" in page
    assert "<canvas" not in page
