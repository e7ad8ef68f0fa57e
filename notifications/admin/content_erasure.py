"""The audit log of erasing in the admin: read by auditors, written by nobody."""

from django.contrib import admin
from django.utils.safestring import SafeString

from notifications.admin import words
from notifications.admin.read_only import ReadOnlyAdmin
from notifications.models import ContentErasure


@admin.register(ContentErasure)
class ContentErasureAdmin(ReadOnlyAdmin[ContentErasure]):
    """Shows who erased what."""

    list_display = ("when", "actor", "notifications_count", "deliveries_count", "held_count", "selection")
    fields = list_display

    @admin.display(description="at")
    def when(self, erased: ContentErasure) -> SafeString:
        """Show when."""
        return words.moment(erased.at)
