"""What a week showed: figures, and in words every promise that was not kept."""

import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.core.management import call_command

from notifications.models import ChangeNotification
from tests.benchmarks.completeness import oracle
from tests.benchmarks.completeness.kinds import KINDS, Kind
from tests.benchmarks.completeness.oracle import Key, Span
from tests.benchmarks.completeness.play import CRON_EVERY, Made, Week
from tests.benchmarks.completeness.weather import Spell, Trouble

# What the clocks of two machines, and a turn of cron in which nothing was looked at, may differ by.
NEAR = timedelta(minutes=1)
OUT_OF_REACH = {Trouble.WEB_DOWN, Trouble.MACHINE_DOWN, Trouble.FRONT_DOWN}
# Half of the four hours for which Graph tries, as its waits double.
TRIED_FOR_CERTAIN = timedelta(hours=2)
AT_GRAPH = frozenset({"lapsed", "removed", "recreated", "paused"})


@dataclass(frozen=True, kw_only=True)
class Row:
    """One stored notification."""

    item_id: str
    change_type: str
    origin: str
    etag: str
    modified: str
    received_at: datetime


@dataclass(frozen=True, kw_only=True)
class Named:
    """A gap as the report names it."""

    cause: str
    state: str
    began_by: datetime
    span: Span


@dataclass(kw_only=True)
class Findings:
    """Collected while one kind after the other is judged."""

    week: Week
    until: datetime
    known: set[Key]
    figures: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def judge(self, kind: Kind, rows: Sequence[Row], gaps: Sequence[Named]) -> None:
        """Judge one kind."""
        # What was answered too late counts as lost for Graph, and is here all the same.
        held = {_key(kind, row) for row in rows if row.origin == "webhook"} if kind.names_items else set()
        lost = [
            one for one in oracle.lost(self.week.made, self.known, kind) if oracle.key_of(one) not in held
        ]
        made = [one for one in self.week.made if one.kind is kind]
        self.figures["changes"] += len(made)
        self.figures["told by the webhook"] += len(made) - len(lost)
        self._look_for_doubles(kind, rows)
        self._look_for_unstored(kind, made, rows)
        if kind.has_delta:
            self._judge_recovered(kind, made, lost, rows, gaps)
        else:
            self._judge_named(lost, gaps)
        self._judge_gaps(kind, gaps)

    def _judge_recovered(
        self,
        kind: Kind,
        made: Sequence[Made],
        lost: Sequence[Made],
        rows: Sequence[Row],
        gaps: Sequence[Named],
    ) -> None:
        """Each lost change is stored, or a later one of its item, or the report says that a token was forgotten."""
        told: dict[str, int] = defaultdict(int)
        for one in made:
            if oracle.key_of(one) in self.known:
                told[one.item_id] = max(told[one.item_id], one.number)
        gone = {one.item_id for one in made if one.change_type == "deleted"}
        found: dict[str, list[datetime]] = defaultdict(list)
        for row in rows:
            if row.origin == "delta":
                found[row.item_id].append(row.received_at)
        resets = [gap for gap in gaps if gap.cause == "delta_reset" or gap.state == "unrecoverable"]
        for one in lost:
            if told[one.item_id] > one.number or any(at >= one.at for at in found[one.item_id]):
                self.figures["recovered by delta query"] += 1
            elif any(_contains(gap.span, one.at) for gap in resets):
                self.figures["lost with a forgotten token, and named"] += 1
                is_there = one.item_id not in gone and not kind.members
                if kind.tells_versions and one.change_type != "deleted" and is_there:
                    self.broken.append(f"could have been read anew: {_named(one)}")
            else:
                self.broken.append(f"not stored: {_named(one)}")

    def _judge_named(self, lost: Sequence[Made], gaps: Sequence[Named]) -> None:
        """Each lost change lies in a period that the report names."""
        for one in lost:
            if any(_contains(gap.span, one.at) for gap in gaps):
                self.figures["lost where there is no delta query, and named"] += 1
            else:
                self.broken.append(f"lost and not named: {_named(one)}")

    def _judge_gaps(self, kind: Kind, gaps: Sequence[Named]) -> None:
        """The report names each time in which Graph had no subscription, and no time in which all was well."""
        dead = oracle.dead_times(self.week.sandbox, kind, until=self.until)
        self.figures["times without a subscription"] += len(dead)
        self.figures["minutes without a subscription"] += _minutes(dead)
        named = [gap.span for gap in gaps if gap.cause in AT_GRAPH]
        self.figures["minutes named as such"] += _minutes(named)
        certain = (
            Span(began_at=gap.began_by, ended_at=gap.span.ended_at) for gap in gaps if gap.cause in AT_GRAPH
        )
        self.figures["of these certain"] += _minutes(certain)
        away = [gap.span for gap in gaps if gap.cause == "endpoint_down"]
        self.figures["minutes named as out of reach"] += _minutes(away)
        self.figures["gaps named"] += len(gaps)
        self.figures["gaps awaiting recovery"] += sum(gap.state == "awaiting" for gap in gaps)
        for span in dead:
            if not _is_covered(span, named):
                self.broken.append(f"dead and not named: {kind.name} {span.began_at} to {span.ended_at}")
        for gap in gaps:
            if gap.cause in AT_GRAPH:
                self._judge_bounds(kind, gap, dead)
            if not self._is_justified(kind, gap, dead):
                self.broken.append(
                    f"named without reason: {kind.name} {gap.cause} {gap.span.began_at} to {gap.span.ended_at}"
                )

    def _judge_bounds(self, kind: Kind, gap: Named, dead: Sequence[Span]) -> None:
        """A gap names no more than what lies between the death and the last look before it."""
        inside = [span for span in dead if gap.span.overlaps(span)]
        if not inside:
            return
        began_at = min(span.began_at for span in inside)
        # A look takes its time: what ends while one is under way may have been missed by it.
        looks = (at for at in self.week.looks if at <= began_at - NEAR)
        looked_at = max(looks, default=self.week.began_at)
        self._widest("widest minutes too many", began_at - gap.span.began_at)
        self._widest("widest minutes since the last look", began_at - looked_at)
        if began_at - looked_at <= CRON_EVERY + NEAR:
            self._widest("widest minutes too many while we were here", began_at - gap.span.began_at)
        if gap.span.began_at < looked_at - NEAR or gap.span.ended_at > inside[-1].ended_at + NEAR:
            self.broken.append(
                f"named too widely: {kind.name} {gap.cause} {gap.span.began_at} to {gap.span.ended_at}, "
                f"dead since {began_at}, looked at {looked_at}"
            )

    def _widest(self, name: str, span: timedelta) -> None:
        self.figures[name] = max(self.figures[name], round(span / timedelta(minutes=1)))

    def _is_justified(self, kind: Kind, gap: Named, dead: Sequence[Span]) -> bool:
        if gap.cause in AT_GRAPH:
            return any(gap.span.overlaps(span) for span in dead)
        if gap.cause == "endpoint_down":
            return any(_holds(span, gap.span) for span in self._out_of_reach())
        if gap.cause == "endpoint_slow":
            reach = Span(began_at=gap.span.began_at - CRON_EVERY, ended_at=gap.span.ended_at + CRON_EVERY)
            return any(reach.overlaps(_span(one)) for one in self.week.spells if one.trouble == Trouble.SLOW)
        return kind.has_delta

    def _out_of_reach(self) -> list[Span]:
        """Return when nobody answered at our address, as well as signs of life and looks can tell.

        Between two such times that are less than Graph's tries apart, what waited may not have come through.
        """
        looks = self.week.looks
        found: list[Span] = []
        for spell in (one for one in self.week.spells if one.trouble in OUT_OF_REACH):
            seen = max((at for at in looks if at <= spell.began_at), default=self.week.began_at)
            back = min((at for at in looks if at >= spell.ends_at), default=self.until)
            span = Span(
                began_at=min(seen, spell.began_at - CRON_EVERY),
                ended_at=max(back - TRIED_FOR_CERTAIN, spell.ends_at),
            )
            if found and span.began_at <= found[-1].ended_at + TRIED_FOR_CERTAIN:
                span = Span(began_at=found[-1].began_at, ended_at=max(span.ended_at, found.pop().ended_at))
            found.append(span)
        return found

    def _look_for_doubles(self, kind: Kind, rows: Sequence[Row]) -> None:
        versions: Counter[tuple[str, str]] = Counter()
        for row in rows:
            version = row.etag or row.modified
            if kind.names_items and row.change_type == "deleted":
                versions[row.item_id, "deleted"] += 1
            elif version:
                versions[row.item_id, version] += 1
        for (item_id, version), count in versions.items():
            if count > 1:
                self.broken.append(f"stored {count} times: {kind.name} {item_id} {version}")
        self.figures["rows by webhook"] += sum(row.origin == "webhook" for row in rows)
        self.figures["rows by delta query"] += sum(row.origin == "delta" for row in rows)

    def _look_for_unstored(self, kind: Kind, made: Sequence[Made], rows: Sequence[Row]) -> None:
        """What was answered with 2xx is stored."""
        stored = {(row.item_id, what) for row in rows for what in (row.etag, row.modified, row.change_type)}
        for one in made:
            version = one.etag if kind.tells_versions else one.modified if kind.is_rich else ""
            what = one.change_type if one.change_type == "deleted" or not version else version
            if kind.names_items and oracle.key_of(one) in self.known and (one.item_id, what) not in stored:
                self.broken.append(f"acknowledged and not stored: {_named(one)}")


