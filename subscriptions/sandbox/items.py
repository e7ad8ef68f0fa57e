"""The kinds of item that can change, where each is seen, and how notifications name it.

Source: the samples of the feature guides that https://learn.microsoft.com/graph/change-notifications-overview
(2026) links to. Microsoft prints none for Shifts, approvals, group conversations, health alerts, attendance
reports, recordings of virtual events and To Do: those follow the form of their neighbours.
"""

import re
from dataclasses import dataclass
from functools import cached_property

from subscriptions.sandbox.paths import Canonical, canonical, lowered

_NUMBER = re.compile(r"\b\d\b")


@dataclass(frozen=True, kw_only=True)
class ItemKind:
    """One form of item path; `places` are the watched paths at which a change of it shows.

    `style` is "outlook" (etag, and an id of the notification where there is no content), "teams" (expiry in
    the time of Redmond), "container" (tells that something changed, not what), "membership" (speaks of the
    group and tells who came or went), "event" (the id is the whole path) or "plain".
    """

    path: str
    odata_type: str
    style: str
    resource: str
    odata_id: str
    places: tuple[str, ...]

    @cached_property
    def form(self) -> Canonical:
        """Return the segments of the path, in which digits stand for ids."""
        return canonical(self.path)

    @property
    def type_name(self) -> str:
        """Return the @odata.type without its namespace."""
        return self.odata_type.rpartition(".")[2]


