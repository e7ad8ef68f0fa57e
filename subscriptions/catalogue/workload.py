"""Which workload a notification belongs to, by what it says of itself."""

from collections.abc import Mapping
from functools import cache

from subscriptions.catalogue.entries import Entry, entries
from subscriptions.catalogue.matching import entry_for

# The catalogue names what is watched, a notification names what changed.
_NOTIFIED_AS = {
    "aaduserconversationmember": "conversationmember",
    "listitem": "list",
    "printjob": "printer",
    "printtask": "printtaskdefinition",
}


def workload_of(resource_type: str, resource: str) -> str:
    """Return the workload, empty where the catalogue knows neither type nor path.

    The type decides; where several workloads share its name, the path does, as it does where there is no type.
    """
    name = resource_type.rpartition(".")[2].removeprefix("#").lower()
    candidates = _by_type().get(_NOTIFIED_AS.get(name, name), ())
    if len({entry.workload for entry in candidates}) == 1:
        return candidates[0].workload
    root = _root(resource)
    of_root = next((entry.workload for entry in candidates if _root(entry.path) == root), "")
    if of_root:
        return of_root
    entry = entry_for(resource)
    return entry.workload if entry else ""


@cache
def _by_type() -> Mapping[str, tuple[Entry, ...]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries():
        found.setdefault(entry.resource_type.rpartition(".")[2].lower(), []).append(entry)
    return {name: tuple(those) for name, those in found.items()}


def _root(resource: str) -> str:
    return resource.strip("/").partition("/")[0].partition("(")[0].lower()
