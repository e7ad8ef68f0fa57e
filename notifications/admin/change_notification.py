"""Notifications in the admin: the list that an analyst works with, and a page for each."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from notifications.admin import words
from notifications.admin.erasing import EraseAdmin
from notifications.admin.export import CONTENT_PERMISSION, ExportAdmin
from notifications.admin.fetching import FetchAdmin
from notifications.admin.holding import HoldAdmin
from notifications.admin.listing import ListAdmin, link_to_subscription
from notifications.admin.replay import ReplayAdmin
from notifications.models import ChangeNotification, Delivery, NotificationContent
from notifications.services import content_audit, replay


@admin.register(ChangeNotification)
class ChangeNotificationAdmin(
    ListAdmin, ExportAdmin, HoldAdmin, EraseAdmin, FetchAdmin, ReplayAdmin[ChangeNotification]
):
    """Shows what Graph told us; what was rejected only when asked for."""

    change_form_template = "admin/notifications/changenotification/change_form.html"
    fields = (
        "received",
        "last_received",
        "event",
        "subscription_link",
        "subscription_graph_id",
        "resource_path",
        "resource_type",
        "resource_id",
        "tenant_id",
        "notification_id",
        "times_delivered",
        "origin",
        "processed",
        "delivery_link",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChangeNotification]:
        """Leave out what only the page of one notification shows."""
        return super().get_queryset(request).defer("resource_data", "proof", "handling")

    def deliveries_of(self, rows: QuerySet[ChangeNotification]) -> QuerySet[Delivery]:
        """Return the deliveries in which they came."""
        return replay.deliveries_of(rows)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one notification with its proof and, to those who may see it, its content."""
        context: dict[str, Any] = {}
        if notification := self.get_object(request, object_id):
            context = {
                "subtitle": None,
                "title": words.what_happened(notification),
                "state": words.state_badge(notification),
                "kind": words.kind_of_state(notification),
                "summary": words.summary(notification),
                "checks": [words.CHECKS.get(name, str(name)) for name in notification.proof],
                "passed": words.badge("good", "Passed"),
                "failed": words.badge("bad", "Not passed"),
                "reason": words.reason_in_words(notification.reason),
                "reason_code": notification.reason,
                "lacking_key": notification.encryption_certificate_id,
                "handling": notification.handling,
                "resource_data": readable(notification.resource_data) if notification.resource_data else "",
                **self._content(request, notification),
            }
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    def _content(self, request: HttpRequest, notification: ChangeNotification) -> dict[str, Any]:
        """Return the content for those who may see it, and for others only that there is some."""
        contents = NotificationContent.objects.filter(pk=notification.pk)
        if not request.user.has_perm(CONTENT_PERMISSION):
            return {"content_is_withheld": contents.exists(), "content_permission": CONTENT_PERMISSION}
        content = contents.first()
        if content is None:
            return {}
        content_audit.note_page(notification, actor=request.user.get_username(), now=timezone.now())
        return {
            "content": readable(content.data),
            "content_origin": words.origin_of_content(content),
        }

    @admin.display(description="received at")
    def received(self, notification: ChangeNotification) -> SafeString:
        """Show when it came first."""
        return words.moment(notification.received_at)

    @admin.display(description="last received at")
    def last_received(self, notification: ChangeNotification) -> SafeString:
        """Show when it came last."""
        return words.moment(notification.last_received_at)

    @admin.display(description="processed at")
    def processed(self, notification: ChangeNotification) -> SafeString:
        """Show when it was judged."""
        return words.moment(notification.processed_at)

    @admin.display(description="what happened")
    def event(self, notification: ChangeNotification) -> str:
        """Show the change and the kind of thing."""
        return words.what_happened(notification)

    @admin.display(description="subscription")
    def subscription_link(self, notification: ChangeNotification) -> str:
        """Link to the subscription."""
        return link_to_subscription(notification, str(notification.subscription))

    @admin.display(description="resource")
    def resource_path(self, notification: ChangeNotification) -> SafeString:
        """Show what changed, by its path or its id."""
        return words.path(notification.resource or notification.resource_id)

    @admin.display(description="delivery")
    def delivery_link(self, notification: ChangeNotification) -> str:
        """Link to the delivery that it came in."""
        if notification.delivery_id is None:
            is_found = notification.origin == ChangeNotification.Origin.DELTA
            return "None: found by delta query" if is_found else "No longer kept"
        url = reverse("admin:notifications_delivery_change", args=(notification.delivery_id,))
        return format_html('<a href="{}">Delivery {}</a>', url, notification.delivery_id)


def readable(data: Any) -> str:
    """Return JSON on indented lines, in the writing of its own language."""
    return json.dumps(data, indent=2, ensure_ascii=False)
