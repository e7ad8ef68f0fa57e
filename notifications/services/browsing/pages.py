"""Pages of a list that is as long as it likes: each begins where another ended, so that none costs more than the first.

A list is in the order of `received_at`, the newest first. Nothing is counted and nothing is skipped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from django.db.models import Q, QuerySet

from notifications.models import ChangeNotification

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LARGEST_KEY = 2**63 - 1
# Rows whose content is looked into for one page; their number bounds what a page costs.
WINDOW = 10_000
NEWEST_FIRST = ("-received_at", "-pk")
OLDEST_FIRST = ("received_at", "pk")

Rows = QuerySet[ChangeNotification]


class PlaceError(ValueError):
    """The text names no place in a list."""


def whole_number(text: str) -> int:
    """Return a number that a key can be.

    Raises:
        PlaceError: the text is none.

    """
    is_short = len(text) <= len(str(LARGEST_KEY))
    if not (is_short and text.isascii() and text.isdigit() and int(text) <= LARGEST_KEY):
        raise PlaceError(text)
    return int(text)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a row stands in a list; as text it is part of an address."""

    received_at: datetime
    pk: int

    def __str__(self) -> str:
        """Return microseconds since 1970 and the key."""
        return f"{(self.received_at - EPOCH) // MICROSECOND}-{self.pk}"

    @classmethod
    def of(cls, row: ChangeNotification) -> Self:
        """Return the place of a row."""
        return cls(received_at=row.received_at, pk=row.pk)

    @classmethod
    def at(cls, time: datetime) -> Self:
        """Return the place before which all stands that came at `time` or earlier."""
        return cls(received_at=time, pk=LARGEST_KEY)

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the place that a text names.

        Raises:
            PlaceError: it names none.

        """
        time, _, pk = text.partition("-")
        try:
            return cls(received_at=EPOCH + whole_number(time) * MICROSECOND, pk=whole_number(pk))
        except OverflowError as error:
            raise PlaceError(text) from error


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some rows, newest first; `newer` and `older` are where their neighbours begin.

    `looked_until` is the time up to which a search in content went for this page, if it did not reach the end.
    """

    rows: Sequence[ChangeNotification]
    newer: Place | None = None
    older: Place | None = None
    looked_until: datetime | None = None


def older(rows: Rows, *, than: Place | None, size: int, among: Rows | None = None) -> Page:
    """Return the rows that stand behind a place, from the newest of all if there is none.

    With `among`, the rows from which `rows` were chosen by their content, no more than `WINDOW` of them are looked at.
    """
    edge = _edge(among, Q() if than is None else _behind(than), NEWEST_FIRST)
    wanted = rows if than is None else rows.filter(_behind(than))
    if edge:
        # The time once more by itself, as the end to which an index is read.
        wanted = wanted.filter(~_behind(edge), received_at__gte=edge.received_at)
    found = list(wanted.order_by(*NEWEST_FIRST)[: size + 1])
    is_full = len(found) > size
    shown = found[:size]
    return Page(
        rows=shown,
        newer=(Place.of(shown[0]) if shown else than) if than else None,
        older=Place.of(shown[-1]) if is_full else edge,
        looked_until=edge.received_at if edge and not is_full else None,
    )


def newer(rows: Rows, *, than: Place, size: int, among: Rows | None = None) -> Page:
    """Return the rows that stand next before a place; `among` is as for `older`."""
    edge = _edge(among, _before(than), OLDEST_FIRST)
    wanted = rows.filter(_before(than))
    if edge:
        wanted = wanted.filter(~_before(edge), received_at__lte=edge.received_at)
    found = list(wanted.order_by(*OLDEST_FIRST)[: size + 1])
    is_full = len(found) > size
    shown = found[:size][::-1]
    return Page(
        rows=shown,
        newer=Place.of(shown[0]) if is_full else edge,
        older=Place.of(shown[-1]) if shown else than,
        looked_until=edge.received_at if edge and not is_full else None,
    )


def since(rows: Rows, *, pk: int, size: int) -> Page:
    """Return the newest of the rows that were stored after the one with key `pk`, in whatever order they came."""
    return Page(rows=sorted(rows.filter(pk__gt=pk).order_by("-pk")[:size], key=_order, reverse=True))


def _order(row: ChangeNotification) -> tuple[datetime, int]:
    return row.received_at, row.pk


def _edge(among: Rows | None, where: Q, order: tuple[str, str]) -> Place | None:
    """Return the last row that is looked at, None where all are."""
    if among is None:
        return None
    keys = among.filter(where).order_by(*order).values_list("received_at", "pk")
    for received_at, pk in keys[WINDOW - 1 : WINDOW]:
        return Place(received_at=received_at, pk=pk)
    return None


def _behind(place: Place) -> Q:
    """Return what stands behind a place; the first condition is the one that an index is entered by."""
    return Q(received_at__lte=place.received_at) & (Q(received_at__lt=place.received_at) | Q(pk__lt=place.pk))


def _before(place: Place) -> Q:
    return Q(received_at__gte=place.received_at) & (Q(received_at__gt=place.received_at) | Q(pk__gt=place.pk))
