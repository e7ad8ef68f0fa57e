"""The kinds of item that can change, where each is seen, and how notifications spell it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from subscriptions.sandbox.paths import Canonical, canonical, lowered


@dataclass(frozen=True, kw_only=True)
class ItemKind:
    """One form of item path; `places` are the watched paths at which a change of it shows."""

    path: str
    odata_type: str
    style: str
    places: tuple[str, ...]


# Columns: item path | @odata.type | style | places (besides the item itself and the path above it).
# A number stands for any id; in a place it stands for the same id, and * for whichever.
_TABLE = """
users/0/mailFolders/1/messages/2 | #Microsoft.Graph.Message | outlook | users/0/messages
users/0/events/1 | #Microsoft.Graph.Event | outlook |
users/0/contacts/1 | #Microsoft.Graph.Contact | outlook |
users/0/contactFolders/1/contacts/2 | #Microsoft.Graph.Contact | outlook | users/0/contacts
users/0 | #Microsoft.Graph.User | outlook |
groups/0 | #Microsoft.Graph.Group | outlook |
groups/0/members/1 | #Microsoft.Graph.Group | outlook |
groups/0/owners/1 | #Microsoft.Graph.Group | outlook |
users/0/drive/items/1 | #Microsoft.Graph.DriveItem | container | users/0/drive/root
drives/0/items/1 | #Microsoft.Graph.DriveItem | container | drives/0/root
sites/0/lists/1/items/2 | #Microsoft.Graph.ListItem | container | sites/0/lists/1
teams/0/channels/1/messages/2 | #Microsoft.Graph.chatMessage | teams | teams/getAllMessages teams/allMessages
teams/0/channels/1/messages/2/replies/3 | #Microsoft.Graph.chatMessage | teams | \
teams/0/channels/1/messages teams/getAllMessages teams/allMessages
chats/0/messages/1 | #Microsoft.Graph.chatMessage | teams | chats/getAllMessages chats/allMessages \
users/*/chats/getAllMessages appCatalogs/teamsApps/*/installedToChats/getAllMessages
chats/0 | #Microsoft.Graph.chat | teams | users/*/chats appCatalogs/teamsApps/*/installedToChats
chats/0/members/1 | #Microsoft.Graph.aadUserConversationMember | teams | chats/getAllMembers \
appCatalogs/teamsApps/*/installedToChats/getAllMembers
teams/0 | #Microsoft.Graph.team | teams |
teams/0/channels/1 | #Microsoft.Graph.channel | teams | teams/getAllChannels
teams/0/channels/1/sharedWithTeams/2 | #Microsoft.Graph.sharedWithChannelTeamInfo | teams |
teams/0/members/1 | #Microsoft.Graph.aadUserConversationMember | teams | teams/getAllMembers
teams/0/channels/1/members/2 | #Microsoft.Graph.aadUserConversationMember | teams | \
teams/0/channels/getAllMembers teams/getAllChannels/getAllMembers
communications/presences/0 | #Microsoft.Graph.presence | teams |
communications/callRecords/0 | #microsoft.graph.callrecord | plain |
communications/onlineMeetings/0/meetingCallEvents/1 | #microsoft.graph.onlineMeeting | teams | \
communications/onlineMeetings
communications/onlineMeetings/0/transcripts/1 | #microsoft.graph.callTranscript | teams | \
communications/onlineMeetings/getAllTranscripts users/*/onlineMeetings/getAllTranscripts \
appCatalogs/teamsApps/*/installedToOnlineMeetings/getAllTranscripts
communications/onlineMeetings/0/recordings/1 | #microsoft.graph.callRecording | teams | \
communications/onlineMeetings/getAllRecordings users/*/onlineMeetings/getAllRecordings \
appCatalogs/teamsApps/*/installedToOnlineMeetings/getAllRecordings
communications/adhocCalls/0/transcripts/1 | #microsoft.graph.callTranscript | teams | \
communications/adhocCalls/getAllTranscripts users/*/adhocCalls/getAllTranscripts
communications/adhocCalls/0/recordings/1 | #microsoft.graph.callRecording | teams | \
communications/adhocCalls/getAllRecordings users/*/adhocCalls/getAllRecordings
copilot/users/0/interactionHistory/interactions/1 | #microsoft.graph.aiInteraction | teams | \
copilot/users/0/interactionHistory/getAllEnterpriseInteractions \
copilot/interactionHistory/getAllEnterpriseInteractions
copilot/users/0/onlineMeetings/1/aiInsights/2 | #microsoft.graph.callAiInsight | teams | \
copilot/users/0/onlineMeetings/getAllAiInsights
users/0/todo/lists/1/tasks/2 | #microsoft.graph.todoTask | plain |
security/alerts/0 | #microsoft.graph.alert | plain |
solutions/virtualEvents/events/0 | #microsoft.graph.virtualEvent | plain | \
solutions/virtualEvents/events/getEventsFromOrganizers/*
"""


def _kind(row: str) -> ItemKind:
    path, odata_type, style, places = (cell.strip() for cell in row.split("|"))
    return ItemKind(path=path, odata_type=odata_type, style=style, places=tuple(places.split()))


KINDS = tuple(_kind(row) for row in _TABLE.strip().splitlines())
_OTHER = ItemKind(path="", odata_type="#microsoft.graph.entity", style="plain", places=())


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing of the world, by the canonical path where it lives."""

    path: Canonical
    kind: ItemKind

    @property
    def id(self) -> str:
        """Return the item's own id."""
        return self.path[-1]

    def is_seen_at(self, watched: Canonical) -> bool:
        """Tell whether a subscription on the watched path hears of this item's changes."""
        wanted = lowered(watched)
        return any(_covers(place, wanted) for place in self._places)

    def spelled(self, watched: Canonical) -> str:
        """Return the path as a notification for the watched path prints it."""
        if self.kind.style == "container":
            return "/".join(watched)
        if self.kind.style == "outlook":
            pairs = [self.path[:2], self.path[-2:]] if len(self.path) > 2 else [self.path]  # noqa: PLR2004 - owner and item
            return "/".join(f"{name[:1].upper()}{name[1:]}/{key}" for name, key in pairs)
        if self.kind.style == "teams":
            return _with_brackets(self.path)
        return "/".join(self.path)

    @cached_property
    def _places(self) -> tuple[Canonical, ...]:
        ids = dict(_numbers(canonical(self.kind.path), self.path))
        elsewhere = (tuple(ids.get(part, part) for part in canonical(place)) for place in self.kind.places)
        return tuple(lowered(place) for place in (self.path, self.path[:-1], *elsewhere))


def item_at(path: Canonical) -> Item | None:
    """Return the item whose place of living has the form of this path, if that form is known."""
    for kind in KINDS:
        form = canonical(kind.path)
        if len(form) == len(path) and all(
            wanted.isdigit() or wanted.lower() == given.lower()
            for wanted, given in zip(form, path, strict=True)
        ):
            proper = tuple(
                given if wanted.isdigit() else wanted for wanted, given in zip(form, path, strict=True)
            )
            return Item(path=proper, kind=kind)
    return None


def unlisted_item(path: Canonical) -> Item:
    """Return an item of no particular kind: seen at its own path and at the one above."""
    return Item(path=path, kind=_OTHER)


def _numbers(form: Canonical, path: Canonical) -> Iterator[tuple[str, str]]:
    return ((name, key) for name, key in zip(form, path, strict=False) if name.isdigit())


def _covers(place: Canonical, wanted: Canonical) -> bool:
    return len(place) == len(wanted) and all(
        expected in ("*", given) for expected, given in zip(place, wanted, strict=True)
    )


def _with_brackets(path: Canonical) -> str:
    # Names and keys alternate, except that some paths begin with a bare namespace segment.
    lead = len(path) % 2
    pairs = zip(path[lead::2], path[lead + 1 :: 2], strict=True)
    return "/".join([*path[:lead], *(f"{name}('{key}')" for name, key in pairs)])
