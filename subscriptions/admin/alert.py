"""Alerts in the admin: what needs somebody, what to do, and who was told."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from subscriptions.admin import alert_page, badges
from subscriptions.admin.append_only import AppendOnlyAdmin
from subscriptions.models import Alert, AlertMessage
from subscriptions.services.alerts import channels, telling


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

    list_display = ("what", "state", "since", "concerned_now", "told")
    list_display_links = ("what",)
    list_filter = (OpenFilter, "kind", "app_registration")
    list_select_related = ("app_registration",)
    search_fields = ("title",)
    fields = ("kind", "state", "since", "until", "last_seen")
    readonly_fields = fields
    change_list_template = "admin/subscriptions/alert/change_list.html"
    change_form_template = "admin/subscriptions/alert/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        """Count the subscriptions that each concerns now, and what could not be told of it."""
        messages = AlertMessage.objects.filter(alert=OuterRef("pk"))
        return (
            super()
            .get_queryset(request)
            .annotate(
                concerned_count=Count("concerned", filter=Q(concerned__until_at__isnull=True)),
                was_told=Exists(messages.filter(told_at__isnull=False)),
                is_stuck=Exists(messages.filter(told_at__isnull=True, attempts__gt=0)),
            )
        )

    def get_urls(self) -> list[URLPattern]:
        """Add the address that sends a test."""
        test = path("test/", self.admin_site.admin_view(self.test_view), name="subscriptions_alert_test")
        return [test, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Say who is told, and offer to try it."""
        context = {
            "ways": [channel.label for channel in channels.configured()],
            "may_test": request.user.has_perm("subscriptions.test_alert"),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show what to do, whom it concerns and who was told."""
        context: dict[str, Any] = {}
        if (alert := self.get_object(request, object_id)) and self.has_view_permission(request, alert):
            sees_subscriptions = request.user.has_perm("subscriptions.view_subscription")
            context = {
                "title": alert.title,
                "subtitle": None,
                "panel": badges.of_alert(alert).kind,
                "links": alert_page.links(alert, has_perm=request.user.has_perm),
                "concerned": alert_page.concerned(alert) if sees_subscriptions else [],
                "messages_told": list(alert_page.messages(alert)),
            }
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    @method_decorator(require_POST)
    def test_view(self, request: HttpRequest) -> HttpResponse:
        """Send a test by each way there is, and say what came of it."""
        if not request.user.has_perm("subscriptions.test_alert"):
            raise PermissionDenied
        results = telling.send_test(now=timezone.now())
        for channel, error in results.items():
            if error:
                self.message_user(request, f"{channel}: {error}", messages.ERROR)
            else:
                self.message_user(request, f"{channel}: the test was taken.", messages.SUCCESS)
        if not results:
            text = "Nobody would be told: set ADMINS and EMAIL_URL, or ALERT_WEBHOOK_URL."
            self.message_user(request, text, messages.WARNING)
        return HttpResponseRedirect(reverse("admin:subscriptions_alert_changelist"))

    @admin.display(description="alert")
    def what(self, alert: Alert) -> SafeString:
        """Show what it is, and its kind."""
        return format_html('{}<div class="gsm-note">{}</div>', alert.title, alert.get_kind_display())

    @admin.display(description="state")
    def state(self, alert: Alert) -> SafeString:
        """Show whether it is open."""
        return badges.of_alert(alert).html()

    @admin.display(description="raised at")
    def since(self, alert: Alert) -> SafeString:
        """Show when it was raised."""
        return badges.moment(alert.raised_at)

    @admin.display(description="over since")
    def until(self, alert: Alert) -> SafeString:
        """Show when it ended."""
        return badges.moment(alert.resolved_at)

    @admin.display(description="last seen at")
    def last_seen(self, alert: Alert) -> SafeString:
        """Show when it was last found."""
        return badges.moment(alert.last_seen_at)

    @admin.display(description="subscriptions")
    def concerned_now(self, alert: Any) -> str:
        """Show how many subscriptions suffer from it."""
        return f"{alert.concerned_count:,}" if alert.concerned_count else ""

    @admin.display(description="told")
    def told(self, alert: Any) -> SafeString:
        """Show whether somebody was told."""
        return badges.of_telling(was_told=alert.was_told, is_stuck=alert.is_stuck).html()
