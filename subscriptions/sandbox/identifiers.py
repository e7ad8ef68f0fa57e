"""Ids in the forms that Graph gives to each kind of thing."""

import base64
import hashlib
import random
import secrets
import uuid
from collections.abc import Callable, Mapping

_FIRST_MILLISECOND = 1_794_800_000_000


def new(type_name: str) -> str:
    """Return a new id for a thing whose @odata.type ends in this name."""
    return _MAKERS.get(type_name.lower(), _guid)()


def of_request() -> str:
    """Return the id of a call; nobody gains by guessing one, and the system's own randomness costs a call to it."""
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def immutable(identifier: str) -> str:
    """Return the id of a mailbox item that stays when the item is moved.

    Source: https://learn.microsoft.com/graph/outlook-immutable-id (2024).
    """
    digest = hashlib.sha256(identifier.encode()).digest()
    return f"AAkALgAAAAAAHYQDEapmEc2byACqAC{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def _guid() -> str:
    return str(uuid.uuid4())


def _mailbox() -> str:
    return f"AAMkAD{uuid.uuid4().hex}"


def _milliseconds() -> str:
    return str(_FIRST_MILLISECOND + secrets.randbelow(1_000_000_000))


def _sealed(prefix: str) -> Callable[[], str]:
    """Make ids that are Base64 of a prefix and a GUID, as those of members and transcripts."""
    return lambda: base64.b64encode(f"{prefix}##{uuid.uuid4()}".encode()).decode()


_MAKERS: Mapping[str, Callable[[], str]] = {
    **dict.fromkeys(("message", "event", "contact", "todotask", "basetask"), _mailbox),
    **dict.fromkeys(("chatmessage", "aiinteraction"), _milliseconds),
    "chat": lambda: f"19:{uuid.uuid4().hex}@unq.gbl.spaces",
    "channel": lambda: f"19:{uuid.uuid4().hex}@thread.tacv2",
    "aaduserconversationmember": _sealed("member"),
    "teamsappinstallation": _sealed("installation"),
    "calltranscript": _sealed("1##0"),
    "callrecording": _sealed("V2"),
    "shift": lambda: f"SHFT_{uuid.uuid4()}",
    "printjob": lambda: str(secrets.randbelow(90_000) + 10_000),
}
