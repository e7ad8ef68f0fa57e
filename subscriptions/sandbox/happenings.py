"""Let things happen in the world and tell the subscribers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from subscriptions.sandbox import contents, notices, query_options
from subscriptions.sandbox.behaviour import Behaviour
from subscriptions.sandbox.clock import Clock
from subscriptions.sandbox.delivery import Courier
from subscriptions.sandbox.items import Item
from subscriptions.sandbox.paths import Canonical
from subscriptions.sandbox.preferences import PERMISSION_CHANGES
from subscriptions.sandbox.stored import Shelf
from subscriptions.sandbox.tenants import Tenants
from subscriptions.sandbox.world import Change, World

CHANGE_TYPES = frozenset({"created", "updated", "deleted"})


@dataclass(frozen=True, kw_only=True)
class Happening:
    """Something that is about to happen to the item at a path, or in the collection at a path."""

    path: Canonical
    change_type: str
    content: Mapping[str, object] | None = None

    @property
    def is_of_permissions(self) -> bool:
        """Tell whether nothing but `permissions` changes."""
        return (self.content or {}).keys() == {"permissions"}


@dataclass(frozen=True, kw_only=True)
class Happenings:
    """Change the world, find who watches, and post the notices."""

    world: World
    tenants: Tenants
    shelf: Shelf
    courier: Courier
    clock: Clock
    home_tenant_id: str
    prove: Callable[[str, str], str]
    behaviour: Behaviour

    def let(self, happenings: Iterable[Happening]) -> list[Change]:
        """Let things happen together.

        Raises:
            ValueError: a change type is unknown.
        """
        made = [(self._changed(happening), happening) for happening in happenings]
        self._post([notice for change, happening in made for notice in self._notices(change, happening)])
        return [change for change, _ in made]

    def send_lifecycle(self, subscription_id: str, event: str) -> None:
        """Send a lifecycle notice; `subscriptionRemoved` also removes the subscription.

        Raises:
            KeyError: there is no such subscription.
            ValueError: the event is unknown or the subscription has no lifecycle URL.
        """
        notice = notices.lifecycle_notice(self.shelf.all()[subscription_id], event)
        if event == "subscriptionRemoved":
            self.shelf.remove(subscription_id)
        self._post([notice])

    def _changed(self, happening: Happening) -> Change:
        if happening.change_type not in CHANGE_TYPES:
            raise ValueError(f"{happening.change_type!r} is no change type")
        tenant_id = self._tenant_id(happening.path)
        identifier = str((happening.content or {}).get("id", ""))
        item = self.world.locate(
            happening.path, happening.change_type, tenant_id=tenant_id, identifier=identifier
        )
        content = self._content(item, happening, tenant_id)
        now = self.clock.now()
        return self.world.record(item, happening.change_type, content, tenant_id=tenant_id, now=now)

    def _content(self, item: Item, happening: Happening, tenant_id: str) -> Mapping[str, object]:
        now = self.clock.now()
        given = happening.content or {}
        if happening.change_type == "deleted":
            return given
        if given and self.world.content(item.path, tenant_id) is not None:
            return {**contents.stamps(item, now), **given}
        return {**contents.plausible(item, now), **given}

    def _notices(self, change: Change, happening: Happening) -> list[notices.Notice]:
        is_of_permissions = change.item.kind.style == "container" and happening.is_of_permissions
        return [
            notices.change_notice(one, change)
            for one in self.shelf.all().values()
            if one.tenant_id == change.tenant_id
            and change.change_type in one.change_types
            and change.item.is_seen_at(one.path)
            and (one.prefers(PERMISSION_CHANGES) or not is_of_permissions)
            and query_options.names(one.resource, change.item.id)
            and query_options.admits(one.notification_query_options, change.content)
        ]

    def _post(self, found: Sequence[notices.Notice]) -> None:
        for address in dict.fromkeys(notice.address for notice in found):
            together = [notice for notice in found if notice.address == address]
            for group in [together] if self.behaviour.group_deliveries else [[notice] for notice in together]:
                self.courier.post(address, notices.envelope(group, self.prove))

    def _tenant_id(self, path: Canonical) -> str:
        # A user's things belong to the user's tenant, everything else to the first.
        owner = self.tenants.user(path[1]) if len(path) > 1 and path[0].lower() == "users" else None
        return owner.tenant_id if owner else self.home_tenant_id
