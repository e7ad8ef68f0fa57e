"""The log of what was said to Graph, for reading only."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from subscriptions.admin import badges
from subscriptions.models import Operation
from subscriptions.services.long_lists import BoundedPaginator

RESOURCE_LENGTH = 60


@admin.register(Operation)
class OperationAdmin(admin.ModelAdmin[Operation]):
    """Shows each call to Graph with its outcome; nothing can be added, changed or deleted."""

    list_display = ("started", "call", "outcome", "target", "answer")
    list_display_links = ("started",)
    list_filter = ("action", "succeeded", "app_registration")
    list_select_related = ("subscription", "app_registration")
    search_fields = ("request_id__exact", "graph_id__exact")
    search_help_text = "A whole request-id, or Graph's whole ID of a subscription."
    sortable_by = ()
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    fields = (
        "started",
        "action",
        "outcome",
        "subscription",
        "app_registration",
        "actor",
        "graph_id",
        "status_code",
        "error_code",
        "message",
        "request_id",
        "duration",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: the log is written by the calls themselves."""
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: Operation | None = None) -> bool:
        """Refuse: what was said stays as it was."""
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Operation | None = None) -> bool:
        """Refuse: the log is append-only."""
        del request, obj
        return False

    @admin.display(description="started at")
    def started(self, operation: Operation) -> SafeString:
        """Show when the call began."""
        return badges.moment(operation.started_at)

    @admin.display(description="outcome")
    def outcome(self, operation: Operation) -> SafeString:
        """Show whether it did what was asked."""
        return badges.of_operation(operation).html()

    @admin.display(description="action")
    def call(self, operation: Operation) -> SafeString:
        """Show what was asked, and by whom."""
        return format_html(
            '{}<div class="gsm-note">by {}</div>', operation.get_action_display(), operation.actor
        )

    @admin.display(description="for")
    def target(self, operation: Operation) -> SafeString:
        """Show the subscription and the app registration that it was for."""
        return format_html(
            '{}<div class="gsm-note">{}</div>',
            badges.path(Truncator(str(operation.subscription)).chars(RESOURCE_LENGTH))
            if operation.subscription
            else "",
            operation.app_registration or "",
        )

    @admin.display(description="answer")
    def answer(self, operation: Operation) -> SafeString:
        """Show status, error code, what Microsoft's support asks for."""
        return format_html(
            '{} {}<div class="gsm-note">{}</div><div class="gsm-note">in {}</div>',
            operation.status_code or "None",
            operation.error_code,
            operation.request_id,
            self.duration(operation),
        )

    @admin.display(description="duration")
    def duration(self, operation: Operation) -> str:
        """Show how long the call took."""
        return f"{operation.duration_ms:,} ms"
