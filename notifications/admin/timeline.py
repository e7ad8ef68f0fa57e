"""Notifications over time, from their counts: charts, each with the table that says the same."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Sum

from notifications.admin.list_links import to_list
from notifications.models import ChangeNotification, NotificationCount

State = ChangeNotification.State
GENUINE = (State.ACCEPTED, State.WAITING)
STATE_WORDS = {
    State.ACCEPTED: "Genuine",
    State.WAITING: "Waiting",
    State.REJECTED: "Rejected",
    State.DEAD: "Given up",
}
STATE_COLOURS = {State.ACCEPTED: "good", State.WAITING: "busy", State.REJECTED: "bad", State.DEAD: "warn"}
# More colours than these nobody can tell apart.
MOST_WORKLOADS = 6
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Range:
    """A span of time with as many bars as can be read; `label` follows "in the"."""

    name: str
    label: str
    bars: int
    step: timedelta
    pattern: str


RANGES = (
    Range(name="hour", label="last hour", bars=12, step=timedelta(minutes=5), pattern="%H:%M"),
    Range(name="day", label="last 24 hours", bars=24, step=timedelta(hours=1), pattern="%d %b %H:%M"),
    Range(name="week", label="last 7 days", bars=28, step=timedelta(hours=6), pattern="%a %d %b %H:%M"),
    Range(name="month", label="last 30 days", bars=30, step=timedelta(days=1), pattern="%a %d %b"),
)
USUAL = RANGES[1]


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A count with the list behind it, where there is one."""

    count: int
    url: str


@dataclass(frozen=True, kw_only=True)
class Series:
    """What has one colour: its bars over time, all of them together, and the list behind them."""

    name: str
    colour: str
    total: str
    url: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One way to part what came; `rows` are its table: a time, and a bar for each series."""

    key: str
    title: str
    series: tuple[Series, ...]
    rows: tuple[tuple[str, tuple[Bar, ...]], ...]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A range that can be looked at."""

    label: str
    url: str
    is_chosen: bool


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Everything that the page shows of a range; `data` is the charts as a script reads them."""

    label: str
    since: str
    choices: tuple[Choice, ...]
    charts: tuple[Chart, ...]
    is_empty: bool
    data: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Part:
    """What becomes one series: which of the counts, and the filters of the list that shows the same."""

    name: str
    colour: str
    workloads: tuple[str, ...] | None = None
    state: State | None = None

    def takes(self, workload: str, state: str) -> bool:
        """Say whether a count belongs to it."""
        if self.workloads is None:
            return state == self.state
        return workload in self.workloads and state in GENUINE


def chosen(name: str | None) -> Range:
    """Return the range of that name, or the usual one."""
    return next((one for one in RANGES if one.name == name), USUAL)


def timeline(shown: Range, *, now: datetime) -> Timeline:
    """Return the charts of a range that ends with the step in which `now` lies; one look at the counts."""
    ends_at = now - (now - EPOCH) % shown.step + shown.step
    starts = [ends_at - number * shown.step for number in range(shown.bars, 0, -1)]
    counts = _counts(starts[0], ends_at, shown.step)
    charts = (
        _chart("workloads", "By workload", _by_workload(counts), counts, starts, shown),
        _chart("states", "By state", _by_state(), counts, starts, shown),
    )
    return Timeline(
        label=shown.label,
        since=f"{starts[0]:%Y-%m-%d %H:%M} UTC",
        choices=tuple(
            Choice(
                label=one.label[0].upper() + one.label[1:], url=f"?range={one.name}", is_chosen=one is shown
            )
            for one in RANGES
        ),
        charts=charts,
        is_empty=not counts,
        data={
            "labels": [f"{start:{shown.pattern}}" for start in starts],
            "charts": {chart.key: [asdict(series) for series in chart.series] for chart in charts},
        },
    )


def received(*, since: datetime, now: datetime) -> Counter[str]:
    """Return by state how many came since then."""
    rows = NotificationCount.objects.between(since, now + timedelta(days=1)).order_by()
    return +Counter(dict(rows.values_list("state").annotate(Sum("count"))))


def _counts(since: datetime, until: datetime, step: timedelta) -> Counter[tuple[int, str, str]]:
    """Return the counts by number of the bar, workload and state; only those above zero."""
    rows = NotificationCount.objects.between(since, until).values_list("began_at", "workload", "state")
    found: Counter[tuple[int, str, str]] = Counter()
    for began_at, workload, state, count in rows.annotate(Sum("count")).order_by():
        found[(began_at - since) // step, workload, state] += count
    return +found


def _by_workload(counts: Counter[tuple[int, str, str]]) -> list[_Part]:
    totals: Counter[str] = Counter()
    for (_, workload, state), count in counts.items():
        if state in GENUINE:
            totals[workload] += count
    names = [name for name, _ in totals.most_common()]
    few = len(names) <= MOST_WORKLOADS + 1
    parts = [
        _Part(name=name or "Unknown", colour=f"series-{number}", workloads=(name,))
        for number, name in enumerate(names if few else names[:MOST_WORKLOADS], start=1)
    ]
    if not few:
        rest = tuple(sorted(names[MOST_WORKLOADS:]))
        parts.append(_Part(name="Others", colour=f"series-{MOST_WORKLOADS + 1}", workloads=rest))
    return parts


def _by_state() -> list[_Part]:
    return [_Part(name=STATE_WORDS[state], colour=STATE_COLOURS[state], state=state) for state in STATE_WORDS]


def _chart(
    key: str,
    title: str,
    parts: Iterable[_Part],
    counts: Counter[tuple[int, str, str]],
    starts: list[datetime],
    shown: Range,
) -> Chart:
    series = tuple(_series(part, counts, starts, shown.step) for part in parts)
    rows = tuple(
        (f"{start:%Y-%m-%d %H:%M}", tuple(one.bars[number] for one in series))
        for number, start in enumerate(starts)
        if any(one.bars[number].count for one in series)
    )
    return Chart(key=key, title=title, series=series, rows=rows)


def _series(
    part: _Part, counts: Counter[tuple[int, str, str]], starts: list[datetime], step: timedelta
) -> Series:
    heights = Counter[int]()
    for (number, workload, state), count in counts.items():
        if part.takes(workload, state):
            heights[number] += count
    filters: dict[str, Any] = {"workloads": part.workloads, "state": part.state}
    return Series(
        name=part.name,
        colour=part.colour,
        total=f"{heights.total():,}",
        url=to_list(since=starts[0], until=starts[-1] + step, **filters),
        bars=tuple(
            Bar(
                count=heights[number],
                url=to_list(since=start, until=start + step, **filters) if heights[number] else "",
            )
            for number, start in enumerate(starts)
        ),
    )
