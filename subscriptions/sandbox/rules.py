"""What Graph allows for each kind of resource that can be watched.

Source: https://learn.microsoft.com/graph/api/resources/subscription (2026-09-17),
https://learn.microsoft.com/graph/api/subscription-post-subscriptions (2026-05-05) and the feature guides
that they link to.
"""

from dataclasses import dataclass
from datetime import timedelta

from subscriptions.sandbox.paths import Canonical, canonical, fits, split_query

MINIMUM_LIFE = timedelta(minutes=45)
LIFE_WITHOUT_LIFECYCLE_URL = timedelta(hours=1)
_ALL_CHANGES = {"c": "created", "u": "updated", "d": "deleted"}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What holds for all paths that watch one type of resource; lifetimes are minutes, None = not offered."""

    max_minutes: int | None
    max_minutes_rich: int | None = None
    needs_lifecycle_url: bool = False
    select: str = "free"  # with resource data: "required", "refused" or "free"
    style: str = "plain"  # how notifications name the item: "outlook", "teams", "container" or "plain"
    quota: int | None = None  # subscriptions of one app on one such path
    tenant_quota: int | None = None  # subscriptions of one app in one tenant on all paths of this kind
    takes_query_options: bool = False  # notificationQueryOptions


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One path that can be watched; a permission set of None means that the documentation is silent."""

    path: str
    pattern: Canonical
    resource_type: str
    kind: Kind
    change_types: frozenset[str]
    delegated: frozenset[str] | None
    application: frozenset[str] | None
    is_beta_only: bool
    query_flag: str

    def longest_life(self, *, is_rich: bool) -> timedelta | None:
        """Return the longest life of a subscription, or None where that form is not offered."""
        minutes = self.kind.max_minutes_rich if is_rich else self.kind.max_minutes
        return None if minutes is None else timedelta(minutes=minutes)


_OUTLOOK = Kind(max_minutes=10_080, max_minutes_rich=1_440, select="required", style="outlook")
_DIRECTORY = Kind(max_minutes=41_760, style="outlook", tenant_quota=100)
_DRIVE = Kind(max_minutes=42_300, style="container")
_TEAMS = Kind(max_minutes=4_320, max_minutes_rich=4_320, needs_lifecycle_url=True, style="teams", quota=1)
_TEAMS_WHOLE = Kind(
    max_minutes=4_320,
    max_minutes_rich=4_320,
    needs_lifecycle_url=True,
    select="refused",
    style="teams",
    quota=1,
)
_INSIGHT = Kind(max_minutes=4_320, needs_lifecycle_url=True, style="teams", quota=1)
# 4,320 and 4,230 are both printed for online meetings; the smaller one is safe.
_MEETING = Kind(max_minutes=4_230, max_minutes_rich=4_230, select="refused", style="teams", quota=1)
_PRESENCE = Kind(max_minutes=60, max_minutes_rich=60, select="refused", style="teams")
_EMERGENCY = Kind(max_minutes=None, max_minutes_rich=1_440, style="teams")
_SHIFTS = Kind(max_minutes=360, style="teams", quota=1)
_VIRTUAL = Kind(max_minutes=1_440)
_ALERT = Kind(max_minutes=43_200)
_APPROVAL = Kind(max_minutes=43_200, quota=1)
_CALL = Kind(max_minutes=4_230, tenant_quota=100)
_HEALTH = Kind(max_minutes=42_300, takes_query_options=True)
_THREE_DAYS = Kind(max_minutes=4_230)
_PRINT = Kind(max_minutes=4_230, takes_query_options=True)

_KINDS = {
    **dict.fromkeys(("message", "event", "contact"), _OUTLOOK),
    **dict.fromkeys(("user", "group"), _DIRECTORY),
    **dict.fromkeys(("driveItem", "list"), _DRIVE),
    "alert": _ALERT,
    "approvalItem": _APPROVAL,
    "callRecord": _CALL,
    "healthMonitoring.alert": _HEALTH,
    **dict.fromkeys(("printer", "printTaskDefinition"), _PRINT),
    **dict.fromkeys(("conversation", "todoTask", "baseTask"), _THREE_DAYS),
    **dict.fromkeys(
        ("chat", "channel", "team", "sharedWithChannelTeamInfo", "teamsAppInstallation", "callTranscript"),
        _TEAMS,
    ),
    **dict.fromkeys(("callRecording", "aiInteraction"), _TEAMS),
    **dict.fromkeys(("chatMessage", "conversationMember"), _TEAMS_WHOLE),
    "callAiInsight": _INSIGHT,
    "onlineMeeting": _MEETING,
    "presence": _PRESENCE,
    **dict.fromkeys(("emergencyCallEvent", "callEvent"), _EMERGENCY),
    **dict.fromkeys(
        ("shift", "offerShiftRequest", "openShiftChangeRequest", "swapShiftsChangeRequest", "timeOffRequest"),
        _SHIFTS,
    ),
    **dict.fromkeys(
        (
            "virtualEvent",
            "virtualEventWebinar",
            "virtualEventTownhall",
            "virtualEventSession",
            "virtualEventRegistration",
            "meetingAttendanceReport",
        ),
        _VIRTUAL,
    ),
}

