"""Which subscription a notification claims to belong to."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from subscriptions.models import FormerIdentity, Subscription
from subscriptions.services import creation, identities

pytestmark = pytest.mark.django_db

Make = Callable[..., Subscription]
GRAPH_ID = "abcdef00-1111-2222-3333-444444444444"


@pytest.fixture
def row(make_wish: Make, now: datetime) -> Subscription:
    """Save a subscription that is at Graph."""
    row = creation.plan(make_wish(), now=now)
    row.status, row.graph_id, row.expires_at = "active", GRAPH_ID, now
    row.save()
    return row


def find_one(graph_id: str, state: str | None = None, *, cached: bool = False) -> int | None:
    [found] = identities.find([(graph_id, state)], cached=cached)
    return found.subscription if found else None


@pytest.mark.parametrize("spelling", [GRAPH_ID, GRAPH_ID.upper(), GRAPH_ID.title()])
def test_graphs_id_is_known_in_any_case(row: Subscription, spelling: str) -> None:
    assert find_one(spelling) == row.pk


def test_what_proves_an_item_comes_along(row: Subscription) -> None:
    [found] = identities.find([(GRAPH_ID, None)], cached=False)

    app = row.app_registration
    assert found
    assert found.client_state == row.client_state.reveal()
    assert (found.client_id, found.tenant_id) == (app.client_id, app.tenant_id)
    assert found.client_state not in repr(found)


def test_a_tenant_named_by_domain_is_not_taken_for_an_id(row: Subscription) -> None:
    type(row.app_registration).objects.update(tenant_id="contoso.example")

    [found] = identities.find([(GRAPH_ID, None)], cached=False)

    assert found
    assert found.tenant_id == ""


def test_a_row_that_gets_its_id_while_it_is_looked_for_is_known(row: Subscription) -> None:
    Subscription.objects.update(graph_id=None, status="pending")

    def confirm(execute: Any, sql: str, *arguments: Any) -> Any:
        answer = execute(sql, *arguments)
        if FormerIdentity._meta.db_table in sql and "SELECT" in sql:
            # What Graph answered is written down just after the look by ids.
            Subscription.objects.update(graph_id=GRAPH_ID, status="active")
        return answer

    with connection.execute_wrapper(confirm):
        found = find_one(GRAPH_ID, row.client_state.reveal())

    assert found == row.pk


def test_the_answers_come_in_the_order_of_the_questions(row: Subscription) -> None:
    found = identities.find([("unknown", None), (GRAPH_ID, None), ("", None)], cached=False)

    assert [one and one.subscription for one in found] == [None, row.pk, None]


def test_a_former_id_is_known_for_a_while_with_its_own_client_state(row: Subscription, now: datetime) -> None:
    for graph_id, days in (("aaaa", 1), ("bbbb", -1)):
        FormerIdentity.objects.create(
            subscription=row,
            graph_id=graph_id,
            client_state="former",
            accepted_until=now + timedelta(days=days),
        )

    recent, old = identities.find([("AAAA", None), ("BBBB", None)], cached=False)

    assert recent
    assert (recent.subscription, recent.client_state, old) == (row.pk, "former", None)


def test_a_pending_row_is_known_by_the_number_in_its_client_state(make_wish: Make, now: datetime) -> None:
    row = creation.plan(make_wish(), now=now)

    assert find_one("unknown", row.client_state.reveal()) == row.pk
    assert find_one("unknown", f"{row.pk}.forged") == row.pk


def test_a_pending_row_is_read_at_once(
    make_wish: Make, now: datetime, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    row = creation.plan(make_wish(), now=now)

    # By Graph's ID, by a former one, and by the clientState.
    with django_assert_num_queries(3):
        assert find_one("unknown", row.client_state.reveal()) == row.pk


def test_a_row_that_is_at_graph_is_not_known_by_its_client_state_alone(row: Subscription) -> None:
    assert find_one("unknown", row.client_state.reveal()) is None


@pytest.mark.parametrize("state", [None, "", ".", "x.y", "7", "-1.x", "\u0663.x", "9" * 400 + ".x", "1 .x"])
@pytest.mark.usefixtures("row")
def test_a_strange_client_state_is_nobodys(state: str | None) -> None:
    Subscription.objects.update(graph_id=None, status="pending")

    assert find_one("unknown", state) is None


def test_what_is_remembered_needs_no_query(
    row: Subscription, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    find_one(GRAPH_ID)

    with django_assert_num_queries(0):
        assert find_one(GRAPH_ID.upper(), cached=True) == row.pk
    with django_assert_num_queries(1):
        assert find_one(GRAPH_ID, cached=False) == row.pk


def test_what_is_forgotten_is_read_again(row: Subscription) -> None:
    find_one(GRAPH_ID)
    row.delete()
    remembered = find_one(GRAPH_ID, cached=True)

    identities.forget()

    assert (remembered is not None, find_one(GRAPH_ID, cached=True)) == (True, None)


def test_what_is_in_mind_is_told_without_the_database(
    row: Subscription, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    before = identities.remembered(GRAPH_ID)
    find_one(GRAPH_ID)

    with django_assert_num_queries(0):
        found = identities.remembered(GRAPH_ID.upper())

    assert before is None
    assert found
    assert found.subscription == row.pk
