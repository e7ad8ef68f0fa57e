"""Ten kinds of resources, and how they change."""

from dataclasses import dataclass
from random import Random

USER = "9c60f1e2-d57b-4a34-8e19-7b2d04c6a5f3"
TEAM, CHANNEL = "31b4c6f0-6f2e-4b0a-9c55-7f10b28dd3a1", "19:completeness@thread.tacv2"
# People and groups are there from the start.
MEMBERS = 40


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One sort of thing that is watched.

    `places` are the collections in which the items live. `has_delta` and `tells_versions` are what Microsoft's pages
    say: whether a delta query finds changes, and whether notifications carry an etag. `names_items` is False where a
    notification says only that something changed. `members` are items that are there from the start; where there are
    some, none are created.
    """

    name: str
    resource: str
    places: tuple[str, ...]
    change_types: tuple[str, ...] = ("created", "updated", "deleted")
    has_delta: bool = True
    tells_versions: bool = True
    names_items: bool = True
    is_rich: bool = False
    minutes: int | None = None
    members: tuple[str, ...] = ()


GROUPS = tuple(f"group-{number}" for number in range(MEMBERS))
KINDS = (
    Kind(
        name="message",
        resource=f"/users/{USER}/messages",
        places=(f"users/{USER}/mailFolders/inbox/messages", f"users/{USER}/mailFolders/archive/messages"),
    ),
    Kind(name="event", resource=f"/users/{USER}/events", places=(f"users/{USER}/events",)),
    Kind(name="contact", resource=f"/users/{USER}/contacts", places=(f"users/{USER}/contacts",), minutes=90),
    Kind(name="user", resource="/users", places=("users",), change_types=("updated",), members=("",)),
    Kind(name="group", resource="/groups", places=("groups",), change_types=("updated",), members=GROUPS),
    Kind(
        name="file",
        resource="/drives/drive-1/root",
        places=("drives/drive-1/items",),
        change_types=("updated",),
        names_items=False,
    ),
    Kind(
        name="list item",
        resource="/sites/site-1/lists/list-1",
        places=("sites/site-1/lists/list-1/items",),
        change_types=("updated",),
        names_items=False,
    ),
    Kind(
        name="channel message",
        resource=f"/teams/{TEAM}/channels/{CHANNEL}/messages",
        places=(f"teams/{TEAM}/channels/{CHANNEL}/messages",),
        tells_versions=False,
        is_rich=True,
    ),
    Kind(
        name="chat message",
        resource="/chats/19:chat@unq.gbl.spaces/messages",
        places=("chats/19:chat@unq.gbl.spaces/messages",),
        has_delta=False,
        tells_versions=False,
        minutes=90,
    ),
    Kind(
        name="call record",
        resource="/communications/callRecords",
        places=("communications/callRecords",),
        change_types=("created", "updated"),
        has_delta=False,
        tells_versions=False,
        minutes=120,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What is to happen to an item."""

    kind: Kind
    path: str
    change_type: str


class Life:
    """Invents what happens to the items of one kind, so that each step makes sense after those before it."""

    def __init__(self, kind: Kind, chance: Random, *, members: tuple[str, ...] = ()) -> None:
        self._kind = kind
        self._chance = chance
        self._numbers = 0
        self._alive = [f"{kind.places[0]}/{name}" for name in members]
        self._updated: set[str] = set()

    def next(self) -> Step:
        """Return the next step."""
        kind, chance = self._kind, self._chance
        if kind.members:
            return Step(kind=kind, path=chance.choice(self._alive), change_type="updated")
        open_for_update = [path for path in self._alive if kind.tells_versions or path not in self._updated]
        fate = chance.random()
        if fate < 0.3 and open_for_update:
            path = chance.choice(open_for_update[-200:])
            self._updated.add(path)
            return Step(kind=kind, path=path, change_type="updated")
        if fate < 0.4 and self._alive and "deleted" in kind.change_types:
            path = self._alive.pop(chance.randrange(len(self._alive)))
            return Step(kind=kind, path=path, change_type="deleted")
        self._numbers += 1
        path = f"{chance.choice(kind.places)}/{kind.name.replace(' ', '-')}-{self._numbers}"
        self._alive.append(path)
        # Of what is in a drive or list, Graph says nothing but that something was updated.
        return Step(
            kind=kind, path=path, change_type="created" if "created" in kind.change_types else "updated"
        )
