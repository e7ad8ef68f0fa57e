"""From the named parts of an entry to the path that is sent to Graph."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import quote

from subscriptions.catalogue.entries import PARAMETER, Entry
from subscriptions.catalogue.paths import normalise

_IN_SEGMENT = "!$*+,;=:@"
_IN_QUERY = " !$'()*,;=:@/?"


def fill(entry: Entry, values: Mapping[str, str]) -> str:
    """Return the path of `entry` with its {parts} replaced by `values`, quoted and encoded as Graph needs it.

    Values are plain text. The user `me` gives the `/me` form. Several user ids are separated by commas. A
    join link is taken as Teams shows it and URL-encoded twice; one that is encoded already is left alone.
    Values that the entry does not ask for are ignored.

    Raises:
        ValueError: a part is missing or cannot stand in its place; the text names it.
    """
    template = entry.path
    if values.get("user-id", "").strip().lower() == "me" and template.startswith("/users/{user-id}"):
        template = template.replace("/users/{user-id}", "/me", 1)
    return normalise(PARAMETER.sub(lambda match: _encoded(template, match, values), template))


def _encoded(template: str, match: re.Match[str], values: Mapping[str, str]) -> str:
    name = match[1]
    value = values.get(name, "").strip()
    if not value:
        raise ValueError(f"Fill in {name}: the path {template} needs it.")
    if value in {".", ".."} or not value.isprintable():
        raise ValueError(
            f"{name} cannot be a dot path or contain line breaks and other invisible characters."
        )
    is_in_query = "?" in template[: match.start()]
    is_listed = template[: match.start()].endswith("['")
    if is_listed:
        return "','".join(quote(user, safe=_IN_SEGMENT) for user in _list(name, value))
    if name in _ENCODERS:
        return _ENCODERS[name](name, value)
    if template[: match.start()].endswith("'"):
        value = value.replace("'", "''")
    return quote(value, safe=_IN_QUERY if is_in_query else _IN_SEGMENT + "'")


def _list(name: str, value: str) -> list[str]:
    items = [item.strip().strip("'") for item in value.split(",")]
    if not all(items):
        raise ValueError(f"{name} has an empty place between two commas: remove it.")
    return items


def _user_ids(name: str, value: str) -> str:
    return ",".join(f"'{quote(user, safe=_IN_SEGMENT)}'" for user in _list(name, value))


def _bool(name: str, value: str) -> str:
    if value.lower() not in {"true", "false"}:
        raise ValueError(f"{name} must be true or false.")
    return value.lower()


def _join_link(name: str, value: str) -> str:
    del name
    return quote(quote(value, safe=""), safe="") if "://" in value else quote(value, safe="%")


_ENCODERS: Mapping[str, Callable[[str, str], str]] = {
    "user-ids": _user_ids,
    "bool": _bool,
    "encodedJoinWebUrl": _join_link,
}
