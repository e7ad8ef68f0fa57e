"""docs/permissions.md: the permissions of everything that can be watched, as the catalogue has them."""

from datetime import timedelta
from pathlib import Path

from subscriptions.catalogue.entries import Entry, entries

HEAD = """# Permissions

What an app needs in Entra for each resource that Graph can watch, the least privileged first. Take the first;
only where content is watched and it does not read that (`Mail.ReadBasic`), the next. *What Graph can watch*
in the admin shows the same with search, and says whether the app's token carries one.

*Application* is for a subscription of the app itself, *work* and *personal account* for one in the name of a
signed-in account. A dash: Graph does not offer it. A question mark: Microsoft's pages do not say, or
contradict each other. *Longest* is the longest life, behind the stroke with content.

Written from the catalogue, which names Microsoft's pages, by
`python -m tests.subscriptions.catalogue.test_permissions_page`.
"""
TABLE = "| resource | application | work account | personal account | longest |\n|---|---|---|---|---|\n"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def page() -> str:
    """Return the page as it has to be."""
    parts = [HEAD]
    for workload in dict.fromkeys(entry.workload for entry in entries()):
        rows = "".join(row(entry) for entry in entries() if entry.workload == workload)
        parts.append(f"\n## {workload}\n\n{TABLE}{rows}")
    return "".join(parts)


def row(entry: Entry) -> str:
    allowed = entry.permissions
    beta, retired = " (beta)" * entry.is_beta_only, " (retired)" * entry.is_retired
    cells = (
        f"`{entry.path}`{beta}{retired}",
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
    return f"{longest / DAY:.3g} d" if longest >= DAY else f"{longest / HOUR:.3g} h"


def test_the_page_says_what_the_catalogue_says(repository: Path) -> None:
    assert (repository / "docs" / "permissions.md").read_text(encoding="utf-8") == page()


if __name__ == "__main__":
    Path("docs/permissions.md").write_text(page(), encoding="utf-8")
