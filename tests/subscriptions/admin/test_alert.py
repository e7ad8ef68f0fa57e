"""Alerts in the admin: open ones first, what to do, who was told, and a test at the push of a button."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from subscriptions.models import Alert, AlertedSubscription, AlertMessage, AppRegistration, Run, Subscription

LIST = reverse("admin:subscriptions_alert_changelist")
TEST = reverse("admin:subscriptions_alert_test")
RUNS = reverse("admin:subscriptions_run_changelist")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SIGHT, TESTING = "subscriptions.view_alert", "subscriptions.test_alert"


@pytest.fixture
def make_alert(db: None) -> Callable[..., Alert]:
    """Return a function that raises an alert; keyword arguments change it."""

    def make(**changes: Any) -> Alert:
        facts = {
            "kind": "lapsed",
            "key": f"key-{Alert.objects.count()}",
            "title": "Contoso: 1 subscription lapsed",
            "what_to_do": "Choose <Recreate>.\nThen wait.",
            "raised_at": NOW,
            "last_seen_at": NOW,
            "announced_at": NOW,
            **changes,
        }
        return Alert.objects.create(**facts)

    return make


def page_of(alert: Alert) -> str:
    return reverse("admin:subscriptions_alert_change", args=(alert.pk,))


def said(answer: Any) -> list[str]:
    return [str(message) for message in get_messages(answer.wsgi_request)]


@pytest.mark.parametrize(
    ("query", "shown"), [("", {"Open"}), ("?state=over", {"Ended"}), ("?state=all", {"Open", "Ended"})]
)
def test_the_open_ones_are_shown_unless_asked_for_others(
    administrator: Client, make_alert: Callable[..., Alert], query: str, shown: set[str]
) -> None:
    make_alert(title="Open")
    make_alert(title="Ended", resolved_at=NOW)

    rows = administrator.get(LIST + query).context["cl"].result_list

    assert {row.title for row in rows} == shown


def test_the_list_costs_the_same_for_any_number(
    administrator: Client,
    make_alert: Callable[..., Alert],
    registration: AppRegistration,
    django_assert_max_num_queries: Any,
) -> None:
    for _ in range(9):
        make_alert(app_registration=registration)

    with django_assert_max_num_queries(7):
        administrator.get(LIST)


def test_a_page_says_what_to_do_and_leads_there(
    administrator: Client,
    make_alert: Callable[..., Alert],
    make_row: Callable[..., Subscription],
) -> None:
    row = make_row()
    alert = make_alert(app_registration=row.app_registration)
    AlertedSubscription.objects.create(alert=alert, subscription=row, since_at=NOW)

    page = administrator.get(page_of(alert)).content.decode()

    assert "Choose &lt;Recreate&gt;." in page
    assert reverse("admin:subscriptions_appregistration_change", args=(row.app_registration_id,)) in page
    assert reverse("admin:subscriptions_subscription_change", args=(row.pk,)) in page


def test_a_page_says_who_was_told_and_who_could_not_be(
    administrator: Client, make_alert: Callable[..., Alert]
) -> None:
    alert = make_alert()
    common = {"alert": alert, "occasion": "raised", "queued_at": NOW, "next_attempt_at": NOW, "attempts": 1}
    AlertMessage.objects.create(channel="email", told_at=NOW, **common)
    AlertMessage.objects.create(channel="webhook", error="403: hooks.example.org did not take it.", **common)

    page = administrator.get(page_of(alert)).content.decode()

    assert "Told" in page
    assert "Not told yet" in page
    assert "403: hooks.example.org did not take it." in page
    assert "Not told yet" in administrator.get(LIST).content.decode()


def test_who_may_not_see_subscriptions_is_not_shown_any(
    signed_in: Callable[..., Client], make_alert: Callable[..., Alert], make_row: Callable[..., Subscription]
) -> None:
    row = make_row()
    alert = make_alert(app_registration=row.app_registration)
    AlertedSubscription.objects.create(alert=alert, subscription=row, since_at=NOW)

    page = signed_in(SIGHT).get(page_of(alert)).content.decode()

    assert row.resource not in page
    assert "Fabrikam" not in page


@pytest.mark.parametrize(("rights", "is_shown"), [((SIGHT,), True), ((), False)])
def test_the_page_of_a_subscription_leads_to_its_alerts(
    signed_in: Callable[..., Client],
    make_alert: Callable[..., Alert],
    make_row: Callable[..., Subscription],
    rights: tuple[str, ...],
    is_shown: bool,
) -> None:
    row = make_row()
    alert = make_alert()
    AlertedSubscription.objects.create(alert=alert, subscription=row, since_at=NOW)
    address = reverse("admin:subscriptions_subscription_change", args=(row.pk,))

    page = signed_in("subscriptions.view_subscription", *rights).get(address).content.decode()

    assert (page_of(alert) in page) is is_shown


@pytest.mark.parametrize(("rights", "status"), [((), 403), ((TESTING,), 403), ((SIGHT,), 200)])
def test_the_list_needs_its_right(
    signed_in: Callable[..., Client], rights: tuple[str, ...], status: int
) -> None:
    assert signed_in(*rights).get(LIST).status_code == status


@pytest.mark.parametrize("path", ["add/", "1/delete/"])
def test_nothing_can_be_added_or_deleted(
    administrator: Client, make_alert: Callable[..., Alert], path: str
) -> None:
    make_alert()

    assert administrator.post(LIST + path, {"post": "yes"}).status_code in {403, 302}
    assert Alert.objects.count() == 1


def test_nothing_can_be_changed(administrator: Client, make_alert: Callable[..., Alert]) -> None:
    alert = make_alert()

    assert administrator.post(page_of(alert), {"title": "Other"}).status_code == 403
    assert Alert.objects.get().title == alert.title


@pytest.mark.parametrize(("rights", "count"), [(None, 0), ((), 0), ((SIGHT,), 0), ((SIGHT, TESTING), 1)])
def test_a_test_alert_needs_its_right(
    client: Client,
    signed_in: Callable[..., Client],
    settings: Settings,
    mailoutbox: list[EmailMessage],
    rights: tuple[str, ...] | None,
    count: int,
) -> None:
    settings.ADMINS = [("Ops", "ops@example.org")]
    visitor = client if rights is None else signed_in(*rights)

    visitor.post(TEST)

    assert len(mailoutbox) == count
    assert visitor.get(TEST).status_code in {302, 405}


def test_a_test_says_what_came_of_it(administrator: Client, settings: Settings) -> None:
    settings.ADMINS = [("Ops", "ops@example.org")]
    settings.ALERT_WEBHOOK_URL = "http://127.0.0.1:1/secret"

    answer = administrator.post(TEST)

    assert said(answer) == [
        "E-mail: the test was taken.",
        "Webhook: No answer from 127.0.0.1:1: the connection was refused.",
    ]


def test_a_test_without_a_way_says_what_to_set(administrator: Client) -> None:
    assert "ALERT_WEBHOOK_URL" in said(administrator.post(TEST))[0]
    assert "Nobody is told of alerts" in administrator.get(LIST).content.decode()


def test_runs_are_listed_with_what_they_did(administrator: Client) -> None:
    Run.objects.create(
        command="renew_subscriptions",
        started_at=NOW,
        finished_at=NOW + timedelta(seconds=2.5),
        outcome="failed",
        summary={"due": 3, "renewed": 2, "failed": 1, "skipped": 0},
    )

    page = administrator.get(RUNS).content.decode()

    assert "3 due, 2 renewed, 1 failed" in page
    assert "2.5 s" in page
    assert "Failed in part" in page
