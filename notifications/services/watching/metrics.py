"""Metrics for Prometheus: what Graph tells us, and with it what we ask of Graph, read from the rows."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, QuerySet, Sum
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from notifications.models import ChangeNotification, Delivery, EndpointMinute
from notifications.models.endpoint_minute import LIMITS
from notifications.services.intake import endpoint_health, inbox
from subscriptions.services.long_lists import count_up_to
from subscriptions.services.watching import metrics
from subscriptions.services.watching.metrics import MOST_COUNTED, gauge, gauges

# Short, because every notification in it is looked at.
RECENT = timedelta(minutes=5)
State = ChangeNotification.State


class _Rows(Collector):
    """Hands Prometheus what was read for one scrape."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def exposition(*, now: datetime) -> bytes:
    """Return all metrics at `now` in Prometheus' text form.

    Source: prometheus.io/docs/instrumenting/exposition_formats (2026-11-21).
    """
    registry = CollectorRegistry()
    registry.register(_Rows([*metrics.families(now=now), *families(now=now)]))
    return generate_latest(registry)


def families(*, now: datetime) -> Iterator[GaugeMetricFamily]:
    """Yield the metrics of this side of the wire at `now`."""
    yield from _deliveries(now)
    yield from _notifications(now)
    yield from _endpoint(now)


def _deliveries(now: datetime) -> Iterator[GaugeMetricFamily]:
    states = (Delivery.State.QUEUED, Delivery.State.WAITING, Delivery.State.DEAD)
    rows = [((str(state),), _count(Delivery.objects.filter(state=state))) for state in states]
    yield gauges(
        "deliveries",
        f"Deliveries in the inbox that are not done, by state; counted up to {MOST_COUNTED:,}.",
        ("state",),
        rows,
    )
    quarantined = _count(Delivery.objects.filter(is_quarantined=True))
    yield gauge("deliveries_quarantined", "Bodies with nothing of ours in them that are kept.", quarantined)
    lag = inbox.lag(now=now).total_seconds()
    yield gauge("inbox_lag_seconds", "For how long the oldest work in the inbox has been due.", lag)


def _notifications(now: datetime) -> Iterator[GaugeMetricFamily]:
    recent = (
        ChangeNotification.objects.filter(received_at__gt=now - RECENT)
        .order_by()
        .values_list("state", "reason")
        .annotate(Count("pk"))
    )
    found = {(str(state), ""): 0 for state in State.values} | {
        (state, reason): count for state, reason, count in recent
    }
    yield gauges(
        "notifications_received",
        "Notifications received in five minutes, by state and reason.",
        ("state", "reason"),
        found.items(),
    )
    rows = ChangeNotification.objects.all()
    yield gauges(
        "notifications_unfinished",
        f"Notifications that wait or were given up, however old; counted up to {MOST_COUNTED:,}.",
        ("state",),
        [((str(state),), _count(rows.filter(state=state))) for state in (State.WAITING, State.DEAD)],
    )
    unhandled = _count(rows.unhandled(now))
    yield gauge("lifecycle_notices_due", "Genuine lifecycle notices that wait to be acted on.", unhandled)


def _endpoint(now: datetime) -> Iterator[GaugeMetricFamily]:
    names = ("answers", "dropped", *LIMITS)
    minutes = EndpointMinute.objects.within(endpoint_health.WINDOW, now=now)
    sums = minutes.aggregate(**{name: Sum(name) for name in names})
    yield gauge("endpoint_answers", "Answers to Graph in ten minutes.", sums["answers"] or 0)
    yield gauges(
        "endpoint_answers_slower",
        "Answers in ten minutes that took longer. Graph calls an endpoint slow when over 10 % took more than 3 "
        "seconds, and drops what it has for it when over 15 % took more than 10.",
        ("seconds",),
        (((f"{limit.total_seconds():g}",), sums[name] or 0) for name, limit in LIMITS.items()),
    )
    yield gauge(
        "endpoint_dropped",
        "Bodies of strangers in ten minutes for which there was no room.",
        sums["dropped"] or 0,
    )


def _count(rows: QuerySet[Any]) -> int:
    return count_up_to(rows, MOST_COUNTED)
