"""What an administrator wishes for, and what a rule has to say about it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from subscriptions.catalogue.entries import Entry
from subscriptions.catalogue.paths import Shape

Access = Literal["application", "delegated_work", "delegated_personal"]
Option = Literal[
    "use_immutable_ids",
    "include_security_webhooks",
    "include_unknown_enum_members",
    "notification_query_options",
]
Field = (
    Literal["resource", "change_type", "include_resource_data", "api_version", "lifetime_minutes"] | Option
)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A subscription as an administrator wants it, not yet checked.

    `change_type` is comma-separated. A `lifetime` of None asks for the longest. `cloud` is `global`,
    `us_government_l4`, `us_government_l5`, `china` or `custom`. `options` are those of Graph's options that are wanted.
    """

    resource: str
    change_type: str
    include_resource_data: bool
    api_version: str
    lifetime: timedelta | None
    has_lifecycle_url: bool
    access: Access
    cloud: str
    options: frozenset[Option] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A rule that a wish breaks (`is_error`), or something to mind before Graph is asked (a warning)."""

    rule: str
    field: Field
    message: str
    is_error: bool


@dataclass(frozen=True, kw_only=True)
class Case:
    """A wish whose path is in order, with the entry it belongs to."""

    wish: Wish
    resource: str
    shape: Shape
    entry: Entry | None


def error(rule: str, field: Field, message: str) -> Problem:
    """Make a problem that stops the wish."""
    return Problem(rule=rule, field=field, message=message, is_error=True)


def warning(rule: str, field: Field, message: str) -> Problem:
    """Make a problem that the administrator may pass over."""
    return Problem(rule=rule, field=field, message=message, is_error=False)