def of(week: Week, *, until: datetime) -> tuple[dict[str, int], list[str]]:
    """Return the figures of a week that ended at `until`, and the broken promises."""
    findings = Findings(week=week, until=until, known=oracle.acknowledged(week.sandbox))
    gaps = dict(_gaps(until=until))
    for kind in KINDS:
        findings.judge(kind, list(_rows(kind)), gaps[kind.resource])
    unaccepted = ChangeNotification.objects.exclude(state=ChangeNotification.State.ACCEPTED).count()
    if unaccepted:
        findings.broken.append(f"{unaccepted} notifications were not taken as genuine")
    return {**findings.figures, **week.figures}, findings.broken


def _rows(kind: Kind) -> Iterator[Row]:
    rows = ChangeNotification.objects.filter(
        subscription__resource=kind.resource, lifecycle_event=""
    ).select_related("content")
    for row in rows.iterator(2000):
        content = row.content.data if hasattr(row, "content") else {}
        yield Row(
            item_id=row.resource_id,
            change_type=row.change_type,
            origin=row.origin,
            etag=row.resource_data.get("@odata.etag", ""),
            modified=content.get("lastModifiedDateTime", ""),
            received_at=row.received_at,
        )


def _key(kind: Kind, row: Row) -> Key:
    """Return what a stored notification says, as the oracle spells it."""
    is_dated = kind.tells_versions and row.change_type != "deleted"
    return kind.resource, row.item_id, row.change_type, row.etag if is_dated else ""


