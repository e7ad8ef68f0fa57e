"""Item paths: from the resource that a notification names to what may be read at our own Graph root.

A notification is genuine by its clientState, and still its text is not ours: nothing in it may lead anywhere but to an
item of the kind that Graph tells of, and in a mailbox to none but the watched one.
"""

import re
from collections.abc import Iterator
from functools import cache
from urllib.parse import parse_qsl, quote, unquote

from notifications.models import ChangeNotification
from subscriptions.catalogue import entries, entry_for
from subscriptions.models import Subscription

LONGEST_PATH = 2_000
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# teams('19:abc@thread.tacv2') or plain text.
_PART = re.compile(r"(?P<name>[^/()']+)(?:\('(?P<key>[^()']+)'\))?")
_REFUSED_PARTS = frozenset({".", "..", "delta"})
_SMALLEST = 2


class NotFetchableError(Exception):
    """There is nothing to be asked for; the text says why, and what to do instead."""


def item_path(notification: ChangeNotification, subscription: Subscription) -> str:
    """Return the path, with its query, at which the item of a notification is read; it begins with a slash.

    Raises:
        NotFetchableError: the notification names no item that may be read.

    """
    entry = entry_for(subscription.resource)
    is_found = notification.origin == ChangeNotification.Origin.DELTA
    if entry is not None and entry.names_no_item and not is_found:
        raise NotFetchableError(
            "Graph tells that something changed there, not what. The changed items become known by recovery "
            "(recover_changes)."
        )
    parts = list(_parts(notification.resource))
    if len(parts) < _SMALLEST or parts[0].lower() not in _roots():
        raise NotFetchableError("It does not name an item of a kind that Graph tells of.")
    watched = subscription.resource.partition("?")[0].strip("/").split("/")
    if _names_another_user(parts, watched):
        raise NotFetchableError("It names another user than the one whom the subscription watches.")
    return "/" + "/".join(quote(part, safe="") for part in parts) + _select(subscription)


def _parts(unverified_resource: str) -> Iterator[str]:
    """Yield the segments of a path, decoded; a key in parentheses is a segment of its own."""
    if len(unverified_resource) > LONGEST_PATH or not unverified_resource.isprintable():
        raise NotFetchableError("Its path is too long, or holds invisible characters.")
    for segment in unverified_resource.strip("/").split("/"):
        match = _PART.fullmatch(segment)
        if match is None:
            raise NotFetchableError("Its path is not written as Graph writes it.")
        for part in (match["name"], match["key"]):
            if part is not None:
                yield _checked(unquote(part))


def _checked(part: str) -> str:
    is_harmless = part.isprintable() and not set(part) & set("/\\?#%") and not part.startswith("$")
    if not is_harmless or part.strip() != part or part.lower() in _REFUSED_PARTS:
        raise NotFetchableError("Its path holds a part that leads elsewhere.")
    return part


def _names_another_user(parts: list[str], watched: list[str]) -> bool:
    """Say whether both are about one user each, named by id, and not the same."""
    users = [path[1] for path in (parts, watched) if path[0].lower() == "users" and len(path) >= _SMALLEST]
    is_comparable = len(users) == 2 and all(_GUID.fullmatch(user) for user in users)  # noqa: PLR2004 -- both
    return is_comparable and users[0].lower() != users[1].lower()


def _select(subscription: Subscription) -> str:
    """Ask for the properties that the subscription was to bring, where it names some."""
    query = subscription.resource.partition("?")[2]
    selected = next((value for name, value in parse_qsl(query) if name.lower() in {"$select", "select"}), "")
    return f"?$select={quote(selected, safe=',')}" if selected else ""


@cache
def _roots() -> frozenset[str]:
    """Return with what paths of items begin: as those of the catalogue do."""
    return frozenset(entry.path.strip("/").split("/")[0].lower() for entry in entries())
