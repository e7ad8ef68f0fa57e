"""How notifications name what changed, resource by resource, as Microsoft's samples print it.

Source: the feature guides that https://learn.microsoft.com/graph/change-notifications-overview (2026) links to.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests

from subscriptions.sandbox import Sandbox

Creator = Callable[..., requests.Response]
Shape = tuple[str, str, str, str, str, str]

CALLS = "communications/calls/getEmergencyEventsByPolicy(policyName='Front desk')"
MEETING = (
    "communications/onlineMeetings(joinWebUrl='https%253A%252F%252Fteams.example%252F1')/meetingCallEvents"
)
WEBINARS = "solutions/virtualEvents/webinars"
TOWNHALLS = "solutions/virtualEvents/townhalls"

# Watched | changed (+ where something new comes, * where something alters) | @odata.type | resource | @odata.id | id
# An empty @odata.id is that of the resource.
SHAPES: list[Shape] = [
    # Outlook and the directory
    ("users/U/messages", "*users/U/messages/M", "Message", "Users/U/Messages/M", "", "M"),
    ("users/U/events", "+users/U/events/E", "Event", "Users/U/Events/E", "", "E"),
    ("users/U/contacts", "*users/U/contacts/C", "Contact", "Users/U/Contacts/C", "", "C"),
    ("users", "*users/U", "User", "Users/U", "", "U"),
    ("groups", "*groups/G", "Group", "Groups/G", "", "G"),
    ("groups/G/members", "*groups/G/members/U", "Group", "Groups/G", "", "G"),
    # Teams
    ("chats", "+chats/C", "chat", "chats('C')", "", "C"),
    ("chats/C", "*chats/C", "chat", "chats('C')", "", "C"),
    ("chats/C/messages", "+chats/C/messages/1", "chatMessage", "chats('C')/messages('1')", "", "1"),
    (
        "chats/C/members",
        "+chats/C/members/1",
        "aadUserConversationMember",
        "chats('C')/members('1')",
        "",
        "1",
    ),
    ("teams", "+teams/T", "team", "teams('T')", "", "T"),
    ("teams/T/channels", "+teams/T/channels/C", "channel", "teams('T')/channels('C')", "", "C"),
    (
        "teams/getAllMessages",
        "+teams/T/channels/C/messages/1/replies/2",
        "chatMessage",
        "teams('T')/channels('C')/messages('1')/replies('2')",
        "",
        "2",
    ),
    (
        "teams/getAllMembers",
        "*teams/T/members/1",
        "aadUserConversationMember",
        "teams('T')/members('1')",
        "",
        "1",
    ),
    (
        "appCatalogs/teamsApps/A/installations",
        "+appCatalogs/teamsApps/A/installations/I",
        "teamsAppInstallation",
        "appCatalogs/teamsApps('A')/installations('I')",
        "",
        "I",
    ),
    (
        "teams/T/schedule/shifts",
        "*teams/T/schedule/shifts/S",
        "shift",
        "teams('T')/schedule/shifts('S')",
        "",
        "S",
    ),
    # Calls and meetings
    (
        "communications/callRecords",
        "+communications/callRecords/R",
        "callrecord",
        "communications/callRecords/R",
        "",
        "R",
    ),
    (
        "communications/onlineMeetings/getAllTranscripts",
        "+communications/onlineMeetings/M/transcripts/1",
        "callTranscript",
        "communications/onlineMeetings('M')/transcripts('1')",
        "",
        "1",
    ),
    (
        "communications/onlineMeetings/M/recordings",
        "+communications/onlineMeetings/M/recordings/1",
        "callRecording",
        "communications/onlineMeetings('M')/recordings('1')",
        "",
        "1",
    ),
    (MEETING, f"*{MEETING}", "onlineMeeting", MEETING, "", MEETING),
    (CALLS, f"*{CALLS}/events/1", "emergencyCallEvent", CALLS, "", "1"),
    # Virtual events, whose ids are paths
    (
        "solutions/virtualEvents/events",
        f"+{WEBINARS}/W",
        "virtualEvent",
        "solutions/virtualEvents/events",
        f"{WEBINARS}/W",
        f"{WEBINARS}/W",
    ),
    (f"{WEBINARS}/W", f"*{WEBINARS}/W", "virtualEvent", f"{WEBINARS}/W", "", f"{WEBINARS}/W"),
    (
        f"{WEBINARS}/W/registrations",
        f"+{WEBINARS}/W/registrations/R",
        "virtualEventRegistration",
        f"{WEBINARS}/W/registrations",
        f"{WEBINARS}/W/registrations/R",
        f"{WEBINARS}/W/registrations/R",
    ),
    (
        f"{TOWNHALLS}/H/sessions",
        f"*{TOWNHALLS}/H/sessions/S",
        "virtualEventSession",
        f"{TOWNHALLS}/H/sessions",
        f"{TOWNHALLS}/H/sessions/S",
        f"{TOWNHALLS}/H/sessions/S",
    ),
    # Copilot, print and security
    (
        "copilot/users/U/interactionHistory/getAllEnterpriseInteractions",
        "+copilot/users/U/interactionHistory/interactions/1",
        "aiInteraction",
        "copilot/interactionHistory/interactions('1')",
        "",
        "1",
    ),
    (
        "copilot/users/U/onlineMeetings/M/aiInsights",
        "+copilot/users/U/onlineMeetings/M/aiInsights/I",
        "callAiInsight",
        "copilot/users/U/onlineMeetings/M/aiInsights/I",
        "",
        "I",
    ),
    ("print/printers/P/jobs", "*print/printers/P/jobs/7", "printJob", "print/printers/P/jobs/7", "", "7"),
    (
        "print/printtaskdefinition/D/tasks",
        "+print/taskDefinitions/D/tasks/1",
        "printTask",
        "print/taskDefinitions/D/tasks/1",
        "",
        "1",
    ),
    ("security/alerts/A", "*security/alerts/A", "alert", "security/alerts/A", "", "A"),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape[2]} at {shape[0]}")
def test_a_notice_names_what_changed(
    create: Creator, client: Any, receiver: Any, sandbox: Sandbox, rich: dict[str, Any], shape: Shape
) -> None:
    watched, changed, type_name, resource, odata_id, identifier = shape
    change_type = "created" if changed[0] == "+" else "updated"
    by = replace(client, version="beta")
    content = rich if watched == CALLS else {}
    assert create(by, resource=watched, changeType=change_type, **content).status_code == 201

    sandbox.make_change(changed[1:], change_type)
    sandbox.flush(5)

    [item] = receiver.items
    data = item["resourceData"]
    assert data["@odata.type"].lower() == f"#microsoft.graph.{type_name}".lower()
    assert data["@odata.type"].endswith(type_name)
    assert item["resource"] == resource
    assert (data["@odata.id"], data["id"]) == (odata_id or resource, identifier)


@pytest.mark.parametrize(
    ("change_type", "told"), [("updated", {"id": "U"}), ("deleted", {"id": "U", "@removed": "deleted"})]
)
def test_a_group_tells_which_member_came_or_went(
    create: Creator, receiver: Any, sandbox: Sandbox, change_type: str, told: dict[str, str]
) -> None:
    create(resource="groups/G/members", changeType=change_type)

    sandbox.make_change("groups/G/members/U", change_type)
    sandbox.flush(5)

    assert receiver.items[0]["resourceData"]["members@delta"] == [told]


def test_a_meeting_tells_its_events_openly_where_no_encryption_was_asked_for(
    create: Creator, client: Any, receiver: Any, sandbox: Sandbox
) -> None:
    create(replace(client, version="beta"), resource=MEETING)

    sandbox.make_change(MEETING, "updated", {"eventType": "Microsoft.Communication.CallEnded"})
    sandbox.flush(5)

    assert receiver.items[0]["resourceData"]["eventType"] == "Microsoft.Communication.CallEnded"


def test_only_those_are_reported_present_whom_the_filter_names(
    create: Creator, stranger: Any, receiver: Any, sandbox: Sandbox
) -> None:
    user = stranger.as_user(sandbox.users[0].username)
    assert create(user, resource="communications/presences?$filter=id in ('A','B')").status_code == 201

    for person in ("A", "C"):
        sandbox.make_change(f"communications/presences/{person}", "updated")
    sandbox.flush(5)

    [item] = receiver.items
    assert item["resource"] == "communications/presences/A"
    assert item["resourceData"]["@odata.id"] == "users/A/presence"


def test_nothing_can_change_where_nothing_lives(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="kitchens"):
        sandbox.make_change("/kitchens/1/sinks", "updated")
