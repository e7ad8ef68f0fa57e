"""The overview on the admin's first page: how things stand, each figure leading to its list."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils.timesince import timesince

from notifications.admin import timeline, verdict, words
from notifications.admin.endpoint_minute import KINDS
from notifications.admin.list_links import to_list
from notifications.admin.timeline import Timeline
from notifications.admin.verdict import Verdict
from notifications.models import ChangeNotification, Delivery
from notifications.services.intake import endpoint_health, inbox
from notifications.services.rows import counting
from notifications.services.watching.readiness import INBOX_LATE
from subscriptions.models import AppRegistration, EncryptionCertificate, Subscription
from subscriptions.services.alerts.renewal_checks import STOPPED_AFTER
from subscriptions.services.long_lists import count_up_to
from subscriptions.services.watching import runs
from subscriptions.services.watching.attention import needing_attention

MOST_COUNTED = 1_000
EXPIRIES_SHOWN = 5
# The latest refusals of a day are enough to see what goes wrong.
REFUSALS_READ = 1_000
RECENT = timedelta(days=1)
Status = Subscription.Status
State = ChangeNotification.State


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number with the list that it counts."""

    label: str
    value: str
    url: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a short table: what, how, and the page or list behind it."""

    label: str
    value: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Step:
    """Something to do before notifications can come."""

    label: str
    explanation: str
    url: str
    is_done: bool


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What the first page shows above the tables, each part only to who may see what it counts.

    `is_to_be_awaited` says that nothing is watched yet, to those who cannot begin.
    """

    figures: tuple[Figure, ...] = ()
    steps: tuple[Step, ...] = ()
    is_to_be_awaited: bool = False
    verdict: Verdict | None = None
    timeline: Timeline | None = None
    health: tuple[Line, ...] = ()
    expiries: tuple[Line, ...] = ()
    refusals: tuple[Line, ...] = ()


def overview(has_perm: Callable[[str], bool], *, now: datetime, range_name: str | None = None) -> Overview:
    """Return how things stand at `now`, of what the user may see; before the first subscription, what to do."""
    if not Subscription.objects.exists():
        may_begin = has_perm("subscriptions.add_subscription")
        return Overview(steps=_steps() if may_begin else (), is_to_be_awaited=not may_begin)
    sees_subscriptions = has_perm("subscriptions.view_subscription")
    sees_notifications = has_perm("notifications.view_changenotification")
    shown = timeline.chosen(range_name)
    return Overview(
        figures=tuple(_figures(has_perm, now=now)),
        verdict=verdict.verdict(now=now) if has_perm("subscriptions.view_alert") else None,
        timeline=timeline.timeline(shown, now=now) if sees_notifications else None,
        health=tuple(_health(now)) if sees_subscriptions else (),
        expiries=tuple(_expiries(now)) if sees_subscriptions else (),
        refusals=tuple(_refusals(now)) if sees_notifications else (),
    )


def _figures(has_perm: Callable[[str], bool], *, now: datetime) -> list[Figure]:
    figures: list[Figure] = []
    if has_perm("subscriptions.view_subscription"):
        figures += _of_subscriptions(now)
    if has_perm("subscriptions.view_run"):
        figures.append(_of_renewal(now))
    if has_perm("notifications.view_changenotification"):
        figures += _of_notifications(now)
    if has_perm("notifications.view_delivery"):
        figures += _of_inbox(now)
    if has_perm("notifications.view_endpointminute"):
        figures.append(_of_endpoint(now))
    return figures


def _health(now: datetime) -> Iterator[Line]:
    page = reverse("admin:subscriptions_subscription_changelist")
    kinds = {
        "active": ("Active", Q(status=Status.ACTIVE, is_enabled=True)),
        "attention": ("Need attention", needing_attention(now)),
        "pending": ("Pending", Q(status=Status.PENDING, is_enabled=True)),
        "paused": ("Paused", Q(is_enabled=False) & ~Q(status=Status.REMOVED)),
    }
    counts = Subscription.objects.aggregate(
        **{name: Count("pk", filter=condition) for name, (_, condition) in kinds.items()}
    )
    for name, (label, _) in kinds.items():
        yield Line(label=label, value=f"{counts[name]:,}", url=f"{page}?status={name}")


def _expiries(now: datetime) -> Iterator[Line]:
    """Yield what ends next, with the time at which it is to be renewed before."""
    active = Subscription.objects.filter(status=Status.ACTIVE, is_enabled=True, expires_at__gt=now)
    for row in active.order_by("expires_at")[:EXPIRIES_SHOWN]:
        ends = f"ends in {timesince(now, row.expires_at, depth=2)}"
        due = row.renew_at if row.auto_renew else None
        renewal = "not renewed by itself"
        if due:
            renewal = f"renewal due in {timesince(now, due, depth=1)}" if due > now else "renewal due now"
        yield Line(
            label=words.shortened(str(row)),
            value=f"{ends}, {renewal}",
            url=reverse("admin:subscriptions_subscription_change", args=(row.pk,)),
        )


