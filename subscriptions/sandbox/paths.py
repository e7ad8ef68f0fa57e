"""Resource paths in one canonical form, so that Graph's several spellings of a path compare equal."""

import re
from urllib.parse import parse_qsl, unquote

_CALL = re.compile(r"^(?P<name>[^()']+)\((?P<arguments>.*)\)$")
_SLASH_OUTSIDE_BRACKETS = re.compile(r"/(?![^(]*\))")

Canonical = tuple[str, ...]


def split_query(resource: str) -> tuple[str, dict[str, str]]:
    """Split a resource into its path and its query options; a repeated option keeps its last value."""
    path, _, query = resource.partition("?")
    return path, dict(parse_qsl(query, keep_blank_values=True))


def canonical(resource: str, *, me: str = "") -> Canonical:
    """Return the segments of a resource path.

    `messages('id')` and `messages/id` become the same two segments; names are lower-cased and keys are kept;
    `me` (a user id) replaces `/me`; query options and a leading slash do not count.
    """
    segments: list[str] = []
    for part in _SLASH_OUTSIDE_BRACKETS.split(split_query(resource)[0].strip("/")):
        call = _CALL.match(part)
        if call:
            segments += [call["name"].lower(), *_arguments(call["arguments"])]
        elif part:
            segments.append(unquote(part))
    if me and segments and segments[0].lower() == "me":
        segments[:1] = ["users", me]
    return tuple(segments)


def _arguments(text: str) -> list[str]:
    if not text:
        return []
    return [text[1:-1] if text.startswith("'") and text.endswith("'") else unquote(text)]


def lowered(path: Canonical) -> Canonical:
    """Return the path in lower case, for comparing: Graph's segment names and most of its ids ignore case."""
    return tuple(segment.lower() for segment in path)


def fits(path: Canonical, pattern: Canonical) -> bool:
    """Tell whether a path has the form of a pattern, in which `{}` stands for any one segment."""
    return len(path) == len(pattern) and all(
        wanted in ("{}", given) for given, wanted in zip(lowered(path), lowered(pattern), strict=True)
    )
