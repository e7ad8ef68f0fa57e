"""Notifications in the admin: the list that an analyst works with, and a page for each."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from notifications.admin import words
from notifications.admin.detail import DetailAdmin
from notifications.admin.erasing import EraseAdmin
from notifications.admin.export import ExportAdmin
from notifications.admin.fetching import FetchAdmin
from notifications.admin.holding import HoldAdmin
from notifications.admin.listing import ListAdmin, link_to_subscription
from notifications.admin.replay import ReplayAdmin
from notifications.models import ChangeNotification, Delivery
from notifications.services import replay


@admin.register(ChangeNotification)
class ChangeNotificationAdmin(
    ListAdmin, DetailAdmin, ExportAdmin, HoldAdmin, EraseAdmin, FetchAdmin, ReplayAdmin[ChangeNotification]
):
    """Shows what Graph told us; what was rejected only when asked for."""

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

    def get_fields(self, request: HttpRequest, obj: ChangeNotification | None = None) -> tuple[str, ...]:
        """Lead to the delivery those who may open it."""
        del obj
        if request.user.has_perm("notifications.view_delivery"):
            return self.fields
        return tuple("delivery_number" if name == "delivery_link" else name for name in self.fields)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChangeNotification]:
        """Leave out what only the page of one notification shows."""
        return super().get_queryset(request).defer("resource_data", "proof", "handling")

    def deliveries_of(self, rows: QuerySet[ChangeNotification]) -> QuerySet[Delivery]:
        """Return the deliveries in which they came."""
        return replay.deliveries_of(rows)

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
        named = self.delivery_number(notification)
        if not notification.is_delivery_kept:
            return named
        url = reverse("admin:notifications_delivery_change", args=(notification.delivery_id,))
        return format_html('<a href="{}">{}</a>', url, named)

    @admin.display(description="delivery")
    def delivery_number(self, notification: ChangeNotification) -> str:
        """Name the delivery that it came in."""
        if notification.delivery_id is None:
            return "None: found by delta query"
        return f"Delivery {notification.delivery_id}" if notification.is_delivery_kept else "No longer kept"
