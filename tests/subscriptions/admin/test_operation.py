"""The log of calls is there to be read, and nothing else."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from subscriptions.models import Operation, Subscription

LIST = reverse("admin:subscriptions_operation_changelist")


@pytest.fixture
def operation(make_row: Callable[..., Subscription]) -> Operation:
    """Write one failed call to the log."""
    subscription = make_row()
    return Operation.objects.create(
        subscription=subscription,
        app_registration=subscription.app_registration,
        action="renew",
        actor="cron",
        started_at=datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC),
        duration_ms=1234,
        succeeded=False,
        status_code=403,
        error_code="ExtensionError",
        request_id="6f1c",
    )


def page_of(operation: Operation, page: str = "change") -> str:
    return reverse(f"admin:subscriptions_operation_{page}", args=(operation.pk,))


def test_a_call_is_shown_with_what_support_asks_for(administrator: Client, operation: Operation) -> None:
    for url in (LIST, page_of(operation)):
        page = administrator.get(url).content.decode()

        assert "ExtensionError" in page
        assert "6f1c" in page
        assert "1,234 ms" in page


def test_nothing_can_be_added_changed_or_deleted(administrator: Client, operation: Operation) -> None:
    answers = [
        administrator.post(reverse("admin:subscriptions_operation_add"), {}),
        administrator.post(page_of(operation), {"actor": "somebody else"}),
        administrator.post(page_of(operation, "delete"), {"post": "yes"}),
    ]

    operation.refresh_from_db()
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert operation.actor == "cron"


@pytest.mark.parametrize(("term", "count"), [("6f1c", 1), ("6f1", 0)])
def test_a_call_is_found_by_its_whole_request_id(
    administrator: Client, operation: Operation, term: str, count: int
) -> None:
    del operation

    assert administrator.get(LIST, {"q": term}).context["cl"].result_count == count


def test_the_list_costs_the_same_for_any_number_of_rows(
    administrator: Client, operation: Operation, django_assert_num_queries: Any
) -> None:
    for _ in range(5):
        operation.pk = None
        operation.save(force_insert=True)

    with django_assert_num_queries(5):
        administrator.get(LIST)
