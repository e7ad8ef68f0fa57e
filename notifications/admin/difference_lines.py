"""Differences between two states of an item, as pages show them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from notifications import differences
from notifications.admin import content_tree, words
from notifications.differences import How

HOW_KINDS = {How.ADDED: "good", How.REMOVED: "bad", How.CHANGED: "busy"}


@dataclass(frozen=True, kw_only=True)
class DifferenceLine:
    """One difference as the page shows it."""

    path: str
    how: SafeString
    before: str
    after: str


def difference_lines(before: Any, after: Any) -> Iterator[DifferenceLine]:
    """Yield what differs between two states, one line for each value."""
    for one in differences.between(before, after):
        yield DifferenceLine(
            path=one.path,
            how=words.badge(HOW_KINDS[one.how], one.how.capitalize()),
            before="" if one.how == How.ADDED else content_tree.in_short(one.before),
            after="" if one.how == How.REMOVED else content_tree.in_short(one.after),
        )
