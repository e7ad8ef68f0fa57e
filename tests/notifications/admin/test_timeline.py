"""The charts say what the lists behind them show, for every range."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from notifications.admin import timeline
from notifications.admin.timeline import Chart, Range, Timeline
from notifications.models import ChangeNotification, NotificationCount
from subscriptions.models import Subscription

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 4, 12, 34, 56, tzinfo=UTC)
Maker = Callable[..., ChangeNotification]


def chart(of: Timeline, key: str) -> Chart:
    return next(one for one in of.charts if one.key == key)


def totals(of: Chart) -> dict[str, str]:
    return {series.name: series.total for series in of.series}


@pytest.mark.parametrize("shown", timeline.RANGES, ids=lambda one: one.name)
def test_a_range_ends_with_the_step_in_which_now_lies(shown: Range, make_notification: Maker) -> None:
    span = shown.bars * shown.step
    make_notification(received_at=NOW)
    make_notification(received_at=NOW - span + shown.step)
    make_notification(received_at=NOW - span - timedelta(minutes=5))

    found = timeline.timeline(shown, now=NOW)

    bars = chart(found, "workloads").series[0].bars
    assert (len(bars), bars[0].count, bars[-1].count) == (shown.bars, 1, 1)
    assert sum(bar.count for bar in bars) == 2


def test_days_begin_at_midnight_and_hours_on_the_hour() -> None:
    labels = {one.name: timeline.timeline(one, now=NOW).data["labels"][-1] for one in timeline.RANGES}

    assert labels == {
        "hour": "12:30",
        "day": "04 Mar 12:00",
        "week": "Wed 04 Mar 12:00",
        "month": "Wed 04 Mar",
    }


def test_what_came_is_parted_by_workload_and_by_state(make_notification: Maker) -> None:
    for state in ("accepted", "accepted", "waiting", "rejected", "dead"):
        make_notification(state=state, received_at=NOW)
    make_notification(resource_type="chatMessage", received_at=NOW)
    make_notification(resource_type="", resource="", received_at=NOW)

    found = timeline.timeline(timeline.USUAL, now=NOW)

    assert totals(chart(found, "workloads")) == {"Outlook": "3", "Teams": "1", "Unknown": "1"}
    assert totals(chart(found, "states")) == {
        "Genuine": "4",
        "Waiting": "1",
        "Rejected": "1",
        "Given up": "1",
    }


def test_the_rarest_workloads_are_told_together(make_notification: Maker) -> None:
    kinds = ("message", "user", "chatMessage", "shift", "presence", "printJob", "todoTask", "callRecord")
    for kind in kinds:
        make_notification(resource_type=kind, received_at=NOW)
        make_notification(resource_type=kind, received_at=NOW)
    make_notification(resource_type="presence", received_at=NOW)

    series = chart(timeline.timeline(timeline.USUAL, now=NOW), "workloads").series

    assert [(one.name, one.total) for one in (series[0], series[-1])] == [
        ("Teams presence", "3"),
        ("Others", "4"),
    ]
    assert len(series) == timeline.MOST_WORKLOADS + 1


def test_an_unknown_range_is_the_usual_one() -> None:
    assert timeline.chosen("century") is timeline.USUAL
    assert timeline.chosen(None) is timeline.USUAL


def test_every_bar_and_every_total_leads_to_the_list_that_it_counts(
    administrator: Client, make_notification: Maker
) -> None:
    now = timezone.now()
    for state in ChangeNotification.State.values:
        make_notification(state=state, received_at=now)
        make_notification(state=state, received_at=now - timedelta(hours=2), resource_type="chatMessage")
    make_notification(received_at=now, resource_type="", resource="")
    make_notification(received_at=now - timedelta(days=3))

    found = timeline.timeline(timeline.USUAL, now=now)
    counted = [
        (bar.count, bar.url)
        for one in found.charts
        for series in one.series
        for bar in series.bars
        if bar.url
    ]
    counted += [(int(series.total), series.url) for one in found.charts for series in one.series]

    shown = [len(administrator.get(url).context["cl"].result_list) for _, url in counted]
    assert shown == [count for count, _ in counted]
    assert len(counted) > 12


def test_what_was_deleted_in_between_is_never_shown_below_zero(make_notification: Maker) -> None:
    NotificationCount.objects.create(began_at=NOW, workload="Teams", state="accepted", count=-1)

    assert timeline.timeline(timeline.USUAL, now=NOW).is_empty


def test_a_range_of_the_page_is_chosen_by_its_address(
    administrator: Client, known: Callable[..., Subscription], make_notification: Maker
) -> None:
    known()
    make_notification()

    page = administrator.get(reverse("admin:index"), {"range": "week"})

    assert page.context["overview"].timeline.label == "last 7 days"
    assert '<a href="?range=week" aria-current="true">' in page.content.decode()


def test_a_chart_costs_one_look_whatever_its_range(
    make_notification: Maker, django_assert_num_queries: Any
) -> None:
    for hours in range(50):
        make_notification(received_at=NOW - timedelta(hours=hours))

    for shown in timeline.RANGES:
        with django_assert_num_queries(1):
            timeline.timeline(shown, now=NOW)


def test_the_chart_library_is_the_one_that_was_taken_in() -> None:
    found = finders.find("notifications/chart.js/SHA256SUMS")
    assert isinstance(found, str)
    folder = Path(found).parent

    digest, name = Path(found).read_text(encoding="ascii").split()

    assert digest == "87364cc2b2a76a6684929e7d6b80b18a897794db38400caff1fcf1791c6925d2"
    assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    assert "The MIT License" in (folder / "LICENSE.md").read_text(encoding="utf-8")
