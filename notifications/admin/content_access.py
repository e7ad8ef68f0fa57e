"""The audit log of content in the admin: read by auditors, written by nobody."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from notifications.admin import words
from notifications.admin.read_only import ReadOnlyAdmin
from notifications.models import ContentAccess

SELECTION_LENGTH = 120


@admin.register(ContentAccess)
class ContentAccessAdmin(ReadOnlyAdmin[ContentAccess]):
    """Shows who read or exported content."""

    list_display = ("when", "actor", "way", "count", "which_in_short")
    list_filter = ("way",)
    search_fields = ("actor__istartswith",)
    search_help_text = "How the name of the user begins."
    fields = ("when", "actor", "way", "count", "which")

    @admin.display(description="at")
    def when(self, access: ContentAccess) -> SafeString:
        """Show when."""
        return words.moment(access.at)

    @admin.display(description="which")
    def which_in_short(self, access: ContentAccess) -> SafeString | str:
        """Name the notification, or the selection as far as a list has room."""
        return _link(access) or Truncator(access.selection).chars(SELECTION_LENGTH)

    @admin.display(description="which")
    def which(self, access: ContentAccess) -> SafeString | str:
        """Name the notification or the selection."""
        return _link(access) or access.selection


def _link(access: ContentAccess) -> SafeString | None:
    if access.notification_id is None:
        return None
    url = reverse("admin:notifications_changenotification_change", args=(access.notification_id,))
    return format_html('<a href="{}">Notification {}</a>', url, access.notification_id)