# Columns: path | type | changes (* = the documentation does not say) | delegated | application | remarks.
# Permissions: "-" = not supported, "?" = the documentation does not say, "@..." = a set named below the table.
# A remark is "beta" or the query option that makes the row apply.
_TABLE = """
users/{}/messages | message | cud | Mail.ReadBasic Mail.Read | Mail.Read
users/{}/mailFolders/{}/messages | message | cud | Mail.ReadBasic Mail.Read | Mail.Read
users/{}/events | event | cud | Calendars.Read | Calendars.Read
users/{}/contacts | contact | cud | Contacts.Read | Contacts.Read
users/{}/contactFolders/{}/contacts | contact | cud | Contacts.Read | Contacts.Read
users | user | ud | User.Read.All | User.Read.All
users/{} | user | ud | User.Read.All | User.Read.All
groups | group | ud | Group.Read.All | Group.Read.All
groups/{} | group | ud | Group.Read.All | Group.Read.All
groups/{}/owners | group | ud | Group.Read.All | Group.Read.All
groups/{}/members | group | ud | Group.Read.All | Group.Read.All
groups/{}/conversations | conversation | * | Group.Read.All | -
users/{}/drive/root | driveItem | u | Files.Read.All | Files.Read.All
drives/{}/root | driveItem | u | Files.Read.All | Files.Read.All
sites/{}/lists/{} | list | u | Sites.Read.All | Sites.Read.All
security/alerts | alert | * | SecurityEvents.ReadWrite.All | SecurityEvents.ReadWrite.All
security/alerts/{} | alert | * | SecurityEvents.ReadWrite.All | SecurityEvents.ReadWrite.All
reports/healthmonitoring/alerts | healthMonitoring.alert | c | ? | ? | beta
print/printers/{}/jobs | printer | u | - | Printer.Read.All Printer.ReadWrite.All
print/taskDefinitions/{}/tasks | printTaskDefinition | c | - | PrintTaskDefinition.ReadWrite.All
print/printtaskdefinition/{}/tasks | printTaskDefinition | c | - | PrintTaskDefinition.ReadWrite.All
users/{}/todo/lists/{}/tasks | todoTask | * | Tasks.ReadWrite | Tasks.ReadWrite.All
users/{}/tasks/lists/{}/tasks | baseTask | * | Tasks.ReadWrite | - | beta
communications/callRecords | callRecord | cu | - | CallRecords.Read.All
chats | chat | cu | - | @Chat.All
chats/{} | chat | u | @Chat | @Chat.All ChatSettings.Read.Chat ChatSettings.ReadWrite.Chat Chat.Manage.Chat
chats/{} | chat | cu | @Chat | - | notifyOnUserSpecificProperties
users/{}/chats | chat | cu | @Chat | @Chat.All
users/{}/chats | chat | cu | @Chat | - | notifyOnUserSpecificProperties
appCatalogs/teamsApps/{}/installedToChats | chat | cu | - | @Chat.WhereInstalled
teams/getAllMessages | chatMessage | cud | - | ChannelMessage.Read.All
teams/allMessages | chatMessage | cud | - | ChannelMessage.Read.All
teams/{}/channels/{}/messages | chatMessage | cud | ChannelMessage.Read.All | ChannelMessage.Read.All \
ChannelMessage.Read.Group
chats/getAllMessages | chatMessage | cud | - | Chat.Read.All
chats/allMessages | chatMessage | cud | - | Chat.Read.All
chats/{}/messages | chatMessage | cud | Chat.Read Chat.ReadWrite | Chat.Read.All ChatMessage.Read.Chat
users/{}/chats/getAllMessages | chatMessage | cud | Chat.Read Chat.ReadWrite | Chat.Read.All Chat.ReadWrite.All
appCatalogs/teamsApps/{}/installedToChats/getAllMessages | chatMessage | cud | - | \
Chat.Read.WhereInstalled Chat.ReadWrite.WhereInstalled
teams/getAllChannels | channel | cud | - | @Channel
teams/{}/channels | channel | cud | @Channel | @Channel ChannelSettings.Read.Group ChannelSettings.ReadWrite.Group
teams/{}/channels/{}/sharedWithTeams | sharedWithChannelTeamInfo | cd | @ChannelMember | @ChannelMember | beta
teams | team | cud | - | @Team
teams/{} | team | ud | @Team | @Team TeamSettings.Read.Group TeamSettings.ReadWrite.Group
teams/{}/members | conversationMember | cud | @TeamMember | @TeamMember TeamMember.Read.Group
teams/getAllMembers | conversationMember | cud | - | @TeamMember
teams/{}/channels/getAllMembers | conversationMember | cud | ? | @ChannelMember
teams/getAllChannels/getAllMembers | conversationMember | cud | - | @ChannelMember
chats/{}/members | conversationMember | cd | ChatMember.Read ChatMember.ReadWrite @Chat | \
ChatMember.Read.All ChatMember.ReadWrite.All ChatMember.Read.Chat Chat.Manage.Chat @Chat.All
chats/getAllMembers | conversationMember | cd | - | ChatMember.Read.All ChatMember.ReadWrite.All @Chat.All
appCatalogs/teamsApps/{}/installedToChats/getAllMembers | conversationMember | * | - | \
ChatMember.Read.WhereInstalled ChatMember.ReadWrite.WhereInstalled @Chat.WhereInstalled
appCatalogs/teamsApps/{}/installations | teamsAppInstallation | cud | - | TeamsAppInstallation.Read.All
communications/presences | presence | u | Presence.Read.All | -
communications/presences/{} | presence | u | Presence.Read.All | -
communications/onlineMeetings | onlineMeeting | u | - | @Meetings | beta
communications/onlineMeetings/{}/meetingCallEvents | onlineMeeting | u | - | @Meetings | beta
communications/onlineMeetings/getAllTranscripts | callTranscript | c | - | OnlineMeetingTranscript.Read.All
communications/onlineMeetings/{}/transcripts | callTranscript | c | OnlineMeetingTranscript.Read.All | \
OnlineMeetingTranscript.Read.All OnlineMeetingTranscript.Read.Chat
users/{}/onlineMeetings/getAllTranscripts | callTranscript | c | OnlineMeetingTranscript.Read.All | \
OnlineMeetingTranscript.Read.All
appCatalogs/teamsApps/{}/installedToOnlineMeetings/getAllTranscripts | callTranscript | c | - | \
OnlineMeetingTranscript.Read.All OnlineMeetingTranscript.Read.Chat | beta
communications/adhocCalls/getAllTranscripts | callTranscript | c | - | CallTranscripts.Read.All | beta
communications/adhocCalls/{}/transcripts | callTranscript | c | CallTranscripts.Read.All | - | beta
users/{}/adhocCalls/getAllTranscripts | callTranscript | c | CallTranscripts.Read.All | \
CallTranscripts.Read.All | beta
communications/onlineMeetings/getAllRecordings | callRecording | c | - | OnlineMeetingRecording.Read.All
communications/onlineMeetings/{}/recordings | callRecording | c | OnlineMeetingRecording.Read.All | \
OnlineMeetingRecording.Read.All OnlineMeetingRecording.Read.Chat
users/{}/onlineMeetings/getAllRecordings | callRecording | c | OnlineMeetingRecording.Read.All | \
OnlineMeetingRecording.Read.All
appCatalogs/teamsApps/{}/installedToOnlineMeetings/getAllRecordings | callRecording | c | - | \
OnlineMeetingRecording.Read.All OnlineMeetingRecording.Read.Chat | beta
communications/adhocCalls/getAllRecordings | callRecording | c | - | CallRecordings.Read.All | beta
communications/adhocCalls/{}/recordings | callRecording | c | CallRecordings.Read.All | \
CallRecordings.Read.All | beta
users/{}/adhocCalls/getAllRecordings | callRecording | c | CallRecordings.Read.All | CallRecordings.Read.All | beta
communications/calls/getEmergencyEventsByPolicy/{} | emergencyCallEvent | u | - | CallEvents-Emergency.Read.All
users/{}/communications/callEvents | callEvent | u | ? | ? | beta
solutions/virtualEvents/events | virtualEvent | c | - | VirtualEvent.Read.All
solutions/virtualEvents/events/getEventsFromOrganizers/{} | virtualEvent | c | - | VirtualEvent.Read.All
solutions/virtualEvents/webinars/{} | virtualEventWebinar | u | VirtualEvent.Read | \
VirtualEvent.Read.All
solutions/virtualEvents/webinars/{}/getAttendanceReports | meetingAttendanceReport | c | VirtualEvent.Read | \
VirtualEvent.Read.All
solutions/virtualEvents/webinars/{}/sessions | virtualEventSession | cu | VirtualEvent.Read | \
VirtualEvent.Read.All
solutions/virtualEvents/webinars/{}/registrations | virtualEventRegistration | cu | VirtualEvent.Read | \
VirtualEvent.Read.All
solutions/virtualEvents/townhalls/{} | virtualEventTownhall | u | VirtualEvent.Read | \
VirtualEvent.Read.All
solutions/virtualEvents/townhalls/{}/getAttendanceReports | meetingAttendanceReport | c | VirtualEvent.Read | \
VirtualEvent.Read.All
solutions/virtualEvents/townhalls/{}/sessions | virtualEventSession | cu | VirtualEvent.Read | \
VirtualEvent.Read.All
solutions/virtualEvents/{}/{}/getVideoOnDemandPublication | virtualEvent | u | VirtualEvent.Read | \
VirtualEvent.Read.All
solutions/approval/approvalItems | approvalItem | * | - | ApprovalSolution.ReadWrite.All
teams/{}/schedule/offerShiftRequests | offerShiftRequest | * | @Schedule | @Schedule
teams/{}/schedule/openShiftChangeRequests | openShiftChangeRequest | * | @Schedule | @Schedule
teams/{}/schedule/shifts | shift | * | @Schedule | @Schedule
teams/{}/schedule/swapShiftsChangeRequests | swapShiftsChangeRequest | * | @Schedule | @Schedule
teams/{}/schedule/timeOffRequests | timeOffRequest | * | @Schedule | @Schedule
copilot/users/{}/interactionHistory/getAllEnterpriseInteractions | aiInteraction | cud | \
AiEnterpriseInteraction.Read | AiEnterpriseInteraction.Read.All AiEnterpriseInteraction.Read.User
copilot/interactionHistory/getAllEnterpriseInteractions | aiInteraction | cud | - | \
AiEnterpriseInteraction.Read.All
copilot/users/{}/onlineMeetings/getAllAiInsights | callAiInsight | c | @Insight | @Insight
copilot/users/{}/onlineMeetings/{}/aiInsights | callAiInsight | c | @Insight | @Insight
"""

