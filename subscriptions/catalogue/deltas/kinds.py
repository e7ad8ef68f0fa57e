"""The kinds of collection that a delta query can follow, and what Microsoft's pages say about each.

Source: delta-query-overview.md (2026-05-14) and the delta page of each resource (2026).
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class DeltaKind(StrEnum):
    """What a tracked collection holds."""

    FOLDERS = "folders"
    MESSAGES = "messages"
    EVENTS = "events"
    CONTACTS = "contacts"
    USERS = "users"
    GROUPS = "groups"
    MEMBERS = "members"
    DRIVE = "drive"
    LIST = "list"
    CHANNEL = "channel"
    TASKS = "tasks"

    @property
    def traits(self) -> "Traits":
        """Return what is known of this kind."""
        return _TRAITS[self]


@dataclass(frozen=True, kw_only=True)
class Traits:
    """How one kind behaves.

    `latest` is the query option that begins from now; `since` the name of the property by which a beginning can be
    filtered instead. Where both are empty, a beginning has to be read through to its end. `select` holds the properties
    that suffice to tell a change, where a selection is allowed without narrowing what counts as one. `is_dated` says
    that items tell when they were modified, so that after the loss of a token a full reading finds what was missed.
    `name` is how notifications name an item: {owner} is the user or `me`, {path} the collection, {home} what holds it.
    `hides_items` says that notifications name no item, so nothing they told can be compared. `takes_page_size` says
    that larger pages may be asked for.
    """

    resource_type: str
    name: str
    latest: str = ""
    since: str = ""
    select: tuple[str, ...] = ()
    is_dated: bool = True
    token_life: timedelta | None = None
    hides_items: bool = False
    takes_page_size: bool = False
    limit: str = ""


DIRECTORY_TOKEN_LIFE = timedelta(days=7)
_OUTLOOK = ("id", "createdDateTime", "lastModifiedDateTime")

_TRAITS = {
    DeltaKind.FOLDERS: Traits(
        resource_type="mailFolder", name="{owner}/mailFolders/{id}", takes_page_size=True
    ),
    DeltaKind.MESSAGES: Traits(
        resource_type="message", name="{owner}/Messages/{id}", select=_OUTLOOK, takes_page_size=True
    ),
    DeltaKind.EVENTS: Traits(
        resource_type="event",
        name="{owner}/Events/{id}",
        takes_page_size=True,
        limit="Events that began more than a month ago or begin in more than a year are not found.",
    ),
    DeltaKind.CONTACTS: Traits(
        resource_type="contact", name="{owner}/Contacts/{id}", select=_OUTLOOK, takes_page_size=True
    ),
    DeltaKind.USERS: Traits(
        resource_type="user",
        name="Users/{id}",
        latest="$deltatoken",
        is_dated=False,
        token_life=DIRECTORY_TOKEN_LIFE,
    ),
    DeltaKind.GROUPS: Traits(
        resource_type="group",
        name="Groups/{id}",
        latest="$deltatoken",
        is_dated=False,
        token_life=DIRECTORY_TOKEN_LIFE,
    ),
    DeltaKind.MEMBERS: Traits(
        resource_type="group",
        name="Groups/{id}",
        latest="$deltatoken",
        is_dated=False,
        token_life=DIRECTORY_TOKEN_LIFE,
    ),
    DeltaKind.DRIVE: Traits(
        resource_type="driveItem", name="{home}/items/{id}", latest="token", hides_items=True
    ),
    DeltaKind.LIST: Traits(resource_type="listItem", name="{path}/{id}", latest="token", hides_items=True),
    DeltaKind.CHANNEL: Traits(
        resource_type="chatMessage",
        name="{path}/{id}",
        since="lastModifiedDateTime",
        limit="Replies are not found: the delta query of a channel tells only what begins a conversation.",
    ),
    DeltaKind.TASKS: Traits(resource_type="todoTask", name="{path}/{id}"),
}
