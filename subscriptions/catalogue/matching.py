"""Which entry of the catalogue a concrete path belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from subscriptions.catalogue.entries import PARAMETER, Entry, entries
from subscriptions.catalogue.paths import Shape, normalise, shape


@dataclass(frozen=True, kw_only=True)
class _Pattern:
    entry: Entry
    segments: tuple[str | None, ...]  # None stands for a part that the administrator fills
    options: frozenset[str]

    def fits(self, wanted: Shape) -> bool:
        return self.options <= wanted.options.keys() and all(
            not given.startswith("(") if literal is None else literal == given.lower()
            for literal, given in zip(self.segments, wanted.segments, strict=True)
        )

    @property
    def rank(self) -> tuple[int, int]:
        return sum(literal is not None for literal in self.segments), len(self.options)


def entry_for(resource: str) -> Entry | None:
    """Return the entry that `resource` belongs to, or None if the catalogue has none.

    Leading slash, quoting (`messages('id')` or `messages/id`), percent-encoding, the case of Graph's own
    names, a trailing slash and query options make no difference; `/me` counts as `/users/{user-id}`. The
    entry with more literal parts wins, then the one whose query options are all there. A text that is no
    path belongs to no entry.
    """
    try:
        wanted = shape(normalise(resource))
    except ValueError:
        return None
    candidates = _patterns().get(len(wanted.segments), ())
    return next((pattern.entry for pattern in candidates if pattern.fits(wanted)), None)


@cache
def _patterns() -> Mapping[int, tuple[_Pattern, ...]]:
    """Group the patterns by number of segments, the most particular first."""
    grouped: dict[int, list[_Pattern]] = {}
    for pattern in map(_pattern, entries()):
        grouped.setdefault(len(pattern.segments), []).append(pattern)
    return {
        length: tuple(sorted(patterns, key=lambda pattern: pattern.rank, reverse=True))
        for length, patterns in grouped.items()
    }


def _pattern(entry: Entry) -> _Pattern:
    template = shape(entry.path)
    signed_in = entry.path.startswith("/me/")
    segments = tuple(
        None if PARAMETER.fullmatch(segment) or (signed_in and position == 1) else segment.lower()
        for position, segment in enumerate(template.segments)
    )
    return _Pattern(entry=entry, segments=segments, options=frozenset(template.options))
