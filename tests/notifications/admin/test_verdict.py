"""The first page answers whether everything is all right."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from notifications.admin.verdict import verdict
from subscriptions.models import Alert, Subscription, Turn

pytestmark = pytest.mark.django_db

INDEX = reverse("admin:index")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SIGHT = "subscriptions.view_alert"


@pytest.fixture
def _watched() -> None:
    Turn.objects.create(name="watch", taken_at=NOW - timedelta(minutes=1))


def make_alert(**changes: Any) -> Alert:
    facts = {
        "kind": "lapsed",
        "key": f"key-{Alert.objects.count()}",
        "title": "Contoso: 1 subscription lapsed",
        "what_to_do": "Choose <Recreate>.",
        "raised_at": NOW - timedelta(hours=3),
        "last_seen_at": NOW,
        "announced_at": NOW,
        **changes,
    }
    return Alert.objects.create(**facts)


@pytest.mark.usefixtures("_watched")
def test_with_no_open_alert_all_is_well() -> None:
    make_alert(resolved_at=NOW)

    seen = verdict(now=NOW)

    assert (seen.kind, seen.title, seen.alerts) == ("good", "All is well", ())
    assert seen.notes[0] == "Last looked at 1\xa0minute ago."


@pytest.mark.usefixtures("_watched")
def test_what_needs_somebody_is_listed_the_most_urgent_first() -> None:
    make_alert(kind="lapsed", title="Urgent")
    make_alert(kind="silent", title="Can wait")

    seen = verdict(now=NOW)

    assert (seen.kind, seen.title) == ("bad", "2 things need you")
    assert [(line.title, line.kind, line.raised) for line in seen.alerts] == [
        ("Urgent", "bad", "3\xa0hours ago"),
        ("Can wait", "warn", "3\xa0hours ago"),
    ]


@pytest.mark.usefixtures("_watched")
def test_what_can_wait_is_no_emergency() -> None:
    make_alert(kind="certificate_ends", stage=0)

    assert (verdict(now=NOW).kind, verdict(now=NOW).title) == ("warn", "1 thing needs you")


@pytest.mark.usefixtures("_watched")
def test_a_long_list_is_cut() -> None:
    for _ in range(13):
        make_alert()

    seen = verdict(now=NOW)

    assert (len(seen.alerts), seen.more, seen.title) == (10, 3, "13 things need you")


@pytest.mark.parametrize("ago", [None, timedelta(minutes=20)])
def test_where_nobody_watches_nothing_is_said_to_be_well(ago: timedelta | None) -> None:
    if ago:
        Turn.objects.create(name="watch", taken_at=NOW - ago)

    seen = verdict(now=NOW)

    assert (seen.kind, seen.title) == ("warn", "Nobody is watching")
    assert "Start one of them." in seen.notes[0]


@pytest.mark.usefixtures("_watched")
@pytest.mark.parametrize(("url", "is_said"), [("", True), ("https://hooks.example.org/secret", False)])
def test_it_is_said_when_nobody_would_be_told(settings: Settings, url: str, is_said: bool) -> None:
    settings.ALERT_WEBHOOK_URL = url

    notes = verdict(now=NOW).notes

    assert any(note.startswith("Nobody is told") for note in notes) is is_said
    assert "secret" not in "".join(notes)


def test_the_first_page_shows_it(administrator: Client, known: Callable[..., Subscription]) -> None:
    known()
    alert = make_alert()

    page = administrator.get(INDEX).content.decode()

    assert "1 thing needs you" in page
    assert "Choose &lt;Recreate&gt;." in page
    assert reverse("admin:subscriptions_alert_change", args=(alert.pk,)) in page


def test_who_may_not_see_alerts_does_not(
    signed_in: Callable[..., Client], known: Callable[..., Subscription]
) -> None:
    known()
    make_alert()

    page = signed_in("subscriptions.view_subscription").get(INDEX).content.decode()

    assert "needs you" not in page
    assert "lapsed" not in page
