"""Where things happen that are watched for a whole tenant or user."""

from dataclasses import dataclass

from subscriptions.sandbox.paths import Canonical, canonical, fits

# Watched path -> collection in which its items live. A number stands for that segment of the watched path,
# a word for the place of that name.
_TABLE = """
users/{}/messages -> users/{1}/mailFolders/inbox/messages
users/{}/drive/root -> users/{1}/drive/items
drives/{}/root -> drives/{1}/items
sites/{}/lists/{} -> sites/{1}/lists/{3}/items
teams/getAllMessages -> teams/{team}/channels/{channel}/messages
teams/allMessages -> teams/{team}/channels/{channel}/messages
teams/getAllChannels/getAllMembers -> teams/{team}/channels/{channel}/members
teams/getAllChannels -> teams/{team}/channels
teams/getAllMembers -> teams/{team}/members
teams/{}/channels/getAllMembers -> teams/{1}/channels/{channel}/members
chats/getAllMessages -> chats/{chat}/messages
chats/allMessages -> chats/{chat}/messages
chats/getAllMembers -> chats/{chat}/members
users/{}/chats/getAllMessages -> chats/{chat}/messages
users/{}/chats -> chats
appCatalogs/teamsApps/{}/installedToChats/getAllMessages -> chats/{chat}/messages
appCatalogs/teamsApps/{}/installedToChats/getAllMembers -> chats/{chat}/members
appCatalogs/teamsApps/{}/installedToChats -> chats
communications/onlineMeetings -> communications/onlineMeetings/{meeting}/meetingCallEvents
communications/onlineMeetings/getAllTranscripts -> communications/onlineMeetings/{meeting}/transcripts
users/{}/onlineMeetings/getAllTranscripts -> communications/onlineMeetings/{meeting}/transcripts
appCatalogs/teamsApps/{}/installedToOnlineMeetings/getAllTranscripts -> \
communications/onlineMeetings/{meeting}/transcripts
communications/onlineMeetings/getAllRecordings -> communications/onlineMeetings/{meeting}/recordings
users/{}/onlineMeetings/getAllRecordings -> communications/onlineMeetings/{meeting}/recordings
appCatalogs/teamsApps/{}/installedToOnlineMeetings/getAllRecordings -> \
communications/onlineMeetings/{meeting}/recordings
communications/adhocCalls/getAllTranscripts -> communications/adhocCalls/{meeting}/transcripts
users/{}/adhocCalls/getAllTranscripts -> communications/adhocCalls/{meeting}/transcripts
communications/adhocCalls/getAllRecordings -> communications/adhocCalls/{meeting}/recordings
users/{}/adhocCalls/getAllRecordings -> communications/adhocCalls/{meeting}/recordings
communications/calls/getEmergencyEventsByPolicy/{} -> communications/calls/getEmergencyEventsByPolicy/{3}/events
copilot/users/{}/interactionHistory/getAllEnterpriseInteractions -> copilot/users/{2}/interactionHistory/interactions
copilot/interactionHistory/getAllEnterpriseInteractions -> copilot/users/{user}/interactionHistory/interactions
copilot/users/{}/onlineMeetings/getAllAiInsights -> copilot/users/{2}/onlineMeetings/{meeting}/aiInsights
solutions/virtualEvents/events/getEventsFromOrganizers/{} -> solutions/virtualEvents/webinars
solutions/virtualEvents/events -> solutions/virtualEvents/webinars
solutions/virtualEvents/webinars/{}/getAttendanceReports -> \
solutions/virtualEvents/webinars/{3}/sessions/{meeting}/attendanceReports
solutions/virtualEvents/townhalls/{}/getAttendanceReports -> \
solutions/virtualEvents/townhalls/{3}/sessions/{meeting}/attendanceReports
print/printtaskdefinition/{}/tasks -> print/taskDefinitions/{2}/tasks
"""


def _home(row: str) -> tuple[Canonical, Canonical]:
    watched, _, home = row.partition(" -> ")
    return canonical(watched), canonical(home)


# The longest first, since some begin as others do.
_HOMES = sorted((_home(row) for row in _TABLE.strip().splitlines()), key=lambda row: -len(row[0]))


@dataclass(frozen=True, kw_only=True)
class Places:
    """The team, channel, chat, meeting and person to which such things happen."""

    team_id: str
    channel_id: str
    chat_id: str
    meeting_id: str
    user_id: str

    def home(self, path: Canonical) -> Canonical:
        """Return the collection where the items live that are watched at this path, or such an item's own path."""
        named = {"team": self.team_id, "channel": self.channel_id, "chat": self.chat_id}
        named |= {"meeting": self.meeting_id, "user": self.user_id}
        for watched, home in _HOMES:
            rest = path[len(watched) :]
            # Longer paths that begin alike name something else, or are at home already.
            if len(rest) <= 1 and rest != home[-1:] and fits(path[: len(watched)], watched):
                return (*(segment.format(*path, **named) for segment in home), *rest)
        return path
