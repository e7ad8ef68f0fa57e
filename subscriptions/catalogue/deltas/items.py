"""What an item of a delta answer says: which thing changed, how, and in which version it is now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from subscriptions.catalogue.deltas.kinds import DeltaKind
from subscriptions.catalogue.deltas.plans import Collection

# Graph's stamps are cut to the second, and its clock is not ours.
SKEW = timedelta(seconds=5)
# As long as the one of a notification may be.
_LONGEST_ID = 512


@dataclass(frozen=True, kw_only=True)
class FoundChange:
    """One change as a delta query tells it: the last one of an item; those before it are not told.

    `change_type` is in Graph's words for notifications. `etag` and `modified_at` tell versions apart where Graph gives
    them; `member` is the one who came to or left a group. `document` is the item as it came.
    """

    item_id: str
    change_type: str
    resource: str
    resource_type: str
    etag: str = ""
    modified_at: datetime | None = None
    member: str = ""
    document: Mapping[str, Any] = field(repr=False)

    @property
    def is_deletion(self) -> bool:
        """Say whether the item is gone."""
        return self.change_type == "deleted"

    def as_update(self) -> "FoundChange":
        """Return the same change, told as an update."""
        return replace(self, change_type="updated")


def changes_in(
    document: Mapping[str, Any], collection: Collection, *, taken_at: datetime
) -> Iterator[FoundChange]:
    """Yield what an item of a delta answer tells; `taken_at` is since when its link has told changes.

    An item that was created since then counts as created, whatever happened to it afterwards. A group yields one
    change for each member who came or went. Of an event that recurs, the series counts and not its single dates.
    """
    item_id = document.get("id")
    if not isinstance(item_id, str) or not 0 < len(item_id) <= _LONGEST_ID or not item_id.isprintable():
        return
    if collection.kind == DeltaKind.EVENTS and document.get("type") == "occurrence":
        return
    plain = FoundChange(
        item_id=item_id,
        change_type=_change_type(document, collection.kind, taken_at=taken_at),
        resource=_name(collection, item_id),
        resource_type=collection.kind.traits.resource_type,
        etag=_etag(document),
        modified_at=moment(document.get("lastModifiedDateTime")),
        document=document,
    )
    members = document.get("members@delta")
    if collection.kind not in (DeltaKind.MEMBERS, DeltaKind.GROUPS) or not isinstance(members, list):
        if collection.kind != DeltaKind.MEMBERS or plain.is_deletion:
            yield plain
        return
    if collection.kind == DeltaKind.GROUPS and document.keys() - {"id", "members@delta", "@odata.type"}:
        yield plain
    for member in members:
        if isinstance(member, dict) and isinstance(member.get("id"), str):
            yield _of_member(plain, member)


def as_wanted(change: FoundChange, wanted: frozenset[str]) -> FoundChange | None:
    """Return the change as a subscription to these change types is told of it, or None where it is told nothing.

    What was created and then changed again is, to those who asked for updates only, an update.
    """
    if change.change_type in wanted:
        return change
    created_at = moment(change.document.get("createdDateTime"))
    was_changed = change.modified_at and created_at and change.modified_at > created_at
    if change.change_type == "created" and "updated" in wanted and was_changed:
        return change.as_update()
    return None


def member_mark(member: Mapping[str, Any]) -> str:
    """Return who came or left, as text that notifications and delta answers have in common."""
    return f"{member.get('id')} {'left' if '@removed' in member else 'came'}"


def moment(value: object) -> datetime | None:
    """Read one of Graph's timestamps as UTC; None where there is none."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _etag(document: Mapping[str, Any]) -> str:
    # Messages of Teams have a property of that name, files an eTag.
    for name in ("@odata.etag", "etag", "eTag"):
        if isinstance(etag := document.get(name), str) and etag:
            return etag
    return ""


def _of_member(plain: FoundChange, member: Mapping[str, Any]) -> FoundChange:
    document = {"id": plain.item_id, "members@delta": [dict(member)]}
    return FoundChange(
        item_id=plain.item_id,
        change_type="updated",
        resource=plain.resource,
        resource_type=plain.resource_type,
        member=member_mark(member),
        document=document,
    )


def _change_type(document: Mapping[str, Any], kind: DeltaKind, *, taken_at: datetime) -> str:
    """Derive the change type.

    Of users and groups, creation and soft deletion are updates, as in notifications; only the permanent one deletes.
    Source: resources/subscription.md (2026-09-17), delta-query-overview.md (2026-05-14).
    """
    is_directory = kind.traits.token_life is not None
    removed = document.get("@removed")
    if isinstance(removed, Mapping):
        return "updated" if is_directory and removed.get("reason") == "changed" else "deleted"
    if document.get("deleted"):
        return "deleted"
    created_at = moment(document.get("createdDateTime"))
    is_new = created_at is not None and created_at >= taken_at - SKEW
    return "created" if is_new and not is_directory else "updated"


def _name(collection: Collection, item_id: str) -> str:
    path = unquote(collection.path).strip("/")
    if collection.kind == DeltaKind.CHANNEL:
        _, team, _, channel, *_ = path.split("/")
        return f"teams('{team}')/channels('{channel}')/messages('{item_id}')"
    first, _, rest = path.partition("/")
    owner = "me" if first == "me" else f"Users/{rest.partition('/')[0]}"
    name = collection.kind.traits.name
    return name.format(owner=owner, path=path, home=path.removesuffix("/root"), id=item_id)
