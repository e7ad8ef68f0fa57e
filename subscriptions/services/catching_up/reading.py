"""Follow every link of one subscription to its end."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from subscriptions.catalogue import deltas
from subscriptions.catalogue.deltas import Collection, DeltaKind, DeltaPlan, FoundChange
from subscriptions.graph.client import GraphClient
from subscriptions.graph.documents import DeltaPage
from subscriptions.graph.errors import (
    GraphError,
    ResourceNotFoundError,
    SyncStateLostError,
    UnexpectedAnswerError,
)
from subscriptions.keys.field_encryption import FieldDecryptionError
from subscriptions.models import DeltaLink, Subscription
from subscriptions.services import gaps
from subscriptions.services.access.clients import version_of
from subscriptions.services.catching_up.holding import Hold
from subscriptions.services.catching_up.reports import Period, Report, Store
from subscriptions.services.errors import UnreadableSecretError

PAGE_SIZE = 200
# A beginning that comes later than this after the grant does not look back at all that happened in between.
LONGEST_UNFOLLOWED = timedelta(days=1)
# Shows messages of other folders once more.
SEARCH_FOLDER = "#microsoft.graph.mailSearchFolder"
Stage = DeltaLink.Stage


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Reads for one run, and writes each page together with the step to the next."""

    subscription: Subscription
    plan: DeltaPlan
    client: GraphClient
    hold: Hold
    store: Store
    report: Report

    def follow_all(self) -> None:
        """Follow every link to its end; one that is refused does not keep the others from their turn.

        Raises:
            GraphError: the first refusal, or what stopped the run.
            BusyError: another run has taken over.

        """
        for collection in self.plan.collections:
            self._link_for(collection, **self._beginning(collection))
        refusal: GraphError | None = None
        last = 0
        # Folders that are found on the way come later in this order.
        while link := self._links().filter(pk__gt=last).order_by("pk").first():
            last = link.pk
            try:
                self._follow(link)
            except ResourceNotFoundError as error:
                if not self._is_lost_folder(link):
                    refusal = refusal or error
            except GraphError as error:
                if error.is_transient:
                    raise
                refusal = refusal or error
        if refusal:
            raise refusal

    def _links(self) -> QuerySet[DeltaLink]:
        return DeltaLink.objects.filter(subscription=self.subscription)

    def _link_for(self, collection: Collection, **facts: object) -> None:
        self._links().get_or_create(
            subscription=self.subscription,
            path=collection.path,
            defaults={"kind": collection.kind.value, **facts},
        )

    def _beginning(self, collection: Collection) -> dict[str, object]:
        """Return how a collection begins: where it is read through anyway, what is new since the grant counts."""
        traits, granted_at = collection.kind.traits, self.subscription.granted_at
        if traits.latest or not traits.is_dated or granted_at is None:
            return {}
        return {
            "stage": Stage.REREADING,
            "since": max(granted_at, self.hold.taken_at - LONGEST_UNFOLLOWED),
        }

    def _is_lost_folder(self, link: DeltaLink) -> bool:
        """Drop the link of a folder that no longer exists, and say whether it was one."""
        if _collection(link) in self.plan.collections:
            return False
        with transaction.atomic():
            self.hold.renew()
            link.delete()
        return True

    def covers_from(self) -> datetime | None:
        """Return since when every change is known in all collections; None while one has not begun."""
        moments = list(self._links().values_list("covers_from", flat=True))
        known = [moment for moment in moments if moment]
        return max(known) if known and len(known) == len(moments) else None

    # One link

    def _follow(self, link: DeltaLink) -> None:
        self._read(link)
        if _has_old_window(link):
            # All in the old one is known by now.
            self._begin(link, Stage.REREADING, since=link.taken_at)
            self._read(link)

    def _read(self, link: DeltaLink) -> None:
        """Read page by page until Graph says where to go on another time.

        Raises:
            GraphError: Graph refused, forgets our place again and again, or leads round in a circle.

        """
        has_begun_anew = False
        while True:
            started_at = link.started_at or self.hold.clock()
            place = self._place(link)
            try:
                page = self.client.delta_page(
                    place, version=version_of(self.subscription), prefer=self._prefer(link)
                )
            except SyncStateLostError:
                if has_begun_anew or not (link.cursor or link.link):
                    raise
                has_begun_anew = True
                self._begin_anew(link)
                continue
            if page.next_link == place:
                raise UnexpectedAnswerError("A page of Graph's delta query leads back to itself.")
            self.report.pages += 1
            self._take(link, page, started_at=started_at)
            if page.delta_link:
                return

    def _place(self, link: DeltaLink) -> str:
        if not link.cursor and link.stage != Stage.FOLLOWING:
            return self.plan.beginning(_collection(link), now=self.hold.clock(), since=link.since)
        try:
            return (link.cursor or link.link).reveal()
        except FieldDecryptionError as error:
            raise UnreadableSecretError(str(error)) from error

    def _prefer(self, link: DeltaLink) -> tuple[str, ...]:
        has_size = _collection(link).kind.traits.takes_page_size
        size = (f"odata.maxpagesize={PAGE_SIZE}",) if has_size else ()
        ids = ('IdType="ImmutableId"',) if self.subscription.use_immutable_ids else ()
        return (*size, *ids)

    # One page

    def _take(self, link: DeltaLink, page: DeltaPage, *, started_at: datetime) -> None:
        now = self.hold.clock()
        tells_changes = link.kind != DeltaKind.FOLDERS and link.stage != Stage.BEGINNING
        changes = self._without_moves(link, self._changes(link, page)) if tells_changes else []
        with transaction.atomic():
            self.hold.renew()
            if link.kind == DeltaKind.FOLDERS:
                self._take_folders(link, page)
            elif tells_changes:
                self.report.add(self.store(self.subscription, changes, period=self._period(link), now=now))
            _advance(link, page, started_at=started_at)
            link.save()

    def _take_folders(self, link: DeltaLink, page: DeltaPage) -> None:
        facts: dict[str, object] = {}
        if link.stage != Stage.BEGINNING:
            # What lies in a folder that is new since the last listing came there since then.
            since = _since(link) - deltas.SKEW if link.taken_at else _since(link)
            facts = {"stage": Stage.REREADING, "since": since, "covers_from": link.covers_from}
        for item in page.items:
            folder_id = item.get("id")
            if not isinstance(folder_id, str) or not folder_id or item.get("@odata.type") == SEARCH_FOLDER:
                continue
            folder = self.plan.folder(_collection(link), folder_id)
            if "@removed" in item:
                self._links().filter(path=folder.path).delete()
            else:
                self._link_for(folder, **facts)

    def _changes(self, link: DeltaLink, page: DeltaPage) -> list[FoundChange]:
        collection, since = _collection(link), _since(link)
        # What lay there just before the first beginning must not count.
        modified_since = since - deltas.SKEW if link.taken_at else since
        found = [
            change
            for item in page.items
            for change in deltas.changes_in(item, collection, taken_at=since)
            if self.plan.only_id.lower() in ("", change.item_id.lower())
            and (link.stage == Stage.FOLLOWING or _was_modified(change, since=modified_since))
        ]
        if collection.kind.traits.hides_items:
            return found
        wanted = frozenset(self.subscription.change_type.split(","))
        return [told for change in found if (told := deltas.as_wanted(change, wanted))]

    def _without_moves(self, link: DeltaLink, changes: list[FoundChange]) -> list[FoundChange]:
        """Leave out what only left its folder, where all folders are watched and ids outlast a move.

        The folder where it is now tells of it. Source: outlook-immutable-id.md (2024).
        """
        is_one_of_many = link.kind == DeltaKind.MESSAGES and _collection(link) not in self.plan.collections
        gone = [change for change in changes if change.is_deletion]
        if not (gone and is_one_of_many and self.subscription.use_immutable_ids):
            return changes
        readings = self.client.read_items(
            [self.plan.message(change.item_id) for change in gone],
            version=version_of(self.subscription),
            prefer=self._prefer(link),
        )
        moved = set()
        for change, reading in zip(gone, readings, strict=True):
            if reading.error is None:
                moved.add(change.item_id)
            elif not isinstance(reading.error, ResourceNotFoundError):
                raise reading.error
        return [change for change in changes if not (change.is_deletion and change.item_id in moved)]

    def _period(self, link: DeltaLink) -> Period:
        since, missed_at = _since(link), self.hold.missed_at
        return Period(
            since=since,
            known_from=max(since, missed_at) if missed_at else since,
            key=f"{link.pk}/{since.isoformat()}",
        )

    # Beginning anew

    def _begin_anew(self, link: DeltaLink) -> None:
        """Begin again where Graph has forgotten our place, and say what may be missing for it.

        The address that Graph offers for this in `Location` is not used: our own does the same, and is surely ours.
        """
        if link.stage != Stage.FOLLOWING or link.taken_at is None:
            self._begin(link, Stage(link.stage), since=link.since)
            return
        is_dated = _collection(link).kind.traits.is_dated
        lost_from, now = link.taken_at, self.hold.clock()
        stage, since = (Stage.REREADING, lost_from) if is_dated else (Stage.BEGINNING, None)
        if link.kind == DeltaKind.FOLDERS:
            self._begin(link, stage, since=since)
            return
        lost = "deletions" if is_dated else "changes"
        note = f"Graph had forgotten our place in {link.path}: {lost} cannot be found."
        with transaction.atomic():
            gaps.record_reset(self.subscription, began_at=lost_from, ended_at=now, note=note)
            self._begin(link, stage, since=since)
        self.report.resets.append(f"{note} Between {_utc(lost_from)} and {_utc(now)}.")

    def _begin(self, link: DeltaLink, stage: Stage, *, since: datetime | None) -> None:
        link.stage, link.since = stage, since
        link.link = link.cursor = ""
        link.started_at = None
        with transaction.atomic():
            self.hold.renew()
            link.save()


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _collection(link: DeltaLink) -> Collection:
    return Collection(kind=DeltaKind(link.kind), path=link.path)


