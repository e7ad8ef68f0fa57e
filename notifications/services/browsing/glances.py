"""What content tells at a glance: what the thing is called, and who did it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from notifications.models import NotificationContent
from notifications.services.browsing.search import ACTORS, LABELS

LONGEST = 80


@dataclass(frozen=True, kw_only=True)
class Glance:
    """Each is empty where the content does not tell."""

    label: str = ""
    actor: str = ""


def glances(notifications: Iterable[int]) -> dict[int, Glance]:
    """Return what their content tells, by key; whoever shows it notes the reading first.

    Only the values asked for leave the database: content may be large.
    """
    columns = [f"data__{path.replace('.', '__')}" for path in (*LABELS, *ACTORS)]
    found = NotificationContent.objects.filter(pk__in=list(notifications)).values_list("pk", *columns)
    told = {}
    for pk, *values in found:
        glance = Glance(label=_first(values[: len(LABELS)]), actor=_first(values[len(LABELS) :]))
        if glance != Glance():
            told[pk] = glance
    return told


def _first(values: list[Any]) -> str:
    text = next((value.strip() for value in values if isinstance(value, str) and value.strip()), "")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