def _gaps(*, until: datetime) -> Iterator[tuple[str, list[Named]]]:
    """Yield what the report says, by resource."""
    output = io.StringIO()
    call_command("report_gaps", "--json", stdout=output)
    for history in json.loads(output.getvalue())["subscriptions"]:
        yield history["resource"], [_gap(one, until=until) for one in history["gaps"]]


def _gap(told: dict[str, Any], *, until: datetime) -> Named:
    ended_at = datetime.fromisoformat(told["ended_at"]) if told["ended_at"] else until
    return Named(
        cause=told["cause"],
        state=told["state"],
        began_by=min(datetime.fromisoformat(told["began_by"]), ended_at),
        span=Span(began_at=datetime.fromisoformat(told["began_at"]), ended_at=ended_at),
    )


def _span(spell: Spell) -> Span:
    return Span(began_at=spell.began_at, ended_at=spell.ends_at)


def _holds(span: Span, other: Span) -> bool:
    return span.began_at - NEAR <= other.began_at and other.ended_at <= span.ended_at + NEAR


def _contains(span: Span, moment: datetime) -> bool:
    return span.began_at - NEAR <= moment <= span.ended_at + NEAR


def _is_covered(span: Span, by: Sequence[Span]) -> bool:
    at = span.began_at + NEAR
    for other in sorted(by, key=lambda one: one.began_at):
        if other.began_at <= at:
            at = max(at, other.ended_at)
    return at >= span.ended_at - NEAR


def _minutes(spans: Sequence[Span] | Iterator[Span]) -> int:
    return round(sum(((span.ended_at - span.began_at) for span in spans), timedelta()) / timedelta(minutes=1))


def _named(made: Made) -> str:
    return (
        f"{made.kind.name} {made.item_id} {made.change_type} at {made.at:%d %H:%M:%S} (change {made.number})"
    )
