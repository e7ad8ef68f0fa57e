"""The speed of the webhook in the admin."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from notifications.admin import overview
from notifications.models import EndpointMinute
from subscriptions.models import Subscription

LIST = reverse("admin:notifications_endpointminute_changelist")
RIGHT = "notifications.view_endpointminute"


def write(*, answers: int, over_3_s: int = 0, over_10_s: int = 0) -> None:
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=1)
    EndpointMinute.objects.create(
        minute=minute, answers=answers, over_3_s=over_3_s, over_10_s=over_10_s, dropped=7
    )


@pytest.mark.parametrize(("rights", "status"), [((), 403), ((RIGHT,), 200)])
def test_it_takes_a_right_to_see_it(
    rights: tuple[str, ...], status: int, signed_in: Callable[..., Client]
) -> None:
    assert signed_in(*rights).get(LIST).status_code == status


def test_the_page_holds_the_answers_against_graphs_limits(administrator: Client) -> None:
    write(answers=200, over_3_s=24, over_10_s=2)

    page = administrator.get(LIST).content.decode()

    assert "Over 3 s: 12.0% (Graph&#x27;s limit 10%)" in page
    assert "Over 10 s: 1.0% (Graph&#x27;s limit 15%)" in page
    assert "Graph holds notifications back" in page
    assert "24 (12.0%)" in page


def test_a_quiet_webhook_is_no_trouble(administrator: Client) -> None:
    assert "No notifications came in the last ten minutes" in administrator.get(LIST).content.decode()


@pytest.mark.parametrize(
    ("over_3_s", "value", "kind"),
    [(0, "0.0%", "good"), (5, "5.0%", "warn"), (11, "11.0%", "bad")],
)
def test_the_first_page_warns_before_graph_calls_us_slow(
    known: Callable[..., Subscription], over_3_s: int, value: str, kind: str
) -> None:
    known()
    write(answers=100, over_3_s=over_3_s)

    seen = overview.overview(lambda right: right == RIGHT, now=datetime.now(UTC))

    (figure,) = seen.figures
    assert (figure.value, figure.kind, figure.url) == (value, kind, LIST)


def test_the_first_page_says_that_nothing_came(known: Callable[..., Subscription]) -> None:
    known()

    (figure,) = overview.overview(lambda right: right == RIGHT, now=datetime.now(UTC)).figures

    assert (figure.value, figure.kind) == ("None", "quiet")
