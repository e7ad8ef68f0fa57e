"""What Microsoft's pages say about a resource, as plain values for the templates."""

from dataclasses import dataclass
from datetime import timedelta

from subscriptions import catalogue
from subscriptions.admin import badges
from subscriptions.catalogue import Entry

NOT_PUBLISHED = "Microsoft's pages do not say"
KINDS = (
    ("application", "As the app"),
    ("delegated_work", "As a signed-in work account"),
    ("delegated_personal", "As a signed-in personal account"),
)


@dataclass(frozen=True, kw_only=True)
class Access:
    """One kind of access: the least permission for it, and what would do as well."""

    kind: str
    is_offered: bool
    least: str
    others: str


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
    versions: str
    access: tuple[Access, ...]
    catch_up: str
    warnings: tuple[str, ...]
    notes: str


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
        versions=" and ".join(entry.api_versions) or NOT_PUBLISHED,
        access=tuple(_access(entry, kind, label) for kind, label in KINDS),
        catch_up="A delta query can find changes that were missed."
        if entry.delta_path
        else "Graph has no delta query for it: what is missed cannot be found again.",
        warnings=_warnings(entry),
        notes=entry.notes,
    )


def facts_for(resource: str) -> Facts | None:
    """Return the facts of the entry that a path belongs to."""
    entry = catalogue.entry_for(resource)
    return facts_of(entry) if entry else None


def _content(entry: Entry) -> str:
    if entry.is_rich_only:
        return "Must be included"
    if entry.rich_data is None:
        return NOT_PUBLISHED
    if not entry.rich_data:
        return "Cannot be included"
    if entry.rich_data_requires_select:
        return "Can be included, with $select naming the properties"
    return "Can be included"


def _lives(entry: Entry) -> tuple[tuple[str, str], ...]:
    if entry.rich_data and entry.max_expiration_rich != entry.max_expiration:
        return (
            ("Longest life without content", _life(entry.max_expiration)),
            ("Longest life with content", _life(entry.max_expiration_rich)),
        )
    return (("Longest life", _life(entry.max_expiration)),)


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
    if entry.superseded_by:
        found.append(f"Microsoft has replaced this path by {entry.superseded_by}.")
    if entry.retires_on:
        found.append(f"Microsoft ends this on {entry.retires_on:%d %B %Y}.")
    if entry.is_delegated_only:
        found.append("Only a signed-in account may watch this: choose one in the form.")
    if entry.is_beta_only:
        found.append("Graph offers this under beta only, where Microsoft may change it.")
    return tuple(found)