def _refusals(now: datetime) -> Iterator[Line]:
    """Yield why items were refused lately, the most frequent first."""
    since = now - RECENT
    refused = ChangeNotification.objects.filter(state=State.REJECTED, received_at__gte=since)
    latest = refused.order_by("-received_at", "-pk").values_list("reason", flat=True)
    reasons = Counter(latest[:REFUSALS_READ])
    for reason, count in reasons.most_common():
        url = to_list(since=since, state=State.REJECTED, reason=reason)
        yield Line(label=words.reason_in_words(reason), value=f"{count:,}", url=url)


def _of_subscriptions(now: datetime) -> Iterator[Figure]:
    page = reverse("admin:subscriptions_subscription_changelist")
    active = Subscription.objects.filter(status=Status.ACTIVE, is_enabled=True)
    attention = Subscription.objects.filter(needing_attention(now))
    yield _figure("Active subscriptions", active, f"{page}?status=active", kind="good")
    yield _figure("Need attention", attention, f"{page}?status=attention", kind="bad")
    if first := active.filter(expires_at__gt=now).order_by("expires_at").first():
        yield Figure(
            label="Next expiry (UTC)",
            value=f"{first.expires_at:%d %b %H:%M}",
            url=reverse("admin:subscriptions_subscription_change", args=(first.pk,)),
            kind="quiet",
        )


def _of_inbox(now: datetime) -> Iterator[Figure]:
    url = f"{reverse('admin:notifications_delivery_changelist')}?state__exact=queued"
    queued = Delivery.objects.filter(state=Delivery.State.QUEUED)
    yield _figure("Not yet processed", queued, url, kind="busy")
    lag = inbox.lag(now=now)
    is_behind = lag >= timedelta(minutes=1)
    yield Figure(
        label="Inbox is behind by",
        value=timesince(now - lag, now, depth=1) if is_behind else "Nothing",
        url=url,
        kind="bad" if lag >= INBOX_LATE else "warn" if is_behind else "quiet",
    )


def _of_renewal(now: datetime) -> Figure:
    run = runs.last_finished(runs.RENEWAL)
    at = run.finished_at if run else None
    is_late = at is None or at <= now - STOPPED_AFTER
    failed = run is not None and run.outcome == run.Outcome.FAILED
    return Figure(
        label="Last renewal run" + (", failed in part" if failed else ""),
        value=verdict.ago(at, now=now) if at else "Never",
        url=reverse("admin:subscriptions_run_changelist"),
        kind="bad" if is_late else "warn" if failed else "good",
    )


def _of_notifications(now: datetime) -> Iterator[Figure]:
    page = reverse("admin:notifications_changenotification_changelist")
    rows = ChangeNotification.objects.all()
    since = counting.begin_of_step(now - RECENT)
    came = timeline.received(since=since, now=now)
    genuine = sum(came[state] for state in timeline.GENUINE)
    refused = to_list(since=since, state=State.REJECTED)
    yield _known("Received in 24 hours", genuine, to_list(since=since), kind="good")
    yield _known("Rejected in 24 hours", came[State.REJECTED], refused, kind="warn")
    yield _figure("Waiting", rows.filter(state=State.WAITING), f"{page}?state=waiting", kind="busy")
    yield _figure("Given up", rows.filter(state=State.DEAD), f"{page}?state=dead", kind="bad")


def _of_endpoint(now: datetime) -> Figure:
    standing = endpoint_health.standing(now=now)
    return Figure(
        label=f"Answers over 3 s in 10 min (limit {endpoint_health.SLOW_SHARE:.0%})",
        value=f"{standing.share_over_3_s:.1%}" if standing.answers else "None",
        url=reverse("admin:notifications_endpointminute_changelist"),
        kind=KINDS[standing.level],
    )


def _known(label: str, count: int, url: str, *, kind: str) -> Figure:
    return Figure(label=label, value=f"{count:,}", url=url, kind=kind if count else "quiet")


def _figure(label: str, rows: QuerySet[Any], url: str, *, kind: str) -> Figure:
    """Return a count that stops at a thousand; nothing to count is nothing to colour."""
    count = count_up_to(rows, MOST_COUNTED)
    value = f"{MOST_COUNTED:,}+" if count > MOST_COUNTED else f"{count:,}"
    return Figure(label=label, value=value, url=url, kind=kind if count else "quiet")


def _steps() -> tuple[Step, ...]:
    return (
        Step(
            label="Register an app",
            explanation="the Entra app registration under whose name we talk to Graph",
            url=reverse("admin:subscriptions_appregistration_add"),
            is_done=AppRegistration.objects.exists(),
        ),
        Step(
            label="Make a certificate",
            explanation="needed only for notifications with content, which Graph encrypts for it",
            url=reverse("admin:subscriptions_encryptioncertificate_add"),
            is_done=EncryptionCertificate.objects.exists(),
        ),
        Step(
            label="Create a subscription",
            explanation="what Graph should tell us about",
            url=reverse("admin:subscriptions_subscription_catalogue"),
            is_done=False,
        ),
    )
