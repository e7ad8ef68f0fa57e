"""The words in which alerts are told: one text for all ways."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from subscriptions import conf
from subscriptions.models import AlertMessage

Occasion = AlertMessage.Occasion
# More than this is not read in a message; the admin has them all.
MOST_LISTED = 15
_WORDS = {
    Occasion.RAISED: "New",
    Occasion.AGAIN: "Got worse",
    Occasion.RESOLVED: "Over",
}


@dataclass(frozen=True, kw_only=True)
class News:
    """One thing to tell; all of it may leave the house."""

    occasion: str
    word: str
    title: str
    text: str
    url: str
    alert: int | None = None
    kind: str = "test"
    app_registration: str = ""
    raised_at: datetime | None = None
    resolved_at: datetime | None = None

    @property
    def is_good(self) -> bool:
        """Say whether nothing has to be done."""
        return self.occasion == Occasion.RESOLVED

    @classmethod
    def of(cls, message: AlertMessage) -> "News":
        """Put a message of the outbox, read with its alert, into words."""
        alert = message.alert
        occasion = Occasion(message.occasion)
        is_over = occasion == Occasion.RESOLVED
        return cls(
            occasion=occasion,
            word=_WORDS[occasion],
            title=alert.title,
            text=_duration(alert.raised_at, message.queued_at) if is_over else alert.what_to_do,
            url=_absolute(reverse("admin:subscriptions_alert_change", args=(alert.pk,))),
            alert=alert.pk,
            kind=alert.kind,
            app_registration=str(alert.app_registration or ""),
            raised_at=alert.raised_at,
            resolved_at=alert.resolved_at if is_over else None,
        )

    @classmethod
    def test(cls, *, now: datetime) -> "News":
        """Return the words of a test."""
        return cls(
            occasion="test",
            word="Test",
            title="This is a test: alerts reach you",
            text=f"Somebody pressed 'Send a test alert' at {now:%Y-%m-%d %H:%M} UTC. Nothing is wrong.",
            url=_absolute(reverse("admin:subscriptions_alert_changelist")),
        )


def subject(news: Sequence[News]) -> str:
    """Return one line on all of it."""
    if len(news) == 1:
        return f"{news[0].word}: {news[0].title}"
    good = sum(one.is_good for one in news)
    counts = [f"{len(news) - good} to look at"] * (len(news) > good) + [f"{good} over"] * (good > 0)
    return f"{', '.join(counts)}: {news[0].title}, and more"


def body(news: Sequence[News]) -> str:
    """Return it as plain text; what is too much is counted."""
    parts = [f"{one.word}: {one.title}\n{one.text}\n{one.url}" for one in news[:MOST_LISTED]]
    if more := left_out(news):
        parts.append(more)
    return "\n\n".join(parts)


def left_out(news: Sequence[News]) -> str:
    """Return a sentence on what a message does not list; empty when it lists all."""
    count = len(news) - MOST_LISTED
    page = _absolute(reverse("admin:subscriptions_alert_changelist"))
    return f"And {count} more: {page}" if count > 0 else ""


def _duration(raised_at: datetime, resolved_at: datetime) -> str:
    return f"From {raised_at:%Y-%m-%d %H:%M} to {resolved_at:%Y-%m-%d %H:%M} UTC. Nothing has to be done."


def _absolute(path: str) -> str:
    return conf.configuration().public_base_url + path
