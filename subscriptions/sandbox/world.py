"""What exists behind the subscriptions, and its changes, from which delta queries are answered."""

import itertools
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from subscriptions.sandbox import identifiers
from subscriptions.sandbox.items import Item, item_at
from subscriptions.sandbox.paths import Canonical, lowered
from subscriptions.sandbox.places import Places
from subscriptions.sandbox.tenants import Tenants


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change of one item; `content` is the item as it is after the change."""

    number: int
    tenant_id: str
    item: Item
    change_type: str
    content: Mapping[str, object] = field(repr=False)
    at: datetime


class World:
    """All items and their changes; safe to use from several threads."""

    def __init__(self, tenants: Tenants, places: Places) -> None:
        self._tenants = tenants
        self._places = places
        self._lock = threading.Lock()
        self._latest: dict[tuple[str, Canonical], Change] = {}
        self._lasting: dict[str, str] = {}  # immutable id -> the id under which the item is kept
        self._folders: dict[tuple[str, Canonical], tuple[int, str]] = {}
        self._messages: dict[
            tuple[str, str, str], tuple[str, Canonical]
        ] = {}  # in which folder each was last
        self._numbers = itertools.count(1)

    def locate(self, path: Canonical, change_type: str, *, tenant_id: str, identifier: str = "") -> Item:
        """Return the item that a path names.

        For the path of a collection that is the item with `identifier`, else a new one where something was
        created, else the item that changed last.

        Raises:
            ValueError: nothing can live at this path.
        """
        path = self._settled(path)
        known = item_at(path)
        if known:
            return known
        sample = item_at((*path, "0"))
        if sample is None:
            raise ValueError(f"nothing that can change lives at {'/'.join(path)}")
        item = Item(path=(*path, identifier or self._new_identifier(sample)), kind=sample.kind)
        if not identifier and change_type != "created" and item.kind.style != "container":
            return self._last_in(path, tenant_id) or item
        return item

    def record(
        self, item: Item, change_type: str, content: Mapping[str, object], *, tenant_id: str, now: datetime
    ) -> Change:
        """Let an item change and remember it."""
        key = (tenant_id, lowered(item.path))
        with self._lock:
            before = self._latest.get(key)
            kept = before.content if before and before.change_type != "deleted" else {}
            change = Change(
                number=next(self._numbers),
                tenant_id=tenant_id,
                item=item,
                change_type=change_type,
                content=MappingProxyType({**kept, **content, "id": item.id}),
                at=now,
            )
            self._latest[key] = change
            if item.kind.type_name == "Message":
                folder = lowered(item.path[:4])
                if change_type != "deleted":
                    self._messages[tenant_id, item.path[1].lower(), item.id.lower()] = key
                self._folders.setdefault((tenant_id, folder), (change.number, item.path[3]))
            if item.is_in_mailbox:
                self._lasting[identifiers.immutable(item.id)] = item.id
        return change

    def content(self, path: Canonical, tenant_id: str) -> Mapping[str, object] | None:
        """Return an item as it is now, or None if there is none or it was deleted."""
        settled = lowered(self._settled(path))
        is_message = len(path) == len(("users", "id", "messages", "id")) and path[2].lower() == "messages"
        with self._lock:
            key = (tenant_id, settled)
            if is_message:
                key = self._messages.get((tenant_id, settled[1], settled[-1]), key)
            found = self._latest.get(key)
        return found.content if found and found.change_type != "deleted" else None

    def changed_since(
        self, watched: Canonical, number: int, tenant_id: str, *, deeper: frozenset[str] = frozenset()
    ) -> list[Change]:
        """Return the last change of each item seen at a path, if later than `number`; oldest first.

        `deeper` names collections of these items whose own items count too.
        """
        with self._lock:
            latest = [change for (tenant, _), change in self._latest.items() if tenant == tenant_id]
        above = lowered(watched)
        seen = [
            change
            for change in latest
            if change.number > number
            and (
                change.item.is_seen_at(watched)
                or (lowered(change.item.path[:-3]) == above and change.item.path[-2].lower() in deeper)
            )
        ]
        return sorted(seen, key=lambda change: change.number)

    def folders(self, collection: Canonical, tenant_id: str) -> list[tuple[int, str]]:
        """Return the inbox and each folder in which something happened, with the number of what happened first."""
        above = lowered(collection)
        with self._lock:
            found = [(1, "inbox")]
            found += [
                known
                for (tenant, path), known in self._folders.items()
                if (tenant, path[:-1]) == (tenant_id, above) and path[-1] != "inbox"
            ]
        return sorted(found)

    def last_number(self) -> int:
        """Return the number of the last change, 0 before the first."""
        with self._lock:
            return max((change.number for change in self._latest.values()), default=0)

    def _last_in(self, collection: Canonical, tenant_id: str) -> Item | None:
        above = lowered(collection)
        alive = [
            change
            for change in self.changed_since(collection, 0, tenant_id)
            if lowered(change.item.path[:-1]) == above and change.change_type != "deleted"
        ]
        return alive[-1].item if alive else None

    def _settled(self, path: Canonical) -> Canonical:
        home = self._places.home(self._tenants.resolved(path))
        with self._lock:
            return (*home[:-1], self._lasting.get(home[-1], home[-1])) if home else home

    def _new_identifier(self, sample: Item) -> str:
        # Who is present is a person, not a new thing.
        is_person = sample.kind.type_name == "presence"
        return self._places.user_id if is_person else identifiers.new(sample.kind.type_name)
