"""The gap report: what listened when, for people and for machines."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test.utils import CaptureQueriesContext

from subscriptions.models import AppRegistration, Gap, Subscription
from subscriptions.services import gaps

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
NOW = datetime.now(UTC).replace(microsecond=0)
Run = Callable[..., Any]
Maker = Callable[..., Subscription]


@pytest.fixture
def make_row(app_registration: AppRegistration) -> Maker:
    """Return a function that saves an active subscription; keyword arguments change it."""

    def make(**changes: Any) -> Subscription:
        number = Subscription.objects.count()
        return Subscription.objects.create(
            **{
                "app_registration": app_registration,
                "resource": f"/users/u{number}/messages",
                "change_type": "created",
                "status": "active",
                "graph_id": f"g{number}",
                "first_granted_at": NOW - 48 * HOUR,
                "seen_at": NOW - 2 * HOUR,
                "expires_at": NOW + HOUR,
                **changes,
            }
        )

    return make


def gap(subscription: Subscription, **changes: Any) -> Gap:
    facts = {"cause": Gap.Cause.MISSED, "began_at": NOW - 9 * HOUR, "ended_at": NOW - 8 * HOUR, **changes}
    gaps.record([subscription], **facts)
    return subscription.gaps.latest("pk")


def test_a_subscription_without_a_gap_listens_since_it_was_first_at_graph(run: Run, make_row: Maker) -> None:
    make_row()

    answer = run("report_gaps", "--json").json

    (row,) = answer["subscriptions"]
    assert (answer["gaps"], answer["not_listening"], row["is_listening"]) == (0, 0, True)
    assert row["listening_since"] == (NOW - 48 * HOUR).isoformat()


def test_each_gap_is_told_with_its_bounds_and_what_became_of_it(run: Run, make_row: Maker) -> None:
    subscription = make_row()
    gap(subscription, began_by=NOW - 9 * HOUR + timedelta(minutes=5))
    gaps.recovered(subscription, since=NOW - 10 * HOUR, until=NOW, now=NOW)

    answer = run("report_gaps", "--json").json

    (told,) = answer["subscriptions"][0]["gaps"]
    assert (answer["recovered"], told["cause"], told["state"]) == (1, "missed", "recovered")
    assert told["began_at"] < told["began_by"] < told["ended_at"]
    assert told["recovered_at"] == NOW.isoformat()


def test_what_lapsed_and_was_not_touched_since_is_told_too(run: Run, make_row: Maker) -> None:
    make_row(expires_at=NOW - HOUR, auto_renew=False)

    answer = run("report_gaps", "--json").json

    (told,) = answer["subscriptions"][0]["gaps"]
    assert (told["cause"], told["began_by"], told["ended_at"]) == (
        "lapsed",
        (NOW - HOUR).isoformat(),
        None,
    )
    assert answer["not_listening"] == 1
    assert not Gap.objects.exists()


def test_what_was_over_before_a_time_can_be_left_out(run: Run, make_row: Maker) -> None:
    gap(make_row())

    assert run("report_gaps", "--json", "--since", (NOW - 7 * HOUR).isoformat()).json["gaps"] == 0
    assert run("report_gaps", "--json", "--since", (NOW - 9 * HOUR).isoformat()).json["gaps"] == 1


def test_one_can_be_asked_for(run: Run, make_row: Maker) -> None:
    make_row()
    wanted = make_row()

    answer = run("report_gaps", "--json", "--subscription", str(wanted.pk)).json

    assert [row["id"] for row in answer["subscriptions"]] == [wanted.pk]


def test_for_people_it_is_said_in_words(run: Run, make_row: Maker) -> None:
    gap(make_row(resource="/communications/callRecords"))

    out = run("report_gaps").out

    assert "Graph could not deliver. Cannot be recovered." in out
    assert "1 subscriptions, 0 not listening now" in out


@pytest.mark.parametrize(
    "arguments",
    [("--subscription", "999"), ("--since", "yesterday"), ("--since", "0001-01-01T00:00:00+14:00")],
)
def test_what_makes_no_sense_is_wrong_usage(run: Run, arguments: tuple[str, ...], db: None) -> None:
    assert run("report_gaps", *arguments).code == 2


def test_the_number_of_queries_does_not_grow(
    run: Run, make_row: Maker, django_assert_max_num_queries: Callable[..., CaptureQueriesContext]
) -> None:
    for _ in range(20):
        gap(make_row())

    with django_assert_max_num_queries(2):
        run("report_gaps", "--json")
