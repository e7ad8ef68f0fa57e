"""Metrics of what we ask of Graph, read from the rows, so that every process tells the same."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache

from django.db.models import Count, Max, Min
from prometheus_client.metrics_core import GaugeMetricFamily

from subscriptions.catalogue import entry_for
from subscriptions.models import (
    Alert,
    AppRegistration,
    DelegatedAccount,
    EncryptionCertificate,
    Gap,
    Operation,
    Run,
    Subscription,
)
from subscriptions.services.long_lists import count_up_to
from subscriptions.services.watching import runs
from subscriptions.services.watching.attention import needing_attention

# Calls are counted over so long: a few scrapes, so that one that fails loses nothing.
WINDOW = timedelta(minutes=10)
# Beyond this a count stops, so that a scrape costs the same with millions of rows.
MOST_COUNTED = 100_000
Status = Subscription.Status


def families(*, now: datetime) -> Iterator[GaugeMetricFamily]:
    """Yield the metrics at `now`. Times are seconds since 1970."""
    yield from _subscriptions(now)
    yield _next_expiries()
    yield from _renewals(now)
    yield _graph_calls(now)
    yield from _keys_and_accounts()
    yield from _runs_and_alerts()
    yield _gaps()


def gauge(name: str, explanation: str, value: float) -> GaugeMetricFamily:
    """Return a metric that is one number."""
    return GaugeMetricFamily(f"gsm_{name}", explanation, value=value)


def gauges(
    name: str, explanation: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float]]
) -> GaugeMetricFamily:
    """Return a metric with a number for each set of labels."""
    family = GaugeMetricFamily(f"gsm_{name}", explanation, labels=labels)
    for of_labels, value in values:
        family.add_metric(of_labels, value)
    return family


def _subscriptions(now: datetime) -> Iterator[GaugeMetricFamily]:
    found = dict(Subscription.objects.order_by().values_list("status").annotate(Count("pk")))
    by_status = [((str(status),), found.get(status, 0)) for status in Status.values]
    yield gauges("subscriptions", "Subscriptions by status.", ("status",), by_status)
    enabled = Subscription.objects.filter(is_enabled=True)
    lapsed = enabled.expired(now)
    yield gauge(
        "subscriptions_lapsed", "Subscriptions that are over at Graph and were not renewed.", lapsed.count()
    )
    attention = Subscription.objects.filter(needing_attention(now))
    yield gauge("subscriptions_needing_attention", "Subscriptions to look at.", attention.count())


def _next_expiries() -> GaugeMetricFamily:
    ends: dict[str, float] = {}
    active = Subscription.objects.filter(status=Status.ACTIVE, is_enabled=True)
    for resource, expires_at in active.order_by().values_list("resource", "expires_at").iterator():
        if expires_at is not None:
            workload = _workload(resource)
            ends[workload] = min(expires_at.timestamp(), ends.get(workload, float("inf")))
    return gauges(
        "next_expiry_timestamp_seconds",
        "When the next active subscription of a workload ends.",
        ("workload",),
        (((workload,), end) for workload, end in sorted(ends.items())),
    )


@lru_cache(maxsize=100_000)
def _workload(resource: str) -> str:
    entry = entry_for(resource)
    return entry.workload if entry else "other"


def _renewals(now: datetime) -> Iterator[GaugeMetricFamily]:
    due = Subscription.objects.due(now)
    yield gauge("renewals_due", "Subscriptions whose renewal is due.", count_up_to(due, MOST_COUNTED))
    first = due.aggregate(first=Min("renew_at"))["first"]
    lag = (now - first).total_seconds() if first else 0.0
    yield gauge("renewal_lag_seconds", "For how long the oldest renewal has been due.", lag)


def _graph_calls(now: datetime) -> GaugeMetricFamily:
    calls = (
        Operation.objects.filter(started_at__gt=now - WINDOW, started_at__lte=now)
        .order_by()
        .values_list("action", "status_code", "error_code")
        .annotate(Count("pk"))
    )
    return gauges(
        "graph_calls",
        "Calls to Graph in ten minutes; status 0 when no answer came.",
        ("action", "status", "error"),
        (((action, str(status or 0), error), count) for action, status, error, count in calls),
    )


def _keys_and_accounts() -> Iterator[GaugeMetricFamily]:
    used = EncryptionCertificate.objects.exclude(state=EncryptionCertificate.State.RETIRED)
    yield gauges(
        "certificate_expiry_timestamp_seconds",
        "When an encryption certificate ends.",
        ("certificate", "state"),
        (
            ((row.encryption_certificate_id, row.state), row.not_after_at.timestamp())
            for row in used.only("encryption_certificate_id", "state", "not_after_at")
        ),
    )
    yield gauges(
        "credential_expiry_timestamp_seconds",
        "When the credential of an app registration ends, where that is known.",
        ("app_registration",),
        _credential_ends(),
    )
    needing = DelegatedAccount.objects.filter(needs_sign_in=True)
    yield gauge("accounts_needing_sign_in", "Signed-in accounts that must sign in again.", needing.count())


def _credential_ends() -> Iterator[tuple[tuple[str, ...], float]]:
    known = AppRegistration.objects.exclude(credential_expires_at=None)
    for name, expires_at in known.values_list("name", "credential_expires_at"):
        if expires_at is not None:
            yield (name,), expires_at.timestamp()


def _runs_and_alerts() -> Iterator[GaugeMetricFamily]:
    succeeded = Run.objects.filter(outcome=Run.Outcome.SUCCEEDED).order_by()
    for name, explanation, rows in (
        (
            "run_finished",
            "When a command last came to its end.",
            Run.objects.filter(outcome__in=runs.ENDED).order_by(),
        ),
        ("run_succeeded", "When a command last did all it should.", succeeded),
    ):
        ends = rows.filter(finished_at__isnull=False).values_list("command").annotate(Max("finished_at"))
        yield gauges(
            f"{name}_timestamp_seconds",
            explanation,
            ("command",),
            (((command,), finished_at.timestamp()) for command, finished_at in ends),
        )
    opened = dict(
        Alert.objects.filter(resolved_at__isnull=True).order_by().values_list("kind").annotate(Count("pk"))
    )
    by_kind = [((str(kind),), opened.get(kind, 0)) for kind in Alert.Kind.values]
    yield gauges("alerts_open", "What needs a human, by kind; the admin says what to do.", ("kind",), by_kind)


def _gaps() -> GaugeMetricFamily:
    found = dict(Gap.objects.order_by().values_list("state").annotate(Count("pk")))
    by_state = [((str(state),), found.get(state, 0)) for state in Gap.State.values]
    return gauges(
        "gaps", "Times in which a subscription did not listen, by what became of them.", ("state",), by_state
    )