# Columns: item path | @odata.type | style | name | places (besides the item itself and the path above it).
# A number stands for any id; in names and places it stands for the same id, and * for whichever. The name is
# that of the resource, then that of @odata.id if it differs; @ = the path as it was subscribed to.
_TABLE = """
users/0/mailFolders/1/messages/2 | #Microsoft.Graph.Message | outlook | Users/0/Messages/2 | users/0/messages
users/0/events/1 | #Microsoft.Graph.Event | outlook | Users/0/Events/1 |
users/0/contacts/1 | #Microsoft.Graph.Contact | outlook | Users/0/Contacts/1 |
users/0/contactFolders/1/contacts/2 | #Microsoft.Graph.Contact | outlook | Users/0/Contacts/2 | users/0/contacts
users/0 | #Microsoft.Graph.User | outlook | Users/0 |
groups/0 | #Microsoft.Graph.Group | outlook | Groups/0 |
groups/0/members/1 | #Microsoft.Graph.Group | membership | Groups/0 |
groups/0/owners/1 | #Microsoft.Graph.Group | membership | Groups/0 |
groups/0/conversations/1 | #Microsoft.Graph.Conversation | outlook | Groups/0/Conversations/1 |
users/0/drive/items/1 | #Microsoft.Graph.DriveItem | container | @ | users/0/drive/root
drives/0/items/1 | #Microsoft.Graph.DriveItem | container | @ | drives/0/root
sites/0/lists/1/items/2 | #Microsoft.Graph.ListItem | container | @ | sites/0/lists/1
teams/0/channels/1/messages/2 | #Microsoft.Graph.chatMessage | teams | \
teams('0')/channels('1')/messages('2') | teams/getAllMessages teams/allMessages
teams/0/channels/1/messages/2/replies/3 | #Microsoft.Graph.chatMessage | teams | \
teams('0')/channels('1')/messages('2')/replies('3') | \
teams/0/channels/1/messages teams/getAllMessages teams/allMessages
chats/0/messages/1 | #Microsoft.Graph.chatMessage | teams | chats('0')/messages('1') | \
chats/getAllMessages chats/allMessages users/*/chats/getAllMessages \
appCatalogs/teamsApps/*/installedToChats/getAllMessages
chats/0 | #Microsoft.Graph.chat | teams | chats('0') | \
users/*/chats appCatalogs/teamsApps/*/installedToChats
chats/0/members/1 | #Microsoft.Graph.aadUserConversationMember | teams | chats('0')/members('1') | \
chats/getAllMembers appCatalogs/teamsApps/*/installedToChats/getAllMembers
teams/0 | #Microsoft.Graph.team | teams | teams('0') |
teams/0/channels/1 | #Microsoft.Graph.channel | teams | teams('0')/channels('1') | teams/getAllChannels
teams/0/channels/1/sharedWithTeams/2 | #Microsoft.Graph.sharedWithChannelTeamInfo | teams | \
teams('0')/channels('1')/sharedWithTeams('2') |
teams/0/members/1 | #Microsoft.Graph.aadUserConversationMember | teams | teams('0')/members('1') | \
teams/getAllMembers
teams/0/channels/1/members/2 | #Microsoft.Graph.aadUserConversationMember | teams | \
teams('0')/channels('1')/members('2') | teams/0/channels/getAllMembers teams/getAllChannels/getAllMembers
appCatalogs/teamsApps/0/installations/1 | #Microsoft.Graph.teamsAppInstallation | teams | \
appCatalogs/teamsApps('0')/installations('1') |
teams/0/schedule/shifts/1 | #Microsoft.Graph.shift | teams | teams('0')/schedule/shifts('1') |
teams/0/schedule/offerShiftRequests/1 | #Microsoft.Graph.offerShiftRequest | teams | \
teams('0')/schedule/offerShiftRequests('1') |
teams/0/schedule/openShiftChangeRequests/1 | #Microsoft.Graph.openShiftChangeRequest | teams | \
teams('0')/schedule/openShiftChangeRequests('1') |
teams/0/schedule/swapShiftsChangeRequests/1 | #Microsoft.Graph.swapShiftsChangeRequest | teams | \
teams('0')/schedule/swapShiftsChangeRequests('1') |
teams/0/schedule/timeOffRequests/1 | #Microsoft.Graph.timeOffRequest | teams | \
teams('0')/schedule/timeOffRequests('1') |
communications/presences/0 | #microsoft.graph.presence | plain | communications/presences/0 users/0/presence |
communications/callRecords/0 | #microsoft.graph.callrecord | plain | communications/callRecords/0 |
communications/onlineMeetings/0/meetingCallEvents/1 | #microsoft.graph.onlineMeeting | event | @ | \
communications/onlineMeetings
communications/onlineMeetings/0/transcripts/1 | #Microsoft.Graph.callTranscript | teams | \
communications/onlineMeetings('0')/transcripts('1') | \
communications/onlineMeetings/getAllTranscripts users/*/onlineMeetings/getAllTranscripts \
appCatalogs/teamsApps/*/installedToOnlineMeetings/getAllTranscripts
communications/onlineMeetings/0/recordings/1 | #Microsoft.Graph.callRecording | teams | \
communications/onlineMeetings('0')/recordings('1') | \
communications/onlineMeetings/getAllRecordings users/*/onlineMeetings/getAllRecordings \
appCatalogs/teamsApps/*/installedToOnlineMeetings/getAllRecordings
communications/adhocCalls/0/transcripts/1 | #Microsoft.Graph.callTranscript | teams | \
communications/adhocCalls('0')/transcripts('1') | \
communications/adhocCalls/getAllTranscripts users/*/adhocCalls/getAllTranscripts
communications/adhocCalls/0/recordings/1 | #Microsoft.Graph.callRecording | teams | \
communications/adhocCalls('0')/recordings('1') | \
communications/adhocCalls/getAllRecordings users/*/adhocCalls/getAllRecordings
communications/calls/getEmergencyEventsByPolicy/0/events/1 | #microsoft.graph.emergencyCallEvent | plain | @ | \
communications/calls/getEmergencyEventsByPolicy/0
users/0/communications/callEvents/1 | #microsoft.graph.callEvent | plain | @ |
copilot/users/0/interactionHistory/interactions/1 | #Microsoft.Graph.aiInteraction | teams | \
copilot/interactionHistory/interactions('1') | copilot/users/0/interactionHistory/getAllEnterpriseInteractions \
copilot/interactionHistory/getAllEnterpriseInteractions
copilot/users/0/onlineMeetings/1/aiInsights/2 | #Microsoft.Graph.callAiInsight | teams | \
copilot/users/0/onlineMeetings/1/aiInsights/2 | copilot/users/0/onlineMeetings/getAllAiInsights
solutions/virtualEvents/webinars/0 | #microsoft.graph.virtualEvent | event | \
@ solutions/virtualEvents/webinars/0 | \
solutions/virtualEvents/events solutions/virtualEvents/events/getEventsFromOrganizers/*
solutions/virtualEvents/webinars/0/sessions/1 | #microsoft.graph.virtualEventSession | event | \
@ solutions/virtualEvents/webinars/0/sessions/1 |
solutions/virtualEvents/webinars/0/registrations/1 | #microsoft.graph.virtualEventRegistration | event | \
@ solutions/virtualEvents/webinars/0/registrations/1 |
solutions/virtualEvents/webinars/0/sessions/1/attendanceReports/2 | #microsoft.graph.meetingAttendanceReport | \
event | @ solutions/virtualEvents/webinars/0/sessions/1/attendanceReports/2 | \
solutions/virtualEvents/webinars/0/getAttendanceReports
solutions/virtualEvents/townhalls/0 | #microsoft.graph.virtualEvent | event | \
@ solutions/virtualEvents/townhalls/0 | \
solutions/virtualEvents/events solutions/virtualEvents/events/getEventsFromOrganizers/*
solutions/virtualEvents/townhalls/0/sessions/1 | #microsoft.graph.virtualEventSession | event | \
@ solutions/virtualEvents/townhalls/0/sessions/1 |
solutions/virtualEvents/townhalls/0/sessions/1/attendanceReports/2 | #microsoft.graph.meetingAttendanceReport | \
event | @ solutions/virtualEvents/townhalls/0/sessions/1/attendanceReports/2 | \
solutions/virtualEvents/townhalls/0/getAttendanceReports
solutions/virtualEvents/0/1/getVideoOnDemandPublication | #microsoft.graph.virtualEvent | event | \
@ solutions/virtualEvents/0/1 |
solutions/approval/approvalItems/0 | #microsoft.graph.approvalItem | plain | solutions/approval/approvalItems/0 |
users/0/todo/lists/1/tasks/2 | #microsoft.graph.todoTask | plain | users/0/todo/lists/1/tasks/2 |
users/0/tasks/lists/1/tasks/2 | #microsoft.graph.baseTask | plain | users/0/tasks/lists/1/tasks/2 |
security/alerts/0 | #microsoft.graph.alert | plain | security/alerts/0 |
reports/healthMonitoring/alerts/0 | #microsoft.graph.healthMonitoring.alert | plain | \
reports/healthMonitoring/alerts/0 |
print/printers/0/jobs/1 | #microsoft.graph.printJob | plain | print/printers/0/jobs/1 |
print/taskDefinitions/0/tasks/1 | #microsoft.graph.printTask | plain | print/taskDefinitions/0/tasks/1 | \
print/printtaskdefinition/0/tasks
"""


