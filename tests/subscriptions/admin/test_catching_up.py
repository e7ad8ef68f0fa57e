"""Catching up in the admin: somebody asks, the worker does it, and the page says how it stands."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from subscriptions.models import DeltaTracking, Subscription


def page_of(subscription: Subscription, page: str = "change") -> str:
    return reverse(f"admin:subscriptions_subscription_{page}", args=(subscription.pk,))


def test_the_button_has_it_looked_up_without_waiting_for_graph(
    administrator: Client, make_row: Callable[..., Subscription]
) -> None:
    subscription = make_row()

    answer = administrator.post(page_of(subscription, "catch_up"), follow=True)

    assert "To be looked up" in answer.content.decode()
    assert DeltaTracking.objects.due(datetime.now(UTC)).get().subscription == subscription


def test_what_has_no_delta_query_is_told_so(
    administrator: Client, make_row: Callable[..., Subscription]
) -> None:
    subscription = make_row(resource="/chats")

    page = administrator.get(page_of(subscription)).content.decode()
    answer = administrator.post(page_of(subscription, "catch_up"), follow=True)

    assert "Graph has none for this resource" in page
    assert "Not caught up." in answer.content.decode()
    assert not DeltaTracking.objects.exists()


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"recovered_at": datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)}, "known up to 2026-03-04 05:06:07 UTC"),
        (
            {"error_at": datetime(2026, 3, 4, tzinfo=UTC), "error_message": "403 AccessDenied: No."},
            "The last look failed: 403 AccessDenied: No.",
        ),
    ],
)
def test_the_page_says_how_the_delta_query_stands(
    administrator: Client,
    make_row: Callable[..., Subscription],
    facts: dict[str, object],
    words: str,
) -> None:
    subscription = make_row()
    DeltaTracking.objects.create(subscription=subscription, due_at=datetime(2027, 1, 1, tzinfo=UTC), **facts)

    page = administrator.get(page_of(subscription)).content.decode()

    assert words in page
    assert "Looked up again at 2027-01-01 00:00:00 UTC." in page
