"""How long to ask for, and when to renew."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscriptions.catalogue import lifetimes

NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
CRON = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("resource", "is_rich", "minutes"),
    [
        ("/users/1/messages", False, 10_080),
        ("/users/1/messages?$select=subject", True, 1_440),
        ("/me/events", False, 10_080),
        ("/users", False, 41_760),
        ("/drives/1/root", False, 42_300),
        ("/security/alerts/1", False, 43_200),
        ("/communications/callRecords", False, 4_230),
        ("/chats/1/messages", True, 4_320),
        ("/teams/1/schedule/shifts", False, 360),
        ("/communications/presences/1", True, 60),
        ("/communications/onlineMeetings(joinWebUrl='x')/meetingCallEvents", True, 4_230),
        ("/copilot/users/1/onlineMeetings/getAllAiInsights", False, 60),
        ("/users", True, 60),
        ("/some/new/path", False, 60),
        ("not a path", False, 60),
    ],
)
def test_the_longest_life_is_the_published_one_or_a_careful_hour(
    resource: str, is_rich: bool, minutes: int
) -> None:
    longest = lifetimes.longest(resource, include_resource_data=is_rich)

    assert longest == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("resource", "wanted", "asked"),
    [
        ("/users/1/messages", None, 10_078),
        ("/users/1/messages", 10_080, 10_078),
        ("/users/1/messages", 10_077, 10_077),
        ("/users/1/messages", 30, 45),
        ("/communications/presences/1", None, 58),
        ("/some/new/path", None, 58),
        ("/some/new/path", 1_440, 1_440),
        ("/some/new/path", 2**31 - 1, 43_198),
    ],
)
def test_the_expiry_asked_for_stays_within_what_graph_grants(
    resource: str, wanted: int | None, asked: int
) -> None:
    expires_at = lifetimes.expiry_to_ask(
        resource=resource, include_resource_data=False, minutes=wanted, now=NOW
    )

    assert expires_at == NOW + timedelta(minutes=asked)


@pytest.mark.parametrize(
    ("life", "due"),
    [
        (timedelta(minutes=45), timedelta(0)),
        (timedelta(minutes=30), timedelta(0)),
        (timedelta(minutes=58), timedelta(minutes=10)),
        (timedelta(minutes=90), timedelta(minutes=42)),
        (timedelta(hours=2), timedelta(hours=1)),
        (timedelta(hours=24), timedelta(hours=12)),
        (timedelta(hours=27), timedelta(hours=18)),
        (timedelta(days=3), timedelta(days=2)),
    ],
)
def test_renewal_is_due_after_half_of_a_short_life_and_two_thirds_of_a_long_one(
    life: timedelta, due: timedelta
) -> None:
    renew_at = lifetimes.renew_at(granted_at=NOW, expires_at=NOW + life)

    assert renew_at == NOW + due


@given(st.integers(min_value=45, max_value=43_200), st.integers(min_value=0, max_value=899))
def test_two_more_cron_runs_fit_after_the_first_that_finds_it_due(minutes: int, late_seconds: int) -> None:
    expires_at = NOW + timedelta(minutes=minutes)

    first_run_at = lifetimes.renew_at(granted_at=NOW, expires_at=expires_at) + timedelta(seconds=late_seconds)

    assert first_run_at >= NOW
    assert first_run_at + 2 * CRON + (min(3, minutes - 45)) * MINUTE < expires_at


@pytest.mark.parametrize("minutes", [5, 10, 15])
def test_a_presence_subscription_is_saved_by_the_third_run_when_two_have_failed(minutes: int) -> None:
    cron, expires_at = timedelta(minutes=minutes), NOW + timedelta(minutes=58)
    due_at = lifetimes.renew_at(granted_at=NOW, expires_at=expires_at)

    # The first run came just before it was due.
    third_run_at = due_at - timedelta(seconds=1) + 3 * cron

    assert third_run_at + 3 * MINUTE <= expires_at


@pytest.mark.parametrize(
    ("asked", "named", "ceiling"),
    [
        (4318, 1440, 1440),
        (4318, 0, 60),
        (4318, 9000, 60),
        (58, 0, None),
        (45, 0, None),
        (58, 45, 45),
        (90, 20, 60),
    ],
)
def test_after_a_refusal_the_life_that_graph_named_is_asked_for_or_else_a_careful_hour(
    asked: int, named: int, ceiling: int | None
) -> None:
    known = lifetimes.shorter(asked * MINUTE, named=named * MINUTE)

    assert known == (ceiling and ceiling * MINUTE)


@pytest.mark.parametrize(("ceiling", "asked"), [(1440, 1438), (45, 45), (60, 58), (20_000, 10_078)])
def test_what_graph_said_to_be_the_longest_is_not_exceeded(ceiling: int, asked: int) -> None:
    expires_at = lifetimes.expiry_to_ask(
        resource="/users/1/messages",
        include_resource_data=False,
        minutes=None,
        now=NOW,
        ceiling=ceiling * MINUTE,
    )

    assert expires_at == NOW + asked * MINUTE