def _kind(row: str) -> ItemKind:
    path, odata_type, style, name, places = (cell.strip() for cell in row.split("|"))
    resource, _, odata_id = name.partition(" ")
    return ItemKind(
        path=path,
        odata_type=odata_type,
        style=style,
        resource=resource,
        odata_id=odata_id or resource,
        places=tuple(places.split()),
    )


KINDS = tuple(_kind(row) for row in _TABLE.strip().splitlines())


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing of the world, by the canonical path where it lives."""

    path: Canonical
    kind: ItemKind

    @property
    def id(self) -> str:
        """Return the item's own id: the last one in its path."""
        return self._ids[max(self._ids)]

    @property
    def is_in_mailbox(self) -> bool:
        """Tell whether Outlook keeps the item, so that it has an immutable id too."""
        return (
            self.kind.style == "outlook" and self.kind.form[0] == "users" and self.kind.form != ("users", "0")
        )

    def is_seen_at(self, watched: Canonical) -> bool:
        """Tell whether a subscription on the watched path hears of this item's changes."""
        wanted = lowered(watched)
        return any(_covers(place, wanted) for place in self.places)

    def named(self, template: str, *, watched: str, identifier: str) -> str:
        """Return a name of the kind's table, with `identifier` in the place of the item's own id.

        `watched` is the path as it was subscribed to.
        """
        ids = {**self._ids, max(self._ids): identifier}
        return watched if template == "@" else _NUMBER.sub(lambda match: ids[match[0]], template)

    @cached_property
    def _ids(self) -> dict[str, str]:
        pairs = zip(self.kind.form, self.path, strict=True)
        return {wanted: given for wanted, given in pairs if wanted.isdigit()}

    @cached_property
    def places(self) -> tuple[Canonical, ...]:
        """Return the paths at which changes of it show, in lower case; * stands for any segment."""
        ids = self._ids
        elsewhere = (tuple(ids.get(part, part) for part in canonical(place)) for place in self.kind.places)
        return tuple(lowered(place) for place in (self.path, self.path[:-1], *elsewhere))


def item_at(path: Canonical) -> Item | None:
    """Return the item whose place of living has the form of this path, if that form is known."""
    for kind in KINDS:
        if len(kind.form) == len(path) and all(
            wanted.isdigit() or wanted.lower() == given.lower()
            for wanted, given in zip(kind.form, path, strict=True)
        ):
            proper = tuple(
                given if wanted.isdigit() else wanted for wanted, given in zip(kind.form, path, strict=True)
            )
            return Item(path=proper, kind=kind)
    return None


def _covers(place: Canonical, wanted: Canonical) -> bool:
    return len(place) == len(wanted) and all(
        expected in ("*", given) for expected, given in zip(place, wanted, strict=True)
    )
