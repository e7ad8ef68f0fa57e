"""Retention in the admin: how long each kind is kept."""

from django.contrib import admin

from notifications.models import RetentionRule


@admin.register(RetentionRule)
class RetentionRuleAdmin(admin.ModelAdmin[RetentionRule]):
    """Sets the default and the rules of single app registrations; `prune_notifications` follows them."""

    list_display = (
        "whose",
        "content_days",
        "accepted_days",
        "refused_days",
        "delivery_days",
        "operation_days",
    )
    list_select_related = ("app_registration",)
    empty_value_display = "for good"
    ordering = ("app_registration__name",)
    fieldsets = (
        (None, {"fields": ("app_registration",)}),
        (
            "How long it is kept",
            {
                "description": "In days from when it was received. An empty field keeps for good. A rule of its own "
                "stands in the place of the whole default. What waits or still has to be acted on is always kept. "
                "manage.py prune_notifications --dry-run says what would go.",
                "fields": (
                    "content_days",
                    "accepted_days",
                    "refused_days",
                    "delivery_days",
                    "operation_days",
                ),
            },
        ),
    )

    @admin.display(description="for")
    def whose(self, rule: RetentionRule) -> str:
        """Name the app registration, or the default."""
        return str(rule.app_registration) if rule.app_registration else "Default"
