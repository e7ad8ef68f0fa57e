"""Whether our address is reached from outside: checked with each renewal, and named in the gap report where not."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from subscriptions.models import Alert, DeltaTracking, Gap, ReachSpan, Subscription
from subscriptions.services import renewal_run
from subscriptions.services.alerts.reach_checks import address_not_reached
from subscriptions.services.gaps import recovery
from subscriptions.services.watching import reach

pytestmark = pytest.mark.django_db(transaction=True)

Maker = Callable[..., Subscription]
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
REFUSED = "The connection was refused."


@pytest.fixture
def watching(make_subscription: Maker) -> Subscription:
    """Save a subscription that has been listening for a month."""
    row = make_subscription()
    Subscription.objects.update(first_granted_at=NOW - 700 * HOUR)
    row.refresh_from_db()
    return row


def notes(*outcomes: tuple[timedelta, str]) -> None:
    for ago, problem in outcomes:
        reach.note(problem=problem, now=NOW - ago)


@pytest.fixture
def _checked(settings: Settings, webhook: str) -> None:
    settings.PUBLIC_ADDRESS_CHECK = True


@pytest.mark.usefixtures("_checked")
def test_a_renewal_run_plays_the_handshake_once() -> None:
    renewal_run.run(clock=timezone.now, actor="test")
    renewal_run.run(clock=timezone.now, actor="test")

    span = ReachSpan.objects.get()
    assert (span.is_reachable, span.checks, span.problem) == (True, 1, "")


@pytest.mark.usefixtures("_checked")
def test_what_graph_would_not_accept_is_written_with_what_to_do(settings: Settings) -> None:
    settings.PUBLIC_BASE_URL = "http://127.0.0.1:1"

    reach.check(clock=timezone.now)

    span = ReachSpan.objects.get()
    assert not span.is_reachable
    assert span.problem.startswith("The connection was refused")
    assert "Start the web server or reverse proxy" in span.problem


@pytest.mark.usefixtures("webhook")
def test_where_it_is_off_nobody_calls(settings: Settings) -> None:
    settings.PUBLIC_ADDRESS_CHECK = False

    reach.check(clock=timezone.now)

    assert not ReachSpan.objects.exists()


def test_checks_that_end_alike_make_one_span() -> None:
    notes((20 * MINUTE, ""), (10 * MINUTE, ""), (0 * MINUTE, REFUSED))

    bad, good = ReachSpan.objects.all()
    assert (good.began_at, good.last_at, good.checks) == (NOW - 20 * MINUTE, NOW - 10 * MINUTE, 2)
    assert (bad.is_reachable, bad.follows) == (False, good)


def test_what_changed_while_the_address_was_not_reached_is_named_within_the_checks(
    watching: Subscription,
) -> None:
    notes((6 * HOUR, ""), (350 * MINUTE, REFUSED), (10 * MINUTE, REFUSED), (0 * HOUR, ""))

    gap = Gap.objects.get()
    assert (gap.subscription, gap.cause) == (watching, Gap.Cause.ENDPOINT_DOWN)
    assert (gap.began_at, gap.began_by) == (NOW - 6 * HOUR, NOW - 350 * MINUTE)
    assert gap.ended_at == NOW - 2 * HOUR


def test_a_failure_that_graphs_tries_outlast_loses_nothing(watching: Subscription) -> None:
    notes((100 * MINUTE, ""), (90 * MINUTE, REFUSED), (0 * HOUR, ""))

    assert not Gap.objects.exists()


def test_before_the_first_success_it_counts_from_the_first_failure(watching: Subscription) -> None:
    notes((5 * HOUR, REFUSED), (0 * HOUR, ""))

    assert Gap.objects.get().began_at == NOW - 5 * HOUR


def test_a_short_stay_between_two_failures_saves_only_what_is_young(watching: Subscription) -> None:
    returned = 4 * HOUR
    notes((6 * HOUR, ""), (350 * MINUTE, REFUSED), (returned, ""), (230 * MINUTE, REFUSED), (0 * HOUR, ""))

    gap = Gap.objects.get()
    assert (gap.began_at, gap.ended_at) == (NOW - 6 * HOUR, NOW - 2 * HOUR)


def test_a_time_in_which_nobody_was_here_either_is_named_once(watching: Subscription) -> None:
    Gap.objects.create(
        subscription=watching,
        cause=Gap.Cause.ENDPOINT_DOWN,
        state=Gap.State.AWAITING,
        began_at=NOW - 355 * MINUTE,
        began_by=NOW - 355 * MINUTE,
        ended_at=NOW - 3 * HOUR,
    )

    notes((6 * HOUR, ""), (350 * MINUTE, REFUSED), (0 * HOUR, ""))

    gap = Gap.objects.get()
    assert (gap.began_at, gap.ended_at) == (NOW - 355 * MINUTE, NOW - 2 * HOUR)


def test_a_known_gap_that_begins_later_is_named_from_the_failure_on(watching: Subscription) -> None:
    Gap.objects.create(
        subscription=watching,
        cause=Gap.Cause.ENDPOINT_DOWN,
        state=Gap.State.AWAITING,
        began_at=NOW - 4 * HOUR,
        began_by=NOW - 4 * HOUR,
        ended_at=NOW - HOUR,
    )

    notes((6 * HOUR, ""), (350 * MINUTE, REFUSED), (0 * HOUR, ""))

    gap = Gap.objects.get()
    assert (gap.began_at, gap.ended_at) == (NOW - 6 * HOUR, NOW - HOUR)


def test_afterwards_the_changes_are_looked_up(watching: Subscription) -> None:
    recovery.track(now=NOW - 9 * HOUR)
    DeltaTracking.objects.update(due_at=NOW + 9 * HOUR)

    notes((6 * HOUR, ""), (350 * MINUTE, REFUSED), (0 * HOUR, ""))

    assert DeltaTracking.objects.get().due_at == NOW


@pytest.mark.usefixtures("_checked")
def test_the_second_failure_raises_one_alert_and_success_ends_it(settings: Settings) -> None:
    settings.PUBLIC_BASE_URL = "http://127.0.0.1:1"
    notes((20 * MINUTE, ""), (10 * MINUTE, REFUSED))
    assert list(address_not_reached(NOW)) == []

    renewal_run.run(clock=timezone.now, actor="test")

    alert = Alert.objects.open().get()
    assert alert.kind == "unreachable"
    assert "PUBLIC_ADDRESS_CHECK=off" in alert.what_to_do
    assert f"since {NOW - 20 * MINUTE:%Y-%m-%d %H:%M} UTC" in alert.title

    reach.note(problem="", now=timezone.now())
    renewal_run.run(clock=timezone.now, actor="test")

    assert not Alert.objects.open().exists()


def test_who_switches_it_off_is_not_warned_any_more(settings: Settings) -> None:
    settings.PUBLIC_ADDRESS_CHECK = False
    notes((20 * MINUTE, REFUSED), (10 * MINUTE, REFUSED))

    assert list(address_not_reached(NOW)) == []
