"""The answer to "is everything all right?", with the open alerts and what to do about each."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.timesince import timesince

from subscriptions.models import Alert
from subscriptions.services.alerts import channels, watching

MOST_SHOWN = 10
# What to do, and what was answered; the alert's own page has the rest.
LINES_SHOWN = 2
# Workers look every minute and cron every 15 at the latest: beyond this nobody does.
UNWATCHED_AFTER = timedelta(minutes=20)


@dataclass(frozen=True, kw_only=True)
class AlertLine:
    """One open alert."""

    kind: str
    title: str
    what_to_do: str
    raised: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A sentence, its reason, and what needs somebody; `notes` says what the sentence does not cover."""

    kind: str
    title: str
    notes: tuple[str, ...]
    alerts: tuple[AlertLine, ...]
    more: int
    url: str


def verdict(*, now: datetime) -> Verdict:
    """Return how things stand, the most urgent first, by what the last watch has found."""
    opened = sorted(Alert.objects.open(), key=lambda alert: (not alert.is_urgent, -alert.pk))
    watched_at = watching.watched_at()
    is_watched = watched_at is not None and watched_at > now - UNWATCHED_AFTER
    return Verdict(
        kind=_kind(opened, is_watched=is_watched),
        title=_title(opened, is_watched=is_watched),
        notes=tuple(_notes(watched_at, is_watched=is_watched, now=now)),
        alerts=tuple(_line(alert, now=now) for alert in opened[:MOST_SHOWN]),
        more=max(len(opened) - MOST_SHOWN, 0),
        url=reverse("admin:subscriptions_alert_changelist"),
    )


def ago(at: datetime, *, now: datetime) -> str:
    """Return how long ago something was, by its largest unit."""
    return "just now" if now - at < timedelta(minutes=1) else f"{timesince(at, now, depth=1)} ago"


def _kind(opened: list[Alert], *, is_watched: bool) -> str:
    if any(alert.is_urgent for alert in opened):
        return "bad"
    return "good" if is_watched and not opened else "warn"


def _title(opened: list[Alert], *, is_watched: bool) -> str:
    if opened:
        return "1 thing needs you" if len(opened) == 1 else f"{len(opened)} things need you"
    return "All is well" if is_watched else "Nobody is watching"


def _notes(watched_at: datetime | None, *, is_watched: bool, now: datetime) -> list[str]:
    found = []
    if is_watched and watched_at:
        found.append(f"Last looked at {ago(watched_at, now=now)}.")
    else:
        since = f"since {watched_at:%Y-%m-%d %H:%M} UTC" if watched_at else "so far"
        found.append(
            f"Nobody has looked {since}: a worker does every minute, and 'manage.py renew_subscriptions' whenever cron "
            "runs it. Start one of them."
        )
    if not channels.configured():
        found.append(
            "Nobody is told when something goes wrong: set ADMINS and EMAIL_URL, or ALERT_WEBHOOK_URL."
        )
    return found


def _line(alert: Alert, *, now: datetime) -> AlertLine:
    return AlertLine(
        kind="bad" if alert.is_urgent else "warn",
        title=alert.title,
        what_to_do="\n".join(alert.what_to_do.splitlines()[:LINES_SHOWN]),
        raised=ago(alert.raised_at, now=now),
        url=reverse("admin:subscriptions_alert_change", args=(alert.pk,)),
    )
