"""What is watched in the simulated month: resources of every lifetime, of several apps and of signed-in users."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One sort of subscription. `weight` is its share; `minutes` are lives to choose from, none = the longest."""

    resource: str
    weight: int
    change_type: str = "updated"
    is_rich: bool = False
    is_delegated: bool = False
    minutes: tuple[int, ...] = ()


# The lives at Graph reach from an hour to a month.
KINDS = (
    Kind(resource="/communications/presences/{id}", weight=4, is_delegated=True),
    Kind(resource="/me/todo/lists/{id}/tasks", weight=12, is_delegated=True),
    Kind(resource="/teams/{id}/schedule/shifts", weight=10, change_type="created,updated"),
    Kind(resource="/users/{id}/contacts", weight=10, minutes=(60, 120, 300, 900, 3_000)),
    Kind(resource="/users/{id}/messages?$select=subject", weight=40, change_type="created", is_rich=True),
    Kind(resource="/solutions/virtualEvents/webinars/{id}", weight=20),
    Kind(resource="/chats/{id}/messages", weight=60, change_type="created", is_rich=True),
    Kind(resource="/print/printers/{id}/jobs", weight=40),
    Kind(resource="/users/{id}/events", weight=74, change_type="created,updated,deleted"),
    Kind(resource="/users/{id}/messages", weight=80, change_type="created,updated"),
    Kind(resource="/users/{id}", weight=60, change_type="updated,deleted"),
    Kind(resource="/drives/{id}/root", weight=60),
    Kind(resource="/security/alerts/{id}", weight=30),
)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One subscription to be."""

    kind: Kind
    resource: str
    minutes: int | None


def choose(count: int, *, chance: Random) -> Iterator[Wish]:
    """Yield `count` wishes, each kind by its share and at least once if there is room."""
    whole = sum(kind.weight for kind in KINDS)
    shares = [kind for kind in KINDS for _ in range(max(round(kind.weight * count / whole), 1))]
    rest = chance.choices(KINDS, [kind.weight for kind in KINDS], k=max(count - len(shares), 0))
    for kind in [*shares, *rest][:count]:
        identifier = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        yield Wish(
            kind=kind,
            resource=kind.resource.format(id=identifier),
            minutes=chance.choice(kind.minutes) if kind.minutes else None,
        )