_PERMISSION_SETS = {
    "@Chat": "Chat.ReadBasic Chat.Read Chat.ReadWrite",
    "@Chat.All": "Chat.ReadBasic.All Chat.Read.All Chat.ReadWrite.All",
    "@Chat.WhereInstalled": "Chat.ReadBasic.WhereInstalled Chat.Read.WhereInstalled "
    "Chat.ReadWrite.WhereInstalled",
    "@Channel": "Channel.ReadBasic.All ChannelSettings.Read.All ChannelSettings.ReadWrite.All",
    "@ChannelMember": "ChannelMember.Read.All ChannelMember.ReadWrite.All",
    "@Team": "Team.ReadBasic.All TeamSettings.Read.All TeamSettings.ReadWrite.All",
    "@TeamMember": "TeamMember.Read.All TeamMember.ReadWrite.All",
    "@Meetings": "OnlineMeetings.Read.All OnlineMeetings.ReadWrite.All",
    "@Schedule": "Schedule.Read.All Schedule.ReadWrite.All",
    "@Insight": "OnlineMeetingAiInsight.Read.All",
}


def _permissions(text: str) -> frozenset[str] | None:
    if text == "?":
        return None
    names: set[str] = set()
    for name in text.split():
        names.update(_PERMISSION_SETS.get(name, name).split())
    return frozenset(names - {"-"})


