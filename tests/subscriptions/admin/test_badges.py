"""Badges follow from the facts at a time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from subscriptions.admin import badges
from subscriptions.models import AppRegistration, EncryptionCertificate, Operation, Subscription

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
IN_TWO_DAYS = NOW + timedelta(days=2, hours=3)


def make_subscription(**changes: Any) -> Subscription:
    facts = {"status": "active", "expires_at": IN_TWO_DAYS, "renew_at": NOW + timedelta(days=1), **changes}
    return Subscription(**facts)


@pytest.mark.parametrize(
    ("facts", "kind", "text", "detail"),
    [
        ({}, "good", "Active", "2 d 3 h left"),
        ({"status": "pending", "expires_at": None}, "busy", "Pending", ""),
        ({"expires_at": NOW}, "bad", "Expired", ""),
        ({"failures": 1}, "warn", "Renewal failing", "2 d 3 h left"),
        ({"renew_at": NOW - timedelta(minutes=20)}, "warn", "Ends soon", "2 d 3 h left"),
        ({"renew_at": NOW - timedelta(minutes=19)}, "good", "Active", "2 d 3 h left"),
        ({"renew_at": NOW, "auto_renew": False}, "warn", "Ends soon", "2 d 3 h left"),
        ({"expires_at": NOW + timedelta(minutes=20)}, "warn", "Ends soon", "20 min left"),
        ({"is_enabled": False}, "quiet", "Paused", "still at Graph"),
        ({"is_enabled": False, "status": "gone"}, "quiet", "Paused", ""),
        ({"status": "failed", "is_enabled": False}, "quiet", "Paused", ""),
        ({"status": "gone"}, "bad", "Gone", ""),
        ({"status": "removed"}, "quiet", "Retired", ""),
    ],
)
def test_a_subscription_is_called_what_the_facts_make_of_it(
    facts: dict[str, Any], kind: str, text: str, detail: str
) -> None:
    subscription = make_subscription(**facts)

    badge = badges.of_subscription(subscription, now=NOW)

    assert (badge.kind, badge.text, badge.detail) == (kind, text, detail)


@pytest.mark.parametrize(
    ("days_left", "kind", "text"),
    [(400, "good", "400 d left"), (30, "warn", "30 d left"), (0, "bad", "Expired")],
)
def test_a_certificate_says_how_long_it_is_valid(days_left: int, kind: str, text: str) -> None:
    certificate = EncryptionCertificate(
        not_before_at=NOW - timedelta(days=1), not_after_at=NOW + timedelta(days=days_left)
    )

    badge = badges.of_certificate(certificate, now=NOW)

    assert (badge.kind, badge.text) == (kind, text)


def test_a_certificate_of_tomorrow_is_not_yet_valid() -> None:
    tomorrow, later = NOW + timedelta(days=1), NOW + timedelta(days=2)

    badge = badges.of_certificate(EncryptionCertificate(not_before_at=tomorrow, not_after_at=later), now=NOW)

    assert badge.text == "Not yet valid"


@pytest.mark.parametrize(("state", "kind"), [("active", "good"), ("draining", "warn"), ("retired", "quiet")])
def test_the_state_of_a_certificate_has_its_colour(state: str, kind: str) -> None:
    assert badges.of_certificate_state(EncryptionCertificate(state=state)).kind == kind


@pytest.mark.parametrize(
    ("succeeded", "text"), [(None, "Not tested"), (True, "Connected"), (False, "Failed")]
)
def test_a_connection_is_called_what_the_test_found(succeeded: bool | None, text: str) -> None:
    assert badges.of_connection(AppRegistration(check_succeeded=succeeded)).text == text


@pytest.mark.parametrize(("succeeded", "text"), [(True, "Succeeded"), (False, "Failed")])
def test_an_operation_succeeded_or_failed(succeeded: bool, text: str) -> None:
    assert badges.of_operation(Operation(succeeded=succeeded)).text == text


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(minutes=12, seconds=59), "12 min"),
        (timedelta(hours=3, minutes=10), "3 h 10 min"),
        (timedelta(hours=3), "3 h"),
        (timedelta(days=2, hours=3, minutes=59), "2 d 3 h"),
        (timedelta(days=2), "2 d"),
        (timedelta(days=45, hours=3), "45 d"),
    ],
)
def test_a_duration_is_told_by_its_two_largest_units(duration: timedelta, words: str) -> None:
    assert badges.in_words(duration) == words


def test_a_badge_escapes_what_it_shows() -> None:
    badge = badges.Badge(kind="bad", text="<b>", detail="<i>")

    assert "<b>" not in badge.html() + badge.stacked()
    assert "<i>" not in badge.html() + badge.stacked()


def test_a_path_may_be_broken_after_its_slashes_and_is_escaped() -> None:
    assert "/<wbr>users/<wbr>&lt;script&gt;<wbr>" in badges.path("/users/<script>")


def test_no_time_is_a_dash() -> None:
    assert badges.to_the_second(None) == badges.moment(None) == "\N{EN DASH}"
