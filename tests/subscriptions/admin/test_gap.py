"""When a subscription listened: on its page, and as a list of all gaps."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from subscriptions.models import Gap, Subscription
from subscriptions.services import gaps

HOUR = timedelta(hours=1)
LIST = "admin:subscriptions_gap_changelist"
Maker = Callable[..., Subscription]


@pytest.fixture
def now() -> datetime:
    """Return the time of this test: the page measures its marks from its own, which must not be much later."""
    return datetime.now(UTC)


@pytest.fixture
def subscription(make_row: Maker, now: datetime) -> Subscription:
    """Save a subscription that has been at Graph for ten hours."""
    return make_row(first_granted_at=now - 10 * HOUR, seen_at=now, expires_at=now + HOUR)


def page(client: Client, subscription: Subscription) -> str:
    url = reverse("admin:subscriptions_subscription_change", args=(subscription.pk,))
    return client.get(url).content.decode()


def test_a_page_without_gaps_says_since_when_it_listens(
    administrator: Client, subscription: Subscription
) -> None:
    assert "has done so without a gap since" in page(administrator, subscription)


def test_before_it_was_at_graph_nothing_is_said(administrator: Client, make_row: Maker) -> None:
    assert "When it listened" not in page(administrator, make_row(first_granted_at=None))


def test_a_gap_is_a_mark_on_the_line_and_a_row_of_the_table(
    administrator: Client, subscription: Subscription, now: datetime
) -> None:
    gaps.record(
        [subscription],
        cause=Gap.Cause.LAPSED,
        began_at=now - 5 * HOUR,
        began_by=now - 4 * HOUR,
        ended_at=now - 3 * HOUR,
    )

    text = page(administrator, subscription)

    assert 'class="gsm-mark-warn gsm-mark-uncertain" x="500" y="0" width="100"' in text
    assert 'class="gsm-mark-warn" x="600" y="0" width="100"' in text
    assert "at the earliest" in text
    assert "Awaiting recovery" in text
    assert "style=" not in text.partition("When it listened")[2].partition("Last calls to Graph")[0]


def test_a_short_gap_can_be_seen_and_a_long_past_one_is_not_drawn(
    administrator: Client, subscription: Subscription, now: datetime
) -> None:
    Subscription.objects.update(first_granted_at=now - timedelta(days=90))
    gaps.record(
        [subscription], cause=Gap.Cause.PAUSED, began_at=now - HOUR, ended_at=now - HOUR + timedelta(1 / 1440)
    )
    old = now - timedelta(days=60)
    gaps.record([subscription], cause=Gap.Cause.PAUSED, began_at=old, ended_at=old + HOUR)

    text = page(administrator, subscription)

    assert text.count("gsm-mark-warn") == 1
    assert 'y="0" width="4"' in text


def test_all_gaps_of_one_subscription_are_a_list_away(
    administrator: Client, subscription: Subscription, make_row: Maker, now: datetime
) -> None:
    for _ in range(25):
        gaps.record([subscription], cause=Gap.Cause.MISSED, began_at=now - HOUR, ended_at=now)
    gaps.record([make_row(change_type="deleted")], cause=Gap.Cause.MISSED, began_at=now - HOUR, ended_at=now)
    address = f"{reverse(LIST)}?subscription__id__exact={subscription.pk}"

    assert f'href="{address}"' in page(administrator, subscription)
    assert administrator.get(address).context["cl"].result_count == 25


def test_the_list_asks_a_constant_number_of_questions(
    administrator: Client,
    make_row: Maker,
    django_assert_max_num_queries: Callable[..., CaptureQueriesContext],
    now: datetime,
) -> None:
    for number in range(15):
        row = make_row(resource=f"/users/u{number}/messages")
        gaps.record([row], cause=Gap.Cause.MISSED, began_at=now - HOUR, ended_at=now)

    with django_assert_max_num_queries(6):
        administrator.get(reverse(LIST))


@pytest.mark.parametrize(("rights", "status"), [((), 403), (("subscriptions.view_gap",), 200)])
def test_the_list_takes_a_right_and_changes_nothing(
    rights: tuple[str, ...],
    status: int,
    signed_in: Callable[..., Client],
    subscription: Subscription,
    now: datetime,
) -> None:
    gaps.record([subscription], cause=Gap.Cause.MISSED, began_at=now - HOUR, ended_at=now)
    client = signed_in(*rights)

    assert client.get(reverse(LIST)).status_code == status
    assert client.get(reverse("admin:subscriptions_gap_add")).status_code == 403
    url = reverse("admin:subscriptions_gap_change", args=(Gap.objects.get().pk,))
    assert client.get(url).status_code == status
    assert client.post(reverse("admin:subscriptions_gap_delete", args=(1,))).status_code == 403
