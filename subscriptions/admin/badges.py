"""Facts as a coloured word, with times in plain language; the colour never says more than the word."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from subscriptions.models import (
    Alert,
    AlertMessage,
    AppRegistration,
    EncryptionCertificate,
    Operation,
    Run,
    Sighting,
    Subscription,
)
from subscriptions.services.watching.attention import RENEWAL_OVERDUE

Kind = Literal["good", "busy", "warn", "bad", "quiet"]

# Beyond this many days nobody counts hours.
DAYS_WITH_HOURS = 45
# A certificate is made anew and subscriptions moved to it within this time at ease.
CERTIFICATE_ENDS_SOON = timedelta(days=30)
SEEN: dict[str, Kind] = {
    Sighting.State.IN_STEP: "good",
    Sighting.State.DRIFTED: "warn",
    Sighting.State.GONE: "bad",
    Sighting.State.UNKNOWN: "busy",
    Sighting.State.UNCLEAR: "warn",
}


@dataclass(frozen=True, kw_only=True)
class Badge:
    """A word or two, and how to feel about it."""

    kind: Kind
    text: str
    detail: str = ""

    def html(self) -> SafeString:
        """Return the badge on one line."""
        text = f"{self.text} · {self.detail}" if self.detail else self.text
        return format_html('<span class="gsm-badge gsm-{}">{}</span>', self.kind, text)

    def stacked(self) -> SafeString:
        """Return the badge with its detail below, for narrow columns."""
        return format_html(
            '<span class="gsm-badge gsm-{}">{}</span><div class="gsm-note gsm-nowrap">{}</div>',
            self.kind,
            self.text,
            self.detail,
        )


def of_subscription(subscription: Subscription, *, now: datetime) -> Badge:
    """Derive the badge from the facts at `now`, not from the status alone: what has lapsed is not active."""
    status = Subscription.Status(subscription.status)
    if subscription.is_paused:
        # Until the deletion at Graph is confirmed, the grant runs on.
        return Badge(kind="quiet", text="Paused", detail="still at Graph" if subscription.is_at_graph else "")
    if status == Subscription.Status.REMOVED:
        return Badge(kind="quiet", text=status.label)
    if status in {Subscription.Status.FAILED, Subscription.Status.GONE}:
        return Badge(kind="bad", text=status.label)
    if status == Subscription.Status.PENDING or subscription.expires_at is None:
        return Badge(kind="busy", text="Pending")
    return _of_active(subscription, expires_at=subscription.expires_at, now=now)


def of_certificate(certificate: EncryptionCertificate, *, now: datetime) -> Badge:
    """Say how long a certificate is still valid at `now`."""
    if certificate.not_before_at > now:
        return Badge(kind="warn", text="Not yet valid")
    return of_end(certificate.not_after_at, now=now)


def of_certificate_state(certificate: EncryptionCertificate) -> Badge:
    """Name the state of a certificate."""
    state = EncryptionCertificate.State(certificate.state)
    kinds: dict[str, Kind] = {"active": "good", "draining": "warn"}
    return Badge(kind=kinds.get(state, "quiet"), text=state.label)


def of_connection(app_registration: AppRegistration) -> Badge:
    """Say what the last connection test found."""
    if app_registration.check_succeeded is None:
        return Badge(kind="quiet", text="Not tested")
    if app_registration.check_succeeded:
        return Badge(kind="good", text="Connected")
    return Badge(kind="bad", text="Failed")


def of_alert(alert: Alert) -> Badge:
    """Say whether an alert is open, and how it ended."""
    if alert.resolved_at is None:
        return Badge(kind="bad" if alert.is_urgent else "warn", text="Open")
    return Badge(kind="quiet", text="Became another alert" if alert.superseded else "Over")


def of_end(ends_at: datetime, *, now: datetime) -> Badge:
    """Say how long something with a known end lasts at `now`."""
    left = ends_at - now
    if left <= timedelta(0):
        return Badge(kind="bad", text="Expired")
    return Badge(kind="good" if left > CERTIFICATE_ENDS_SOON else "warn", text=f"{in_words(left)} left")


def of_message(message: AlertMessage) -> Badge:
    """Say whether something was told."""
    if message.told_at:
        return Badge(kind="good", text="Told")
    if message.attempts:
        return Badge(kind="bad", text="Not told yet", detail=f"{message.attempts} tries")
    return Badge(kind="busy", text="To be told")


def of_telling(*, was_told: bool, is_stuck: bool) -> Badge:
    """Say whether somebody was told of an alert."""
    if is_stuck:
        return Badge(kind="bad", text="Not told yet")
    return Badge(kind="good", text="Told") if was_told else Badge(kind="quiet", text="Nobody")


def of_run(run: Run) -> Badge:
    """Say how a run of a command ended."""
    kinds: dict[str, Kind] = {"running": "busy", "succeeded": "good", "failed": "warn"}
    return Badge(kind=kinds.get(run.outcome, "bad"), text=run.get_outcome_display())


def of_operation(operation: Operation) -> Badge:
    """Say whether a call did what was asked."""
    if operation.succeeded:
        return Badge(kind="good", text="Succeeded")
    return Badge(kind="bad", text="Failed")


def of_sighting(sighting: Sighting) -> Badge:
    """Say how what Graph has compares with what is here."""
    return Badge(kind=SEEN[sighting.state], text=Sighting.State(sighting.state).label)


def of_seen(state: Sighting.State, number: int) -> Badge:
    """Say how many compare so."""
    return Badge(kind=SEEN[state], text=f"{number:,} {state.label.lower()}")


def path(resource: str) -> SafeString:
    """Return a path that may be broken after its slashes."""
    parts = re.split("(?<=/)", resource)
    broken = format_html_join("", "{}<wbr>", ((part,) for part in parts))
    return format_html('<span class="gsm-code gsm-path">{}</span>', broken)


def in_words(duration: timedelta) -> str:
    """Return a duration by its two largest units: `90 d`, `2 d 3 h`, `3 h 10 min`, `12 min`."""
    minutes = int(duration / timedelta(minutes=1))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h" if hours and days < DAYS_WITH_HOURS else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else "less than a minute"


def moment(at: datetime | None) -> SafeString:
    """Return a time in UTC that is broken between day and hour only."""
    if at is None:
        return format_html("{}", to_the_second(at))
    return format_html(
        '<span class="gsm-nowrap">{}</span> <span class="gsm-nowrap">{}</span>',
        f"{at:%Y-%m-%d}",
        f"{at:%H:%M:%S} UTC",
    )


def to_the_second(at: datetime | None) -> str:
    """Return a time in UTC; a dash for none."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "–"  # noqa: RUF001 -- the dash of Django's own empty cells


def _of_active(subscription: Subscription, *, expires_at: datetime, now: datetime) -> Badge:
    if expires_at <= now:
        return Badge(kind="bad", text="Expired")
    if subscription.failures:
        return Badge(kind="warn", text="Renewal failing", detail=_time_left(subscription, now=now))
    if _ends_soon(subscription, expires_at=expires_at, now=now):
        return Badge(kind="warn", text="Ends soon", detail=_time_left(subscription, now=now))
    return Badge(kind="good", text="Active", detail=_time_left(subscription, now=now))


def _ends_soon(subscription: Subscription, *, expires_at: datetime, now: datetime) -> bool:
    """Say whether it ends before long and the renewal that should have come has not, or will not."""
    renew_at = subscription.renew_at
    patience = RENEWAL_OVERDUE if subscription.auto_renew else timedelta(0)
    is_late = renew_at is not None and renew_at + patience <= now
    return is_late or expires_at - now <= RENEWAL_OVERDUE


def _time_left(subscription: Subscription, *, now: datetime) -> str:
    if subscription.expires_at is None or subscription.expires_at <= now:
        return ""
    return f"{in_words(subscription.expires_at - now)} left"