def _rule(row: str) -> Rule:
    path, resource_type, changes, delegated, application, *remarks = (cell.strip() for cell in row.split("|"))
    remark = "".join(remarks)
    return Rule(
        path=path,
        pattern=canonical(path),
        resource_type=resource_type,
        kind=_KINDS[resource_type],
        change_types=frozenset(
            _ALL_CHANGES[letter] for letter in (_ALL_CHANGES if changes == "*" else changes)
        ),
        delegated=_permissions(delegated),
        application=_permissions(application),
        is_beta_only=remark == "beta",
        query_flag="" if remark == "beta" else remark,
    )


RULES: tuple[Rule, ...] = tuple(_rule(row) for row in _TABLE.strip().splitlines())
_MOST_LITERAL_FIRST = sorted(RULES, key=lambda rule: (rule.pattern.count("{}"), not rule.query_flag))

APPLICATION_PERMISSIONS = frozenset(name for rule in RULES for name in rule.application or ())
DELEGATED_PERMISSIONS = frozenset(name for rule in RULES for name in rule.delegated or ())


def rule_for(resource: str) -> Rule | None:
    """Return the rule for a subscription's resource (its query options count), or None if nothing fits."""
    path = canonical(resource, me="me")
    options = {name.lstrip("$").lower() for name in split_query(resource)[1]}
    for rule in _MOST_LITERAL_FIRST:
        if fits(path, rule.pattern) and (not rule.query_flag or rule.query_flag.lower() in options):
            return rule
    return None
