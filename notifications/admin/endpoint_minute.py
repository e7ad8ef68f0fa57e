"""Speed of the webhook in the admin, held against Graph's limits."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from notifications.admin.read_only import ReadOnlyAdmin
from notifications.models import EndpointMinute
from notifications.services.intake import endpoint_health
from notifications.services.intake.endpoint_health import Level, Standing

KINDS = {
    Level.SILENT: "quiet",
    Level.FINE: "good",
    Level.WARNING: "warn",
    Level.SLOW: "bad",
    Level.DROPPING: "bad",
}
_ADVICE = "Look at the database and at the number of threads and processes of the web server."
_WORDS = {
    Level.SILENT: "No notifications came in the last ten minutes.",
    Level.FINE: "Graph has no reason to hold anything back.",
    Level.WARNING: f"Graph will soon hold notifications back. {_ADVICE}",
    Level.SLOW: f"Graph holds notifications back, for ten minutes at a time. {_ADVICE}",
    Level.DROPPING: f"Graph discards notifications, which it never sends again. {_ADVICE}",
}


@admin.register(EndpointMinute)
class EndpointMinuteAdmin(ReadOnlyAdmin[EndpointMinute]):
    """Shows how fast Graph was answered, minute by minute."""

    list_display = (
        "begins",
        "answers",
        "over_100_ms",
        "over_300_ms",
        "over_1_s",
        "slow",
        "very_slow",
        "dropped",
    )
    list_display_links = None
    change_list_template = "admin/notifications/endpointminute/change_list.html"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Put above the list what Graph makes of the last ten minutes."""
        standing = endpoint_health.standing(now=timezone.now())
        context = {
            "standing_kind": KINDS[standing.level],
            "standing_title": in_figures(standing),
            "standing_text": _WORDS[standing.level],
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    @admin.display(description="minute")
    def begins(self, minute: EndpointMinute) -> str:
        """Show when it began."""
        return str(minute)

    @admin.display(description="over 3 s")
    def slow(self, minute: EndpointMinute) -> str:
        """Show how many took over three seconds, with their share."""
        return _with_share(minute.over_3_s, minute.answers)

    @admin.display(description="over 10 s")
    def very_slow(self, minute: EndpointMinute) -> str:
        """Show how many took over ten seconds, with their share."""
        return _with_share(minute.over_10_s, minute.answers)


def in_figures(standing: Standing) -> str:
    """Return the two shares that Graph looks at, beside its limits."""
    return (
        f"Over 3 s: {standing.share_over_3_s:.1%} (Graph's limit {endpoint_health.SLOW_SHARE:.0%}). "
        f"Over 10 s: {standing.share_over_10_s:.1%} (Graph's limit {endpoint_health.DROP_SHARE:.0%})."
    )


def _with_share(count: int, answers: int) -> str:
    return f"{count:,} ({count / answers:.1%})" if count else "0"
