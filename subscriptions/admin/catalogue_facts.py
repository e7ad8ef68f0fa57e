"""What Microsoft's pages say about a resource, as plain values for the templates."""

from dataclasses import dataclass
from datetime import timedelta

from subscriptions import catalogue
from subscriptions.admin import badges
from subscriptions.catalogue import Entry

NOT_PUBLISHED = "Microsoft's pages do not say"
KINDS = (
    ("application", "app"),
    ("delegated_work", "work account"),
    ("delegated_personal", "personal account"),
)


@dataclass(frozen=True, kw_only=True)
class Access:
    """One kind of access: the least permission for it, and what would do as well."""

    kind: str
    is_offered: bool
    least: str
    others: str

    @property
    def is_named(self) -> bool:
        """Say whether `least` is the name of a permission."""
        return self.is_offered and self.least != NOT_PUBLISHED


@dataclass(frozen=True, kw_only=True)
class Facts:
    """One resource in words."""

    path: str
    title: str
    description: str
    workload: str
    change_types: tuple[str, ...]
    content: str
    lives: tuple[tuple[str, str], ...]
    lives_in_short: tuple[str, ...]
    versions: str
    access: tuple[Access, ...]
    catch_up: str
    replacement: str
    warnings: tuple[str, ...]
    notes: str

    @property
    def least_permissions(self) -> list[tuple[str, str]]:
        """Return each least permission once, with the kinds of access that need it."""
        kinds: dict[str, list[str]] = {}
        for access in self.access:
            if access.is_offered:
                kinds.setdefault(access.least, []).append(access.kind)
        return [(name, ", ".join(found)) for name, found in kinds.items()]


def facts_of(entry: Entry) -> Facts:
    """Return what an administrator has to know before watching the resource."""
    return Facts(
        path=entry.path,
        title=entry.title,
        description=entry.description,
        workload=entry.workload,
        change_types=entry.change_types,
        content=_content(entry),
        lives=_lives(entry),
        lives_in_short=_lives_in_short(entry),
        versions=" and ".join(entry.api_versions) or NOT_PUBLISHED,
        access=tuple(_access(entry, kind, label) for kind, label in KINDS),
        catch_up="A delta query can find changes that were missed."
        if entry.delta_path
        else "Graph has no delta query for it: what is missed cannot be found again.",
        replacement=entry.superseded_by or "",
        warnings=_warnings(entry),
        notes=entry.notes,
    )


def facts_for(resource: str) -> Facts | None:
    """Return the facts of the entry that a path belongs to."""
    entry = catalogue.entry_for(resource)
    return facts_of(entry) if entry else None


def problem_of(resource: str) -> str:
    """Return why a text is no path that could be sent to Graph; empty if it is one, or nothing yet."""
    if resource:
        try:
            catalogue.normalise(resource)
        except ValueError as error:
            return str(error)
    return ""


def _content(entry: Entry) -> str:
    if entry.is_rich_only:
        return "Must be included"
    if entry.rich_data is None:
        return NOT_PUBLISHED
    if not entry.rich_data:
        return "Cannot be included"
    if entry.rich_data_requires_select:
        return "Can be included, with $select"
    return "Can be included"


def _lives(entry: Entry) -> tuple[tuple[str, str], ...]:
    if entry.rich_data and entry.max_expiration_rich != entry.max_expiration:
        return (
            ("Longest life without content", _life(entry.max_expiration)),
            ("Longest life with content", _life(entry.max_expiration_rich)),
        )
    return (("Longest life", _life(entry.max_expiration)),)


def _lives_in_short(entry: Entry) -> tuple[str, ...]:
    basic, rich = (
        badges.in_words(life) if life else "" for life in (entry.max_expiration, entry.max_expiration_rich)
    )
    if not entry.rich_data or basic == rich:
        return (basic or "Not published",)
    return tuple(text for text in (basic, f"{rich} with content" if rich else "") if text)


def _life(duration: timedelta | None) -> str:
    if duration is None:
        return NOT_PUBLISHED
    return f"{badges.in_words(duration)} ({int(duration / timedelta(minutes=1)):,} minutes)"


def _access(entry: Entry, kind: str, label: str) -> Access:
    names: tuple[str, ...] | None = getattr(entry.permissions, kind)
    if names is None:
        return Access(kind=label, is_offered=True, least=NOT_PUBLISHED, others="")
    if not names:
        return Access(kind=label, is_offered=False, least="Not offered by Graph", others="")
    return Access(kind=label, is_offered=True, least=names[0], others=", ".join(names[1:]))


def _warnings(entry: Entry) -> tuple[str, ...]:
    found = []
    if entry.retires_on:
        found.append(f"Microsoft ends this on {entry.retires_on:%d %B %Y}.")
    if entry.is_delegated_only:
        found.append("Only a signed-in account may watch this: choose one in the form.")
    if entry.is_beta_only:
        found.append("Graph offers this under beta only, where Microsoft may change it.")
    return tuple(found)
