"""From a watched path to the collections whose delta queries tell its changes, and to the calls that begin them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from subscriptions.catalogue.deltas.kinds import DeltaKind
from subscriptions.catalogue.matching import entry_for
from subscriptions.catalogue.paths import normalise, shape

# A calendar view needs a window and allows one of five years. Recurring events are unfolded within it, so that a wide
# one is long to read. Source: event-delta.md (2026), user-list-calendarview.md (2026).
WINDOW_BEFORE = timedelta(days=31)
WINDOW_AFTER = timedelta(days=366)
# The window stays where it was when its token was made: it is laid anew this often.
WINDOW_LASTS = timedelta(days=30)
_IN_SEGMENT = "!$*+,;=:@'"
_IN_OPTION = "$'(),:"


@dataclass(frozen=True, kw_only=True)
class Collection:
    """What one delta query follows, by its path without `/delta`."""

    kind: DeltaKind
    path: str


@dataclass(frozen=True, kw_only=True)
class DeltaPlan:
    """How the changes of one watched path are found.

    `collections` are where to begin; where one of them holds folders, each folder found is followed as well. `only_id`
    is the one object of a directory collection that is watched. `selected` is the subscription's own `$select`.
    `limits` are sentences for staff about what will not be found, or found beyond what was asked for.
    """

    collections: tuple[Collection, ...]
    change_types: tuple[str, ...]
    only_id: str = ""
    selected: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()

    def folder(self, collection: Collection, folder_id: str) -> Collection:
        """Return what to follow for a mail folder that was found in `collection`."""
        return Collection(
            kind=DeltaKind.MESSAGES, path=f"{collection.path}/{quote(folder_id, safe=_IN_SEGMENT)}/messages"
        )

    def message(self, message_id: str) -> str:
        """Return the path at which a message is found, whatever its folder."""
        mailbox = self.collections[0].path.removesuffix("/mailFolders")
        return f"{mailbox}/messages/{quote(message_id, safe=_IN_SEGMENT)}?$select=id"

    def beginning(self, collection: Collection, *, now: datetime, since: datetime | None) -> str:
        """Return the path, with its options, of the first call.

        With `since`, all that is there is read, so that what was modified since then can be picked out. Without, the
        shortest way to a link that tells changes from `now` on: where Graph offers none, all has to be read too.
        """
        traits = collection.kind.traits
        options: dict[str, str] = {}
        if collection.kind == DeltaKind.EVENTS:
            options["startDateTime"] = _second(now - WINDOW_BEFORE)
            options["endDateTime"] = _second(now + WINDOW_AFTER)
        if traits.latest and since is None:
            options[traits.latest] = "latest"
        filters = [f"{traits.since} gt {_second(since or now)}"] if traits.since else []
        if self.only_id:
            quoted = self.only_id.replace("'", "''")
            filters.append(f"id eq '{quoted}'")
        if filters:
            options["$filter"] = " and ".join(filters)
        if collection.kind == DeltaKind.MEMBERS:
            options["$select"] = "id,members"
        elif traits.select:
            options["$select"] = ",".join(dict.fromkeys((*traits.select, *self.selected)))
        query = "&".join(f"{name}={quote(value, safe=_IN_OPTION)}" for name, value in options.items())
        return f"{collection.path}/delta{'?' if query else ''}{query}"


def plan_for(resource: str) -> DeltaPlan | None:
    """Return how the changes of a watched path are found by delta query, or None where Graph has none for it.

    Source: protocol notes on delta-query-overview.md (2026-05-14); the catalogue's delta paths.
    """
    entry = entry_for(resource)
    if entry is None or entry.delta_path is None:
        return None
    wanted = shape(normalise(resource))
    kind, collection, only_id = _begin(wanted.segments, entry.delta_path)
    limits = [kind.traits.limit] if kind.traits.limit else []
    if "filter" in wanted.options:
        limits.append("A delta query cannot apply the $filter: what is outside it is found as well.")
    return DeltaPlan(
        collections=(Collection(kind=kind, path=collection),),
        change_types=entry.change_types,
        only_id=only_id,
        selected=tuple(name.strip() for name in wanted.options.get("select", "").split(",") if name.strip()),
        limits=tuple(limits),
    )


def _begin(segments: tuple[str, ...], delta_path: str) -> tuple[DeltaKind, str, str]:
    """Return kind and path of the first collection, and the one object that is meant."""
    last = segments[-1].lower()
    if delta_path in ("/users/delta", "/groups/delta"):
        kind = DeltaKind.MEMBERS if last == "members" else _DIRECTORY[segments[0].lower()]
        return kind, f"/{segments[0].lower()}", segments[1] if len(segments) > 1 else ""
    if last == "events":
        return DeltaKind.EVENTS, _path(*segments[:-1], "calendarView"), ""
    if last == "messages" and len(segments) == len(("users", "id", "messages")):
        return DeltaKind.FOLDERS, _path(*segments[:-1], "mailFolders"), ""
    kind, end = next(found for begins, found in _OTHERS if begins(segments))
    return kind, _path(*segments, *end), ""


_Others = tuple[tuple[Callable[[tuple[str, ...]], bool], tuple[DeltaKind, tuple[str, ...]]], ...]
_DIRECTORY: Mapping[str, DeltaKind] = {"users": DeltaKind.USERS, "groups": DeltaKind.GROUPS}
_OTHERS: _Others = (
    (lambda path: path[0].lower() == "sites", (DeltaKind.LIST, ("items",))),
    (lambda path: path[0].lower() == "teams", (DeltaKind.CHANNEL, ())),
    (lambda path: path[-1].lower() == "root", (DeltaKind.DRIVE, ())),
    (lambda path: path[-1].lower() == "contacts", (DeltaKind.CONTACTS, ())),
    (lambda path: path[-1].lower() == "tasks", (DeltaKind.TASKS, ())),
    (lambda path: path[-1].lower() == "messages", (DeltaKind.MESSAGES, ())),
)


def _path(*segments: str) -> str:
    quoted = [quote(segment, safe=_IN_SEGMENT) for segment in segments]
    if quoted[:2] == ["users", "me"]:
        # How `shape` reads /me; Graph knows no user of that name.
        quoted[:2] = ["me"]
    return f"/{'/'.join(quoted)}"


def _second(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
