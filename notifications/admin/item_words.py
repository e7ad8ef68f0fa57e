"""What happened to which thing, in a sentence, for each kind of resource that Graph tells of.

A kind is a noun and what can be added to it. Each addition names places in the content, in braces: a dotted path, `|`
between paths of which the first that is there counts, `#` before a list that is counted. An addition of which one place
is empty is left out, so that a sentence is made of whatever content there is, or of none.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.html import strip_tags
from django.utils.text import Truncator

LONGEST_VALUE = 120
_PLACE = re.compile(r"\{([^}]+)\}")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z)?")
# Where people and apps are named, in what order to look.
_NAMES = ("displayName", "name", "address", "userPrincipalName", "email", "upn")
_WRAPPED = ("emailAddress", "user", "application", "group", "device")
_NAMED_BY = ("displayName", "name", "subject", "title", "topic")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How to speak of one kind of thing."""

    noun: str
    additions: tuple[str, ...] = ()


_NAMED = "“{displayName|name}”"
_MEETING = ("organized by {meetingOrganizer}", "of {createdDateTime}")
_REQUEST = ("“{senderMessage}”", "which is {state}")
_VIRTUAL_EVENT = Kind(noun="a virtual event", additions=(_NAMED, "on {startDateTime.dateTime}"))
_MEMBER = Kind(noun="a membership", additions=("of {displayName|email|userId}",))
_PRINT_TASK = Kind(noun="a print task", additions=("which is {status.state}",))
_PRINT_JOB = Kind(noun="a print job", additions=(_NAMED, "of {createdBy}"))
_LIST_ITEM = Kind(noun="a list item", additions=("“{fields.Title|displayName|name}”", "by {lastModifiedBy}"))

# By the last word of Graph's type, in lower case: what is watched, and what notifications call it.
KINDS: Mapping[str, Kind] = {
    "message": Kind(
        noun="a message",
        additions=("from {from|sender}", "to {toRecipients}", "with the subject “{subject}”"),
    ),
    "event": Kind(
        noun="a calendar event", additions=("“{subject}”", "of {organizer}", "on {start.dateTime}")
    ),
    "contact": Kind(noun="a contact", additions=("“{displayName|emailAddresses}”",)),
    "user": Kind(
        noun="a user account",
        additions=("“{displayName|userPrincipalName|mail}”", "with the job title “{jobTitle}”"),
    ),
    "group": Kind(noun="a group", additions=("“{displayName|mail}”",)),
    "conversation": Kind(noun="a group conversation", additions=("about “{topic}”", "with {uniqueSenders}")),
    "driveitem": Kind(noun="a file or folder", additions=("“{name}”", "by {lastModifiedBy|createdBy}")),
    "list": _LIST_ITEM,
    "listitem": _LIST_ITEM,
    "alert": Kind(
        noun="an alert",
        additions=("“{title|displayName|alertType}”", "of {severity} severity", "in {scenario}"),
    ),
    "printer": _PRINT_JOB,
    "printjob": _PRINT_JOB,
    "printtaskdefinition": _PRINT_TASK,
    "printtask": _PRINT_TASK,
    "todotask": Kind(noun="a task", additions=("“{title}”",)),
    "basetask": Kind(noun="a task", additions=("“{displayName|title}”",)),
    "callrecord": Kind(
        noun="a call record", additions=("of {organizer}", "from {startDateTime} to {endDateTime}")
    ),
    "chat": Kind(noun="a chat", additions=("about “{topic}”",)),
    "chatmessage": Kind(noun="a chat message", additions=("by {from}", "with the text “{body.content}”")),
    "channel": Kind(noun="a channel", additions=(_NAMED,)),
    "sharedwithchannelteaminfo": Kind(noun="the sharing of a channel", additions=("with “{displayName}”",)),
    "team": Kind(noun="a team", additions=(_NAMED,)),
    "conversationmember": _MEMBER,
    "aaduserconversationmember": _MEMBER,
    "teamsappinstallation": Kind(
        noun="an installation of a Teams app",
        additions=("“{teamsApp.displayName|teamsAppDefinition.displayName}”", "in a {scopeInfo.scope}"),
    ),
    "presence": Kind(noun="somebody's presence", additions=("(now {activity|availability})",)),
    "onlinemeeting": Kind(
        noun="a call of an online meeting", additions=("({eventType})", "at {eventDateTime}")
    ),
    "calltranscript": Kind(noun="a transcript of a call or meeting", additions=_MEETING),
    "callrecording": Kind(noun="a recording of a call or meeting", additions=_MEETING),
    "emergencycallevent": Kind(
        noun="an emergency call",
        additions=(
            "by {emergencyCallEvent.callerInfo}",
            "to {emergencyCallEvent.emergencyNumberDialed}",
        ),
    ),
    "callevent": Kind(noun="a call", additions=("({callEventType})", "at {eventDateTime}")),
    "virtualevent": _VIRTUAL_EVENT,
    "virtualeventwebinar": _VIRTUAL_EVENT,
    "virtualeventtownhall": _VIRTUAL_EVENT,
    "virtualeventsession": Kind(noun="a session of a virtual event", additions=("“{subject}”",)),
    "virtualeventregistration": Kind(
        noun="a registration for a virtual event", additions=("of {email}", "which is {status}")
    ),
    "meetingattendancereport": Kind(
        noun="an attendance report", additions=("with {totalParticipantCount} participants",)
    ),
    "approvalitem": Kind(noun="an approval", additions=(_NAMED, "which is {state}")),
    "offershiftrequest": Kind(noun="an offer of a shift", additions=_REQUEST),
    "openshiftchangerequest": Kind(noun="a request for an open shift", additions=_REQUEST),
    "shift": Kind(
        noun="a shift",
        additions=(
            "“{sharedShift.displayName}”",
            "from {sharedShift.startDateTime} to {sharedShift.endDateTime}",
        ),
    ),
    "swapshiftschangerequest": Kind(noun="a request to swap shifts", additions=_REQUEST),
    "timeoffrequest": Kind(noun="a request for time off", additions=_REQUEST),
    "aiinteraction": Kind(
        noun="a Copilot interaction",
        additions=("by {from}", "({interactionType})", "with the text “{body.content}”"),
    ),
    "callaiinsight": Kind(
        noun="an AI insight of a meeting",
        additions=("with {#meetingNotes} notes and {#actionItems} action items",),
    ),
}
_VERBS = {"created": "was created", "updated": "was updated", "deleted": "was deleted"}


