"""Plausible content for whatever changes, with properties spelled as Graph does.

Source: the resource pages of https://learn.microsoft.com/graph/api/overview (2026).
"""

import random
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from subscriptions.sandbox import teams_contents
from subscriptions.sandbox.clock import as_graph_time
from subscriptions.sandbox.items import Item
from subscriptions.sandbox.people import SENTENCES, SUBJECTS, person, pick

_FILES = ("Figures Q4.xlsx", "Offer Contoso.docx", "Floor plan.pdf", "\u00dcbersicht.pptx")
_TITLES = ("Team lead", "Buyer", "Field engineer", "Controller")
_WITHOUT_STAMPS = frozenset({"teams", "event"})


def plausible(item: Item, now: datetime) -> dict[str, object]:
    """Return invented content that suits the item."""
    return _MAKERS[item.kind.odata_type.lower().removeprefix("#microsoft.graph.")](item, now) | stamps(
        item, now
    )


def stamps(item: Item, now: datetime) -> dict[str, object]:
    """Return what changes with every change of an item: the moment, and its etag where it has one."""
    changed: dict[str, object] = {"lastModifiedDateTime": as_graph_time(now)}
    if item.kind.style in _WITHOUT_STAMPS:
        return changed if item.kind.type_name == "chatMessage" else {}
    return {"@odata.etag": f'W/"{uuid.uuid4().hex[:20]}"', **changed}


def _message(_: Item, now: datetime) -> dict[str, object]:
    text = pick(*SENTENCES)
    sender = {"emailAddress": person()}
    return {
        "subject": pick(*SUBJECTS),
        "bodyPreview": text,
        "body": {"contentType": "text", "content": text},
        "sender": sender,
        "from": sender,
        "toRecipients": [{"emailAddress": person()}],
        "createdDateTime": as_graph_time(now),
        "receivedDateTime": as_graph_time(now),
        "importance": pick("low", "normal", "normal", "high"),
        "hasAttachments": False,
        "isRead": False,
    }


def _event(_: Item, now: datetime) -> dict[str, object]:
    begin = now + timedelta(days=1)
    return {
        "createdDateTime": as_graph_time(now),
        "subject": pick(*SUBJECTS),
        "organizer": {"emailAddress": person()},
        "start": {"dateTime": as_graph_time(begin), "timeZone": "UTC"},
        "end": {"dateTime": as_graph_time(begin + timedelta(hours=1)), "timeZone": "UTC"},
        "location": {"displayName": "Room 3.14"},
    }


def _contact(_: Item, now: datetime) -> dict[str, object]:
    someone = person()
    return {
        "displayName": someone["name"],
        "emailAddresses": [someone],
        "createdDateTime": as_graph_time(now),
    }


def _conversation(_: Item, now: datetime) -> dict[str, object]:
    return {
        "topic": pick(*SUBJECTS),
        "preview": pick(*SENTENCES),
        "uniqueSenders": [person()["name"]],
        "lastDeliveredDateTime": as_graph_time(now),
    }


def _drive_item(_: Item, now: datetime) -> dict[str, object]:
    return {
        "name": pick(*_FILES),
        "size": random.randrange(10_000, 9_000_000),  # noqa: S311 - invented data, not secrets
        "file": {"mimeType": "application/octet-stream"},
        "lastModifiedBy": {"user": {"displayName": person()["name"]}},
        "createdDateTime": as_graph_time(now),
    }


def _list_item(_: Item, now: datetime) -> dict[str, object]:
    return {"fields": {"Title": pick(*SUBJECTS)}, "createdDateTime": as_graph_time(now)}


def _user(_: Item, __: datetime) -> dict[str, object]:
    return {"jobTitle": pick(*_TITLES), "officeLocation": pick("1/114", "3/207", "8/021")}


def _group(_: Item, __: datetime) -> dict[str, object]:
    return {"displayName": pick("Campaign", "House", "Payroll"), "description": pick(*SENTENCES)}


def _task(_: Item, now: datetime) -> dict[str, object]:
    return {"title": pick(*SUBJECTS), "status": "notStarted", "createdDateTime": as_graph_time(now)}


def _base_task(_: Item, now: datetime) -> dict[str, object]:
    return {"displayName": pick(*SUBJECTS), "status": "notStarted", "createdDateTime": as_graph_time(now)}


def _security_alert(_: Item, now: datetime) -> dict[str, object]:
    return {
        "title": pick("Sign-in from an unusual place", "Mass download", "Malware found and removed"),
        "severity": pick("low", "medium", "high"),
        "status": "newAlert",
        "category": "suspiciousActivity",
        "createdDateTime": as_graph_time(now),
    }


def _health_alert(_: Item, now: datetime) -> dict[str, object]:
    return {
        "alertType": "mfaSignInFailure",
        "category": "authentication",
        "scenario": "mfa",
        "state": "active",
        "createdDateTime": as_graph_time(now),
    }


def _print_job(_: Item, now: datetime) -> dict[str, object]:
    return {
        "displayName": pick(*_FILES),
        "createdBy": {"displayName": person()["name"]},
        "createdDateTime": as_graph_time(now),
        "isFetchable": True,
        "status": {"state": "processing", "description": "The job is ready to be fetched."},
    }


def _print_task(item: Item, _: datetime) -> dict[str, object]:
    return {
        "status": {"state": "pending", "description": "The task waits for the app."},
        "parentUrl": f"https://graph.microsoft.com/v1.0/print/taskDefinitions/{item.path[2]}",
    }


def _approval(_: Item, now: datetime) -> dict[str, object]:
    return {
        "displayName": pick(*SUBJECTS),
        "approvalType": "basic",
        "state": "pending",
        "createdDateTime": as_graph_time(now),
    }


_MAKERS: Mapping[str, Callable[[Item, datetime], dict[str, object]]] = {
    "message": _message,
    "event": _event,
    "contact": _contact,
    "conversation": _conversation,
    "driveitem": _drive_item,
    "listitem": _list_item,
    "user": _user,
    "group": _group,
    "todotask": _task,
    "basetask": _base_task,
    "alert": _security_alert,
    "healthmonitoring.alert": _health_alert,
    "printjob": _print_job,
    "printtask": _print_task,
    "approvalitem": _approval,
    **teams_contents.MAKERS,
}
