"""Runs of the renewal in the admin: that it comes, how long it takes and how it ends."""

from django.contrib import admin
from django.utils.safestring import SafeString

from subscriptions.admin import badges
from subscriptions.admin.append_only import AppendOnlyAdmin
from subscriptions.models import Run

# PostgreSQL keeps no order in JSON.
ORDER = ("due", "renewed", "recreated", "failed", "skipped")


@admin.register(Run)
class RunAdmin(AppendOnlyAdmin[Run]):
    """Shows each run with its outcome."""

    list_display = ("started", "command", "state", "took", "counts")
    list_display_links = None
    list_filter = ("outcome", "command")

    @admin.display(description="started at")
    def started(self, run: Run) -> SafeString:
        """Show when it began."""
        return badges.moment(run.started_at)

    @admin.display(description="outcome")
    def state(self, run: Run) -> SafeString:
        """Show how it ended."""
        return badges.of_run(run).html()

    @admin.display(description="took")
    def took(self, run: Run) -> str:
        """Show how long it took."""
        return f"{(run.finished_at - run.started_at).total_seconds():,.1f} s" if run.finished_at else ""

    @admin.display(description="what it did")
    def counts(self, run: Run) -> str:
        """Show the counts that are not nothing."""
        found = [f"{run.summary[name]:,} {name}" for name in ORDER if run.summary.get(name)]
        return ", ".join(found) or "nothing to do"
