"""What differs between two states of one item, path by path. Pure: JSON in, JSON out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# What changes with every state and says nothing about the item.
IGNORED = frozenset({"@odata.context", "@odata.etag"})


class How(StrEnum):
    """What became of a value."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One value that is not what it was; of an object or list that came or went, the whole of it."""

    path: str
    how: How
    before: Any = None
    after: Any = None


def between(before: Any, after: Any) -> Iterator[Difference]:
    """Yield what differs, in the order of the later state and then what is gone.

    Elements of lists that have an `id` are the same where their ids are; all others are known by their place.
    """
    yield from _between("", before, after)


def _between(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _of_objects(path, before, after)
    elif _is_list(before) and _is_list(after):
        yield from _of_objects(path, _by_key(before, after), _by_key(after, before), form="{path}[{name}]")
    elif not _is_same(before, after):
        yield Difference(path=path, how=How.CHANGED, before=before, after=after)


def _of_objects(
    path: str, before: Mapping[str, Any], after: Mapping[str, Any], *, form: str = "{path}.{name}"
) -> Iterator[Difference]:
    for name in [*after, *(name for name in before if name not in after)]:
        if name in IGNORED:
            continue
        below = form.format(path=path, name=name).removeprefix(".")
        if name not in before:
            yield Difference(path=below, how=How.ADDED, after=after[name])
        elif name not in after:
            yield Difference(path=below, how=How.REMOVED, before=before[name])
        else:
            yield from _between(below, before[name], after[name])


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _by_key(elements: Sequence[Any], others: Sequence[Any]) -> dict[str, Any]:
    """Return the elements by id where all of both lists have one of their own, else by number."""
    if _have_ids(elements) and _have_ids(others):
        return {element["id"]: element for element in elements}
    return {str(number): element for number, element in enumerate(elements)}


def _have_ids(elements: Sequence[Any]) -> bool:
    ids = [element.get("id") if isinstance(element, Mapping) else None for element in elements]
    return all(isinstance(one, str) for one in ids) and len(set(ids)) == len(ids)


def _is_same(before: Any, after: Any) -> bool:
    """Compare as JSON does: true is not 1."""
    return isinstance(before, bool) == isinstance(after, bool) and bool(before == after)
