"""A stopped worker, silence and slow answers become alerts, and cease to be ones."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from notifications.models import Delivery, EndpointMinute, Traffic
from notifications.services.watching import alert_checks
from subscriptions.models import Alert, Subscription
from subscriptions.services import alerts

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def deliver(at: datetime) -> None:
    Delivery.objects.create(received_at=at, endpoint="notifications", body=b"{}", size=2, next_attempt_at=at)


def answer(answers: int, slow: int, *, very_slow: int = 0, at: datetime = NOW) -> None:
    EndpointMinute.objects.create(minute=at, answers=answers, over_3_s=slow, over_10_s=very_slow)


@pytest.mark.parametrize(("minutes", "is_found"), [(4, False), (5, True)])
def test_a_worker_that_has_stopped_is_found_by_the_age_of_the_inbox(minutes: int, is_found: bool) -> None:
    deliver(NOW - minutes * MINUTE)

    assert bool(list(alert_checks.worker_has_stopped(NOW))) is is_found


def test_an_empty_inbox_needs_no_worker() -> None:
    assert not list(alert_checks.worker_has_stopped(NOW))


@pytest.mark.parametrize(
    ("figures", "stage"),
    [
        ((100, 4, 0), None),
        ((100, 5, 0), 0),
        ((100, 11, 0), 1),
        ((100, 30, 16), 2),
        ((2, 2, 0), None),
    ],
)
def test_slow_answers_are_found_before_graph_calls_them_slow(
    figures: tuple[int, int, int], stage: int | None
) -> None:
    answers, slow, very_slow = figures
    answer(answers, slow, very_slow=very_slow)

    found = list(alert_checks.slow_answers(NOW))

    assert [one.stage for one in found] == ([] if stage is None else [stage])


def test_slow_answers_are_one_alert_until_they_have_been_fast_for_a_while() -> None:
    answer(100, 20)

    opened = [alerts.watch(now=NOW + minutes * MINUTE).open for minutes in (0, 9, 12, 20, 29)]

    assert (opened, Alert.objects.count()) == ([1, 1, 1, 1, 0], 1)


def test_silent_subscriptions_of_an_app_registration_are_one_alert(
    known: Callable[..., Subscription],
) -> None:
    for number in range(2):
        Traffic.objects.create(
            subscription=known(expires_at=NOW + timedelta(days=1)),
            since_at=NOW - timedelta(days=30),
            last_at=NOW - timedelta(days=1),
            longest_pause=timedelta(hours=1),
            former_longest_pause=timedelta(hours=1),
            period_began_at=NOW - timedelta(days=1),
            silent_at=NOW - timedelta(hours=18),
            last_notification=number,
        )

    [finding] = alert_checks.silent_subscriptions(NOW)

    assert finding.title == "Fabrikam: 2 subscriptions have fallen silent"
    assert len(finding.subscriptions) == 2
    assert "last heard of 2026-03-01 12:00 UTC" in finding.what_to_do


def test_every_watch_looks_for_all_of_it(known: Callable[..., Subscription]) -> None:
    known(expires_at=NOW + timedelta(days=1))
    deliver(NOW - 9 * MINUTE)
    answer(100, 20)

    alerts.watch(now=NOW)

    assert set(Alert.objects.open().values_list("kind", flat=True)) == {"worker_stopped", "endpoint_slow"}
