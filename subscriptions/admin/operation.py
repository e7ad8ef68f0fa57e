"""The log of what was said to Graph, for reading only."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from subscriptions.admin import badges
from subscriptions.models import Operation
from subscriptions.services.long_lists import BoundedPaginator


@admin.register(Operation)
class OperationAdmin(admin.ModelAdmin[Operation]):
    """Shows each call to Graph with its outcome; nothing can be added, changed or deleted."""

    list_display = (
        "started",
        "action",
        "outcome",
        "subscription",
        "app_registration",
        "actor",
        "status_code",
        "error",
        "request_code",
        "duration",
    )
    list_display_links = ("started",)
    list_filter = ("action", "succeeded", "app_registration")
    list_select_related = ("subscription", "app_registration")
    search_fields = ("request_id__exact", "graph_id__exact")
    search_help_text = "A whole request-id, or Graph's whole ID of a subscription."
    sortable_by = ()
    show_full_result_count = False
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
    def started(self, operation: Operation) -> str:
        """Show when the call began."""
        return badges.to_the_second(operation.started_at)

    @admin.display(description="outcome")
    def outcome(self, operation: Operation) -> SafeString:
        """Show whether it did what was asked."""
        return badges.of_operation(operation).html()

    @admin.display(description="error")
    def error(self, operation: Operation) -> str:
        """Show Graph's error code."""
        return operation.error_code

    @admin.display(description="request-id")
    def request_code(self, operation: Operation) -> SafeString:
        """Show what Microsoft's support asks for."""
        return format_html('<span class="gsm-code">{}</span>', operation.request_id)

    @admin.display(description="duration")
    def duration(self, operation: Operation) -> str:
        """Show how long the call took."""
        return f"{operation.duration_ms:,} ms"
