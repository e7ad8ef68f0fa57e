"""What exists behind the subscriptions, and its changes, from which delta queries are answered."""

import itertools
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from subscriptions.sandbox.items import Item, item_at, unlisted_item
from subscriptions.sandbox.paths import Canonical, canonical, fits, lowered
from subscriptions.sandbox.rules import rule_for
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


@dataclass(frozen=True, kw_only=True)
class Places:
    """The team, channel and chat in which things happen that are watched for the whole tenant."""

    team_id: str
    channel_id: str
    chat_id: str
    meeting_id: str

    def home(self, path: Canonical) -> Canonical:
        """Return the collection where items live that are watched at this path."""
        for watched, home in _HOMES:
            if fits(path[: len(watched)], watched):
                ids = {"team": self.team_id, "channel": self.channel_id, "chat": self.chat_id}
                ids |= {"meeting": self.meeting_id, "first": path[1] if len(path) > 1 else ""}
                return (*(segment.format_map(ids) for segment in home), *path[len(watched) :])
        return path


_HOMES = [
    (canonical(watched), canonical(home))
    for watched, home in (
        ("users/{}/messages", "users/{first}/mailFolders/inbox/messages"),
        ("users/{}/drive/root", "users/{first}/drive/items"),
        ("drives/{}/root", "drives/{first}/items"),
        ("teams/getAllMessages", "teams/{team}/channels/{channel}/messages"),
        ("teams/allMessages", "teams/{team}/channels/{channel}/messages"),
        ("teams/getAllChannels/getAllMembers", "teams/{team}/channels/{channel}/members"),
        ("teams/getAllChannels", "teams/{team}/channels"),
        ("teams/getAllMembers", "teams/{team}/members"),
        ("teams/{}/channels/getAllMembers", "teams/{first}/channels/{channel}/members"),
        ("chats/getAllMessages", "chats/{chat}/messages"),
        ("chats/allMessages", "chats/{chat}/messages"),
        ("chats/getAllMembers", "chats/{chat}/members"),
        ("users/{}/chats/getAllMessages", "chats/{chat}/messages"),
        ("users/{}/chats", "chats"),
        ("appCatalogs/teamsApps/{}/installedToChats/getAllMessages", "chats/{chat}/messages"),
        ("appCatalogs/teamsApps/{}/installedToChats/getAllMembers", "chats/{chat}/members"),
        ("appCatalogs/teamsApps/{}/installedToChats", "chats"),
        (
            "communications/onlineMeetings/getAllTranscripts",
            "communications/onlineMeetings/{meeting}/transcripts",
        ),
        ("users/{}/onlineMeetings/getAllTranscripts", "communications/onlineMeetings/{meeting}/transcripts"),
        (
            "appCatalogs/teamsApps/{}/installedToOnlineMeetings/getAllTranscripts",
            "communications/onlineMeetings/{meeting}/transcripts",
        ),
        (
            "communications/onlineMeetings/getAllRecordings",
            "communications/onlineMeetings/{meeting}/recordings",
        ),
        ("users/{}/onlineMeetings/getAllRecordings", "communications/onlineMeetings/{meeting}/recordings"),
        (
            "appCatalogs/teamsApps/{}/installedToOnlineMeetings/getAllRecordings",
            "communications/onlineMeetings/{meeting}/recordings",
        ),
        ("communications/adhocCalls/getAllTranscripts", "communications/adhocCalls/{meeting}/transcripts"),
        ("users/{}/adhocCalls/getAllTranscripts", "communications/adhocCalls/{meeting}/transcripts"),
        ("communications/adhocCalls/getAllRecordings", "communications/adhocCalls/{meeting}/recordings"),
        ("users/{}/adhocCalls/getAllRecordings", "communications/adhocCalls/{meeting}/recordings"),
    )
]
_LISTS = canonical("sites/{}/lists/{}")


class World:
    """All items and their changes; safe to use from several threads."""

    def __init__(self, tenants: Tenants, places: Places) -> None:
        self._tenants = tenants
        self._places = places
        self._lock = threading.Lock()
        self._latest: dict[tuple[str, Canonical], Change] = {}
        self._numbers = itertools.count(1)

    def locate(self, path: Canonical, change_type: str, *, tenant_id: str, identifier: str = "") -> Item:
        """Return the item that a path names.

        For the path of a collection that is the item with `identifier`, else a new one where something was
        created, else the item that changed last.
        """
        path = self._settled(path)
        known = item_at(path)
        if known:
            return known
        rule = rule_for("/".join(path))
        if rule and rule.pattern[-1] == "{}" and not fits(path, _LISTS):
            return unlisted_item(path)
        item = _within(path, identifier or _new_id(path))
        if not identifier and change_type != "created" and item.kind.style != "container":
            return self._last_in(item.path[:-1], tenant_id) or item
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
        return change

    def content(self, path: Canonical, tenant_id: str) -> Mapping[str, object] | None:
        """Return an item as it is now, or None if there is none or it was deleted."""
        with self._lock:
            found = self._latest.get((tenant_id, lowered(self._settled(path))))
        return found.content if found and found.change_type != "deleted" else None

    def changed_since(self, watched: Canonical, number: int, tenant_id: str) -> list[Change]:
        """Return the last change of each item seen at a path, if later than `number`; oldest first."""
        with self._lock:
            latest = [change for (tenant, _), change in self._latest.items() if tenant == tenant_id]
        seen = [change for change in latest if change.number > number and change.item.is_seen_at(watched)]
        return sorted(seen, key=lambda change: change.number)

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
        return self._places.home(self._tenants.resolved(path))


def _within(path: Canonical, identifier: str) -> Item:
    below = (*path, "items") if fits(path, _LISTS) else path
    inside = (*below, identifier)
    return item_at(inside) or unlisted_item(inside)


def _new_id(path: Canonical) -> str:
    if path[0].lower() == "users" and len(path) > 2:  # noqa: PLR2004 - something in a mailbox
        return f"AAMkAD{uuid.uuid4().hex}"
    if path[-1].lower() == "messages":
        return str(1_794_800_000_000 + uuid.uuid4().int % 1_000_000_000)
    return str(uuid.uuid4())
