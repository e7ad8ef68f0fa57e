"""Gaps in plain words, and as marks on a line of time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from subscriptions.admin import badges
from subscriptions.admin.badges import Badge, Kind
from subscriptions.models import Gap, Subscription
from subscriptions.services.gaps.gap_report import History, history

SHOWN = 20
# How far back the line reaches.
REACH = timedelta(days=30)
# Units of the drawing; a mark has to be seen even if it is short.
WIDTH = 1000
NARROWEST = 4
KINDS: dict[Gap.State, Kind] = {
    Gap.State.AWAITING: "warn",
    Gap.State.RECOVERED: "busy",
    Gap.State.UNRECOVERABLE: "bad",
}


@dataclass(frozen=True, kw_only=True)
class GapLine:
    """One gap of the table."""

    began: SafeString
    ended: SafeString
    cause: str
    state: SafeString
    note: str


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A part of the line, from 0 to `WIDTH`; `is_uncertain` where it may not have begun yet."""

    x: int
    width: int
    kind: Kind
    is_uncertain: bool
    title: str


@dataclass(frozen=True, kw_only=True)
class Listening:
    """What the page of a subscription says about when it listened."""

    summary: str
    begins: str
    ends: str
    width: int
    marks: tuple[Mark, ...]
    lines: tuple[GapLine, ...]
    more_url: str


def listening(subscription: Subscription, *, now: datetime) -> Listening | None:
    """Return when a subscription listened and when not; nothing before it was ever at Graph."""
    since = subscription.first_granted_at
    if since is None:
        return None
    found = history(subscription, subscription.gaps.all()[: SHOWN + 1], now=now)
    begins_at = max(since, now - REACH)
    url = f"{reverse('admin:subscriptions_gap_changelist')}?subscription__id__exact={subscription.pk}"
    return Listening(
        summary=_summary(found),
        begins=badges.to_the_second(begins_at),
        ends=badges.to_the_second(now),
        width=WIDTH,
        marks=tuple(_marks(found.gaps[:SHOWN], begins_at=begins_at, now=now)),
        lines=tuple(_line(gap) for gap in found.gaps[:SHOWN]),
        more_url=url if len(found.gaps) > SHOWN else "",
    )


def state_badge(gap: Gap) -> SafeString:
    """Return what became of the changes as a badge."""
    state = Gap.State(gap.state)
    return Badge(kind=KINDS[state], text=state.label).html()


def began(gap: Gap) -> str:
    """Say when it began, as far as that is known."""
    at = badges.to_the_second(gap.began_at)
    return at if gap.is_exact else f"{at} at the earliest, {badges.to_the_second(gap.began_by)} at the latest"


def began_short(gap: Gap) -> SafeString:
    """Show when it began, and below it until when that is uncertain."""
    latest = "" if gap.is_exact else f"at the earliest; by {badges.to_the_second(gap.began_by)}"
    return format_html('{}<div class="gsm-note">{}</div>', badges.moment(gap.began_at), latest)


def ended_short(gap: Gap) -> SafeString:
    """Show when it ended, on two lines where there is little room."""
    return badges.moment(gap.ended_at) if gap.ended_at else format_html("{}", ended(gap))


def ended(gap: Gap) -> str:
    """Say when it ended."""
    return badges.to_the_second(gap.ended_at) if gap.ended_at else "It goes on"


def _summary(found: History) -> str:
    since = badges.to_the_second(found.listening_since)
    now = "Graph tells of changes now" if found.is_listening else "Graph does not tell of changes now"
    if not found.gaps:
        return f"{now}, and has done so without a gap since {since}."
    return f"{now}. It was first at Graph at {since}."


def _line(gap: Gap) -> GapLine:
    return GapLine(
        began=began_short(gap),
        ended=ended_short(gap),
        cause=gap.get_cause_display(),
        state=state_badge(gap),
        note=gap.note,
    )


def _marks(gaps: Sequence[Gap], *, begins_at: datetime, now: datetime) -> Iterator[Mark]:
    """Yield the parts that are marked, the uncertain beginning of a gap before its rest."""
    for gap in reversed(gaps):
        ended_at = gap.ended_at or now
        certain_at = min(gap.began_by, ended_at)
        title = f"{gap.get_cause_display()}: {began(gap)}; {ended(gap)}"
        for start, end, is_uncertain in ((gap.began_at, certain_at, True), (certain_at, ended_at, False)):
            if start < end and end > begins_at:
                x, width = _place(start, end, begins_at=begins_at, now=now)
                kind = KINDS[Gap.State(gap.state)]
                yield Mark(x=x, width=width, kind=kind, is_uncertain=is_uncertain, title=title)


def _place(start: datetime, end: datetime, *, begins_at: datetime, now: datetime) -> tuple[int, int]:
    whole = max(now - begins_at, timedelta(seconds=1))
    left = round(WIDTH * (max(start, begins_at) - begins_at) / whole)
    right = round(WIDTH * (min(end, now) - begins_at) / whole)
    width = max(right - left, NARROWEST)
    return min(left, WIDTH - width), width
