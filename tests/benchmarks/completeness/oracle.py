"""What happened at Graph, from the stand-in's own record: what was delivered, and which wish was alive when."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from subscriptions.sandbox import Sandbox
from tests.benchmarks.completeness.kinds import KINDS, Kind
from tests.benchmarks.completeness.play import Made, items_of

# Resource, item, change type, and version where notifications tell it.
Key = tuple[str, str, str, str]


@dataclass(frozen=True, kw_only=True)
class Span:
    """From a time to a time."""

    began_at: datetime
    ended_at: datetime

    def overlaps(self, other: "Span") -> bool:
        """Say whether both have a moment in common."""
        return self.began_at <= other.ended_at and other.began_at <= self.ended_at


def key_of(made: Made) -> Key:
    """Return what a notification of a change says of it."""
    kind = made.kind
    etag = made.etag if kind.tells_versions else ""
    return kind.resource, made.item_id, made.change_type, etag


def acknowledged(sandbox: Sandbox) -> set[Key]:
    """Return of which changes Graph got a 2xx in time."""
    kinds = {kind.resource: kind for kind in KINDS}
    resources = {event.subscription.id: event.subscription.resource for event in sandbox.history}
    found: set[Key] = set()
    for delivery in sandbox.deliveries:
        if not delivery.is_accepted:
            continue
        for item in items_of(delivery):
            kind = kinds[resources[item["subscriptionId"]]]
            if "changeType" in item and kind.names_items:
                data = item["resourceData"]
                is_plain = item["changeType"] == "deleted" or not kind.tells_versions
                etag = "" if is_plain else data.get("@odata.etag", "")
                found.add((kind.resource, data["id"], item["changeType"], etag))
    return found


def dead_times(sandbox: Sandbox, kind: Kind, *, until: datetime) -> list[Span]:
    """Return when no subscription for a kind was alive, from its first creation on."""
    lives = sorted(_lives(sandbox, kind), key=lambda span: span.began_at)
    found = []
    end = lives[0].ended_at
    for life in lives[1:]:
        if life.began_at > end:
            found.append(Span(began_at=end, ended_at=life.began_at))
        end = max(end, life.ended_at)
    if end < until:
        found.append(Span(began_at=end, ended_at=until))
    return found


def _lives(sandbox: Sandbox, kind: Kind) -> Iterator[Span]:
    events = defaultdict(list)
    for event in sandbox.history:
        if event.subscription.resource == kind.resource:
            events[event.subscription.id].append(event)
    for story in events.values():
        last = story[-1]
        ended_at = last.at if last.what == "removed" else last.subscription.expires_at
        yield Span(began_at=story[0].at, ended_at=min(ended_at, last.subscription.expires_at))


def lost(made: Sequence[Made], known: set[Key], kind: Kind) -> list[Made]:
    """Return the changes of a kind that the webhook was not told."""
    return [one for one in made if one.kind is kind and key_of(one) not in known]
