"""docs/permissions.md: the permissions of everything that can be watched, as the catalogue has them."""

from datetime import timedelta
from itertools import groupby
from pathlib import Path

from subscriptions.catalogue.entries import Entry, entries

HEAD = """# Permissions

What an app needs in Entra for each resource that Graph can watch, from the least privileged: the first is enough. Written from the
catalogue (`python -m tests.subscriptions.catalogue.test_permissions_page`), which names Microsoft's pages; *What Graph can watch* in the
admin shows the same with search, and says whether the app's token carries one.

*Application* is for a subscription of the app itself, *work* and *personal* for one in the name of a signed-in account. A dash: Graph does
not offer it. A question mark: Microsoft's pages do not say. *Longest* is the longest life, with content behind the stroke.
"""
TABLE = "| resource | application | work account | personal account | longest |\n|---|---|---|---|---|\n"


def page() -> str:
    """Return the page as it has to be."""
    parts = [HEAD]
    for workload, group in groupby(entries(), key=lambda entry: entry.workload):
        parts.append(f"\n## {workload}\n\n{TABLE}" + "".join(row(entry) for entry in group))
    return "".join(parts)


def row(entry: Entry) -> str:
    allowed = entry.permissions
    marks = [
        mark
        for mark, applies in ((" (beta)", entry.is_beta_only), (" (retired)", entry.is_retired))
        if applies
    ]
    cells = (
        f"`{entry.path}`{''.join(marks)}",
        listed(allowed.application),
        listed(allowed.delegated_work),
        listed(allowed.delegated_personal),
        f"{life(entry.max_expiration)} / {life(entry.max_expiration_rich)}",
    )
    return f"| {' | '.join(cells)} |\n"


def listed(permissions: tuple[str, ...] | None) -> str:
    if permissions is None:
        return "?"
    return ", ".join(f"`{name}`" for name in permissions) or "-"


def life(longest: timedelta | None) -> str:
    if longest is None:
        return "-"
    return (
        f"{longest / timedelta(days=1):.3g} d"
        if longest >= timedelta(days=1)
        else f"{longest / timedelta(hours=1):.3g} h"
    )


def test_the_page_says_what_the_catalogue_says(repository: Path) -> None:
    assert (repository / "docs" / "permissions.md").read_text(encoding="utf-8") == page()


if __name__ == "__main__":
    Path("docs/permissions.md").write_text(page(), encoding="utf-8")
