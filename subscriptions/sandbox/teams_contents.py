"""Plausible content for what changes in Teams: chats, teams, calls, shifts, events and Copilot.

Source: the decrypted samples of https://learn.microsoft.com/graph/teams-change-notification-in-microsoft-teams-overview
(2026-03-16) and its neighbours, else the resource pages of https://learn.microsoft.com/graph/api/overview (2026).
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from subscriptions.sandbox.clock import as_graph_time
from subscriptions.sandbox.items import Item
from subscriptions.sandbox.people import SENTENCES, SUBJECTS, person, pick

_TEAMS = ("Campaign", "House", "Payroll", "Field service")


def _user(name: str) -> dict[str, object]:
    return {"id": str(uuid.uuid4()), "displayName": name, "userIdentityType": "aadUser"}


def _chat_message(_: Item, now: datetime) -> dict[str, object]:
    return {
        "messageType": "message",
        "createdDateTime": as_graph_time(now),
        "from": {"user": _user(person()["name"])},
        "body": {"contentType": "text", "content": pick(*SENTENCES)},
        "importance": "normal",
        "locale": "en-us",
        "attachments": [],
        "mentions": [],
        "reactions": [],
    }


def _chat(_: Item, now: datetime) -> dict[str, object]:
    return {
        "topic": pick(*SUBJECTS),
        "chatType": pick("group", "meeting"),
        "createdDateTime": as_graph_time(now),
        "lastUpdatedDateTime": as_graph_time(now),
    }


def _channel(_: Item, now: datetime) -> dict[str, object]:
    return {
        "displayName": pick("General", "Suppliers", "Trade fair"),
        "description": pick(*SENTENCES),
        "membershipType": "standard",
        "createdDateTime": as_graph_time(now),
    }


def _team(_: Item, now: datetime) -> dict[str, object]:
    return {
        "displayName": pick(*_TEAMS),
        "description": pick(*SENTENCES),
        "visibility": "private",
        "isArchived": False,
        "createdDateTime": as_graph_time(now),
    }


def _shared_with(_: Item, __: datetime) -> dict[str, object]:
    return {"displayName": pick(*_TEAMS), "isHostTeam": False, "tenantId": str(uuid.uuid4())}


def _member(_: Item, now: datetime) -> dict[str, object]:
    someone = person()
    return {
        "displayName": someone["name"],
        "userId": str(uuid.uuid4()),
        "email": someone["address"],
        "roles": [],
        "visibleHistoryStartDateTime": as_graph_time(now),
    }


def _installation(item: Item, _: datetime) -> dict[str, object]:
    return {"scopeInfo": {"scope": "team", "teamId": str(uuid.uuid4())}, "teamsApp": {"id": item.path[2]}}


def _presence(_: Item, __: datetime) -> dict[str, object]:
    activity = pick("Available", "Busy", "Away", "DoNotDisturb")
    return {"availability": activity, "activity": activity}


def _meeting_call(_: Item, now: datetime) -> dict[str, object]:
    return {
        "eventType": pick("Microsoft.Communication.CallStarted", "Microsoft.Communication.CallEnded"),
        "eventDateTime": as_graph_time(now),
        "state": "active",
    }


def _transcript(item: Item, now: datetime) -> dict[str, object]:
    return _of_meeting(item, now) | {"transcriptContentUrl": f"{'/'.join(item.path)}/content"}


def _recording(item: Item, now: datetime) -> dict[str, object]:
    return _of_meeting(item, now) | {"recordingContentUrl": f"{'/'.join(item.path)}/content"}


def _of_meeting(item: Item, now: datetime) -> dict[str, object]:
    is_scheduled = item.kind.form[1] == "onlineMeetings"
    return {
        "meetingId" if is_scheduled else "callId": item.path[2],
        "createdDateTime": as_graph_time(now),
        "endDateTime": as_graph_time(now + timedelta(minutes=25)),
        "meetingOrganizer": {"user": _user(person()["name"])},
    }


def _call_record(_: Item, now: datetime) -> dict[str, object]:
    return {
        "type": "groupCall",
        "modalities": ["audio", "video"],
        "startDateTime": as_graph_time(now - timedelta(minutes=25)),
        "endDateTime": as_graph_time(now),
        "organizer": {"user": _user(person()["name"])},
    }


def _emergency_call(item: Item, now: datetime) -> dict[str, object]:
    someone = person()
    call = {
        "id": item.id,
        "callEventType": "callStarted",
        "eventDateTime": as_graph_time(now),
        "emergencyNumberDialed": "112",
        "callerInfo": {"displayName": someone["name"], "upn": someone["address"]},
    }
    return {"emergencyCallEvent": call}


def _call_event(_: Item, now: datetime) -> dict[str, object]:
    return {"callEventType": "callStarted", "eventDateTime": as_graph_time(now)}


def _interaction(_: Item, now: datetime) -> dict[str, object]:
    return {
        "sessionId": f"19:{uuid.uuid4().hex}@thread.v2",
        "requestId": str(uuid.uuid4()),
        "appClass": "IPM.SkypeTeams.Message.Copilot.Teams",
        "interactionType": pick("userPrompt", "aiResponse"),
        "conversationType": "appchat",
        "createdDateTime": as_graph_time(now),
        "locale": "en-us",
        "contexts": [{"displayName": pick(*SUBJECTS), "contextType": "TeamsMeeting"}],
        "from": {"user": _user(person()["name"])},
        "body": {"contentType": "text", "content": pick(*SENTENCES)},
    }


def _insight(_: Item, now: datetime) -> dict[str, object]:
    return {
        "callId": str(uuid.uuid4()),
        "createdDateTime": as_graph_time(now),
        "meetingNotes": [{"title": pick(*SUBJECTS), "text": pick(*SENTENCES)}],
        "actionItems": [{"title": pick(*SUBJECTS), "ownerDisplayName": person()["name"]}],
    }


def _shift(_: Item, now: datetime) -> dict[str, object]:
    begin = now + timedelta(days=1)
    hours = {
        "startDateTime": as_graph_time(begin),
        "endDateTime": as_graph_time(begin + timedelta(hours=8)),
    }
    return {
        "userId": str(uuid.uuid4()),
        "sharedShift": {"displayName": pick("Early", "Late"), **hours},
        "createdDateTime": as_graph_time(now),
    }


def _shift_request(_: Item, now: datetime) -> dict[str, object]:
    return {
        "state": "pending",
        "senderMessage": pick("I have to see a doctor.", "May I take the late one?"),
        "senderDateTime": as_graph_time(now),
        "createdDateTime": as_graph_time(now),
    }


def _virtual_event(_: Item, now: datetime) -> dict[str, object]:
    return {
        "displayName": pick(*SUBJECTS),
        "status": "published",
        "startDateTime": {"dateTime": as_graph_time(now + timedelta(days=7)), "timeZone": "UTC"},
    }


def _session(_: Item, now: datetime) -> dict[str, object]:
    return {"subject": pick(*SUBJECTS), "startDateTime": as_graph_time(now + timedelta(days=7))}


def _registration(_: Item, now: datetime) -> dict[str, object]:
    return {
        "email": person()["address"],
        "status": "registered",
        "registrationDateTime": as_graph_time(now),
    }


def _attendance(_: Item, now: datetime) -> dict[str, object]:
    return {
        "totalParticipantCount": 3,
        "meetingStartDateTime": as_graph_time(now - timedelta(hours=1)),
        "meetingEndDateTime": as_graph_time(now),
    }


MAKERS: Mapping[str, Callable[[Item, datetime], dict[str, object]]] = {
    "chatmessage": _chat_message,
    "chat": _chat,
    "channel": _channel,
    "team": _team,
    "sharedwithchannelteaminfo": _shared_with,
    "aaduserconversationmember": _member,
    "teamsappinstallation": _installation,
    "presence": _presence,
    "onlinemeeting": _meeting_call,
    "calltranscript": _transcript,
    "callrecording": _recording,
    "callrecord": _call_record,
    "emergencycallevent": _emergency_call,
    "callevent": _call_event,
    "aiinteraction": _interaction,
    "callaiinsight": _insight,
    "shift": _shift,
    **dict.fromkeys(
        ("offershiftrequest", "openshiftchangerequest", "swapshiftschangerequest", "timeoffrequest"),
        _shift_request,
    ),
    "virtualevent": _virtual_event,
    "virtualeventsession": _session,
    "virtualeventregistration": _registration,
    "meetingattendancereport": _attendance,
}