def _has_old_window(link: DeltaLink) -> bool:
    """Say whether a calendar view, whose window stays where its token was made, has to be laid anew."""
    if link.kind != DeltaKind.EVENTS or link.begun_at is None or link.taken_at is None:
        return False
    return link.taken_at - link.begun_at > deltas.WINDOW_LASTS


def _since(link: DeltaLink) -> datetime:
    """Return since when what is being read has changed."""
    since = link.since or link.taken_at
    if since is None:
        raise ValueError("A link that has not begun tells no changes.")
    return since


def _was_modified(change: FoundChange, *, since: datetime) -> bool:
    modified_at = change.modified_at
    return modified_at is not None and modified_at >= since and not change.is_deletion


def _advance(link: DeltaLink, page: DeltaPage, *, started_at: datetime) -> None:
    """Step to the next page, or to the link from which the next run goes on."""
    if page.next_link:
        link.cursor, link.started_at = page.next_link, started_at
        return
    if link.stage != Stage.FOLLOWING:
        link.begun_at = started_at
    if link.stage == Stage.BEGINNING:
        link.covers_from = started_at
    link.covers_from = link.covers_from or link.since
    link.link, link.cursor = page.delta_link, ""
    link.taken_at, link.started_at, link.since = started_at, None, None
    link.stage = Stage.FOLLOWING
