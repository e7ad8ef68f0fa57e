"""Alerts in the admin: what needs somebody, what to do, and who was told."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from subscriptions.admin import badges
from subscriptions.admin.append_only import AppendOnlyAdmin
from subscriptions.models import Alert


class OpenFilter(admin.SimpleListFilter):
    """Shows what is open, unless asked for something else."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices besides the default."""
        del request, model_admin
        return [("over", "Over"), ("all", "All")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Name the default by what it shows."""
        default, *others = super().choices(changelist)
        yield {**default, "display": "Open"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:
        """Apply the choice."""
        del request
        conditions = {"over": Q(resolved_at__isnull=False), "all": Q()}
        return queryset.filter(conditions.get(self.value() or "", Q(resolved_at__isnull=True)))


@admin.register(Alert)
class AlertAdmin(AppendOnlyAdmin[Alert]):
    """Shows what was found, since when, and who was told; the watch alone writes it."""

    list_display = ("what", "state", "since", "subscription_count")
    list_display_links = ("what",)
    list_filter = (OpenFilter, "kind", "app_registration")
    list_select_related = ("app_registration",)
    search_fields = ("title",)
    fields = ("title", "kind", "state", "what_to_do", "app_registration")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        """Count the subscriptions that each concerns now."""
        now_in = Q(concerned__until_at__isnull=True)
        return super().get_queryset(request).annotate(concerned_count=Count("concerned", filter=now_in))

    @admin.display(description="alert")
    def what(self, alert: Alert) -> SafeString:
        """Show what it is, and the kind."""
        return format_html('{}<div class="gsm-note">{}</div>', alert.title, alert.get_kind_display())

    @admin.display(description="state")
    def state(self, alert: Alert) -> SafeString:
        """Show whether it is open."""
        return badges.of_alert(alert).html()

    @admin.display(description="since")
    def since(self, alert: Alert) -> SafeString:
        """Show when it was raised."""
        return badges.moment(alert.raised_at)

    @admin.display(description="subscriptions")
    def subscription_count(self, alert: Any) -> str:
        """Show how many subscriptions it concerns."""
        return f"{alert.concerned_count:,}" if alert.concerned_count else ""