def sentence(
    resource_type: str,
    change_type: str,
    *,
    content: Mapping[str, Any] | None = None,
    before: Mapping[str, Any] | None = None,
) -> str:
    """Return what happened, without the full stop; `before` is the content of the state before, where known."""
    name = resource_type.rpartition(".")[2].removeprefix("#")
    kind = KINDS.get(name.lower()) or Kind(noun=f"an item of type {name}" if name else "an item")
    added = [filled for addition in kind.additions if (filled := _filled(addition, content or {}))]
    verb = _VERBS.get(change_type, f"was {change_type or 'changed'}")
    if change_type == "updated" and (former := _former_name(before or {}, content or {})):
        verb = f"was renamed from “{former}”"
    said = " ".join((kind.noun, *added, verb))
    return said[0].upper() + said[1:]


def _former_name(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    for name in _NAMED_BY:
        old, new = before.get(name), after.get(name)
        if isinstance(old, str) and isinstance(new, str):
            return _plain(old) if old and old != new else ""
    return ""


def _filled(addition: str, content: Mapping[str, Any]) -> str:
    """Return an addition with its places filled; nothing where one of them is empty."""
    values = {place: _value(place, content) for place in _PLACE.findall(addition)}
    return _PLACE.sub(lambda match: values[match[1]], addition) if all(values.values()) else ""


def _value(place: str, content: Mapping[str, Any]) -> str:
    if place.startswith("#"):
        found = _at(place[1:], content)
        return str(len(found)) if isinstance(found, list) else ""
    return next(filter(None, (_told(_at(path, content)) for path in place.split("|"))), "")


def _at(path: str, content: Any) -> Any:
    for name in path.split("."):
        content = content.get(name) if isinstance(content, Mapping) else None
    return content


def _told(value: Any) -> str:
    """Return a value as one says it: a person by name, several by number, a time to the minute."""
    if isinstance(value, list):
        return _told(value[0]) if len(value) == 1 else f"{len(value)} people" if value else ""
    if isinstance(value, Mapping):
        inner = (value.get(name) for name in (*_NAMES, *_WRAPPED))
        return next(filter(None, map(_told, inner)), "")
    if isinstance(value, bool) or value is None:
        return ""
    return _plain(str(value))


def _plain(text: str) -> str:
    if moment := _TIME.fullmatch(text):
        return f"{moment[1]} {moment[2]}{' UTC' if moment[3] else ''}"
    words = " ".join(html.unescape(strip_tags(text)).split())
    return Truncator(words).chars(LONGEST_VALUE)
