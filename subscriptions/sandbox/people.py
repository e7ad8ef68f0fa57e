"""Invented people and plausible things that happen to them, for demonstrations without a tenant."""

import random
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from subscriptions.sandbox.clock import as_graph_time
from subscriptions.sandbox.items import Item

PEOPLE = (
    ("Zo\u00eb Lindqvist", "zoe.lindqvist"),
    ("Tom\u00e1s Herrera", "tomas.herrera"),
    ("Amara Okafor", "amara.okafor"),
    ("\u0141ucja Wi\u015bniewska", "lucja.wisniewska"),
    ("Kenji Watanabe (\u6e21\u8fba \u5065\u4e8c)", "kenji.watanabe"),
    ("Noor el-Sayed", "noor.elsayed"),
)
_SUBJECTS = (
    "Budget for the autumn campaign",
    "Minutes of the design review",
    "Question about invoice 4711",
    "Besuch aus K\u00f6ln am Donnerstag",
    "Draft contract, please read",
    "Lunch on Friday?",
    "Server room: air conditioning",
    "R\u00e9sum\u00e9 of the applicants",
)
_SENTENCES = (
    "I have put the figures into the shared folder.",
    "Could you have a look before noon?",
    "Thanks, that solves it \U0001f44d",
    "The customer has agreed to the new date.",
    "Let us speak about it tomorrow.",
    "The build is green again.",
)
_FILES = ("Figures Q4.xlsx", "Offer Contoso.docx", "Floor plan.pdf", "\u00dcbersicht.pptx")
_TITLES = ("Team lead", "Buyer", "Field engineer", "Controller")


def plausible(item: Item, now: datetime) -> dict[str, object]:
    """Return invented content that suits the item, with properties spelled as Graph does."""
    kind = item.kind.odata_type.rpartition(".")[2].lower()
    makers = {
        "message": _message,
        "event": _event,
        "contact": _contact,
        "chatmessage": _chat_message,
        "driveitem": _drive_item,
        "listitem": _list_item,
        "user": _user,
        "group": _group,
        "presence": _presence,
        "todotask": _task,
    }
    maker = makers.get(kind, _anything)
    return maker(now) | stamps(now)


def stamps(now: datetime) -> dict[str, object]:
    """Return what changes with every change of an item: its etag and the moment."""
    return {"@odata.etag": f'W/"{uuid.uuid4().hex[:20]}"', "lastModifiedDateTime": as_graph_time(now)}


def _person() -> Mapping[str, str]:
    name, account = random.choice(PEOPLE)  # noqa: S311 - invented data, not secrets
    return {"name": name, "address": f"{account}@contoso.example"}


def _pick(choices: tuple[str, ...]) -> str:
    return random.choice(choices)  # noqa: S311 - as above


def _message(now: datetime) -> dict[str, object]:
    return {
        "subject": _pick(_SUBJECTS),
        "bodyPreview": _pick(_SENTENCES),
        "from": {"emailAddress": _person()},
        "toRecipients": [{"emailAddress": _person()}],
        "receivedDateTime": as_graph_time(now),
        "importance": _pick(("low", "normal", "normal", "high")),
        "hasAttachments": False,
        "isRead": False,
    }


def _event(now: datetime) -> dict[str, object]:
    begin = now + timedelta(days=1)
    return {
        "subject": _pick(_SUBJECTS),
        "organizer": {"emailAddress": _person()},
        "start": {"dateTime": as_graph_time(begin), "timeZone": "UTC"},
        "end": {"dateTime": as_graph_time(begin + timedelta(hours=1)), "timeZone": "UTC"},
        "location": {"displayName": "Room 3.14"},
    }


def _contact(now: datetime) -> dict[str, object]:
    person = _person()
    return {
        "displayName": person["name"],
        "emailAddresses": [person],
        "createdDateTime": as_graph_time(now),
    }


def _chat_message(now: datetime) -> dict[str, object]:
    name = _person()["name"]
    return {
        "messageType": "message",
        "createdDateTime": as_graph_time(now),
        "from": {"user": {"displayName": name, "userIdentityType": "aadUser"}},
        "body": {"contentType": "text", "content": _pick(_SENTENCES)},
        "importance": "normal",
        "locale": "en-us",
        "attachments": [],
        "mentions": [],
        "reactions": [],
    }


def _drive_item(now: datetime) -> dict[str, object]:
    return {
        "name": _pick(_FILES),
        "size": random.randrange(10_000, 9_000_000),  # noqa: S311 - as above
        "file": {"mimeType": "application/octet-stream"},
        "lastModifiedBy": {"user": {"displayName": _person()["name"]}},
        "createdDateTime": as_graph_time(now),
    }


def _list_item(now: datetime) -> dict[str, object]:
    return {"fields": {"Title": _pick(_SUBJECTS)}, "createdDateTime": as_graph_time(now)}


def _user(now: datetime) -> dict[str, object]:  # noqa: ARG001 - all makers share one form
    return {"jobTitle": _pick(_TITLES), "officeLocation": f"{random.randrange(1, 9)}/114"}  # noqa: S311 - as above


def _group(now: datetime) -> dict[str, object]:  # noqa: ARG001 - as above
    return {"displayName": _pick(("Campaign", "House", "Payroll")), "description": _pick(_SENTENCES)}


def _presence(now: datetime) -> dict[str, object]:  # noqa: ARG001 - as above
    activity = _pick(("Available", "Busy", "Away", "DoNotDisturb"))
    return {"availability": activity, "activity": activity}


def _task(now: datetime) -> dict[str, object]:
    return {"title": _pick(_SUBJECTS), "status": "notStarted", "createdDateTime": as_graph_time(now)}


def _anything(now: datetime) -> dict[str, object]:
    return {"displayName": _pick(_SUBJECTS), "createdDateTime": as_graph_time(now)}
