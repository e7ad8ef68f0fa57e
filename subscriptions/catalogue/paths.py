"""Resource paths as Graph reads them: one spelling for storing, one shape for comparing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

# Parentheses are taken whole, so that a slash or question mark inside a quoted key does not split the path.
_BEFORE_QUERY = re.compile(r"(?:\([^()]*\)|[^?])*")
_SEGMENT = re.compile(r"(?:\([^()]*\)|[^/])+")
_CALL = re.compile(r"(?P<name>[^()]+)\((?P<inside>.*)\)", re.DOTALL)
_ARGUMENT_NAME = re.compile(r"(?:^|,)\s*(\w+)\s*=")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A resource taken apart for comparing.

    Keys in parentheses are segments of their own, `messages('1')` being the same as `messages/1`; named
    arguments are reduced to their names. `options` are the query options by lower-case name without `$`.
    """

    segments: tuple[str, ...]
    options: Mapping[str, str]


def normalise(resource: str) -> str:
    """Return `resource` in the spelling that is stored and sent: one leading slash, no blanks around it.

    Blanks inside are kept in the query, where filters need them, and refused in the path.

    Raises:
        ValueError: it is no path relative to Graph's root; the text says what to change.
    """
    text = resource.strip()
    if not text.isprintable():
        raise ValueError("The path contains a line break or another invisible character: remove it.")
    if "#" in text:
        raise ValueError(
            "The path contains '#'. Leave out what follows it, or write %23 for the sign itself."
        )
    path, query = _halves(text)
    if _SCHEME.match(path):
        raise ValueError("This is a whole address. Paste only the path after /v1.0, such as /users.")
    segments = _SEGMENT.findall(path)
    _refuse_foreign(segments)
    slash = "/" if query and path.endswith("/") else ""
    return f"/{'/'.join(segments)}{slash}{query}"


def shape(resource: str) -> Shape:
    """Take `resource` apart for comparing: percent-encoding undone, `/me` read as a user of `/users`."""
    path, query = _halves(resource)
    segments = [part for raw in _SEGMENT.findall(path) for part in _parts(unquote(raw))]
    if segments and segments[0].lower() == "me":
        segments = ["users", *segments]
    return Shape(segments=tuple(segments), options=_options(query[1:]))


def _halves(text: str) -> tuple[str, str]:
    match = _BEFORE_QUERY.match(text)
    end = match.end() if match else 0
    return text[:end], text[end:]


def _refuse_foreign(segments: list[str]) -> None:
    if not segments:
        raise ValueError("Give the path of what to watch, such as /users/{user-id}/messages.")
    if {"v1.0", "beta"} & {segment.lower() for segment in segments[:2]}:
        raise ValueError(
            "Leave out everything up to and including /v1.0 or /beta: the version is chosen apart."
        )
    if {".", ".."} & {unquote(segment) for segment in segments} or any("\\" in part for part in segments):
        raise ValueError("The path contains '.', '..' or a backslash as a part: write it out in full.")
    if any(character.isspace() for segment in segments for character in segment):
        raise ValueError(
            "The path contains a blank before its query. Write %20 if the blank belongs to a name."
        )


def _parts(segment: str) -> tuple[str, ...]:
    call = _CALL.fullmatch(segment)
    if call is None:
        return (segment,)
    inside = call["inside"].strip()
    names = _ARGUMENT_NAME.findall(inside) if not inside.startswith("'") else []
    if names:
        return call["name"], f"({','.join(sorted(names)).lower()})"
    key = inside.removeprefix("'").removesuffix("'")
    return (call["name"], key) if key else (call["name"],)


def _options(query: str) -> dict[str, str]:
    pairs = (option.partition("=") for option in query.split("&") if option)
    return {unquote(name).strip().lstrip("$").lower(): unquote(value) for name, _, value in pairs}
