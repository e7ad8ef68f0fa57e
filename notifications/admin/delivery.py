"""Deliveries in the admin: what was posted to us and what became of it; never the body, which holds clientStates."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from notifications.admin import words
from notifications.admin.replay import ReplayAdmin
from notifications.models import Delivery

ITEMS_SHOWN = 100


@admin.register(Delivery)
class DeliveryAdmin(ReplayAdmin[Delivery]):
    """Shows the inbox."""

    list_display = ("received", "endpoint", "state_badge", "kind", "size_in_words", "attempts", "error")
    list_filter = ("state", "is_quarantined", "endpoint")
    change_form_template = "admin/notifications/delivery/change_form.html"
    fields = (
        "received",
        "endpoint",
        "state_badge",
        "kind",
        "size_in_words",
        "content_type",
        "content_encoding",
        "attempts",
        "next_attempt",
        "processed",
        "error",
        "erased",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        """Never load the body: reading it means decrypting it."""
        return super().get_queryset(request).defer("body")

    def deliveries_of(self, rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
        """Return the rows themselves."""
        return rows

    def on_page(self, request: HttpRequest, row: Delivery) -> dict[str, Any]:
        """Show what was found in it."""
        found = row.notifications.defer("resource_data", "proof", "handling")
        items = list(found.order_by("item_index", "pk")[: ITEMS_SHOWN + 1])
        return {
            **super().on_page(request, row),
            "has_more_items": len(items) > ITEMS_SHOWN,
            "items": [
                {
                    "url": reverse("admin:notifications_changenotification_change", args=(item.pk,)),
                    "event": words.what_happened(item),
                    "state": words.state_badge(item),
                    "resource": words.path(item.resource),
                    "reason": words.reason_in_words(item.reason),
                }
                for item in items[:ITEMS_SHOWN]
            ],
        }

    @admin.display(description="received at")
    def received(self, delivery: Delivery) -> SafeString:
        """Show when it came."""
        return words.moment(delivery.received_at)

    @admin.display(description="processed at")
    def processed(self, delivery: Delivery) -> SafeString:
        """Show when it was worked through last."""
        return words.moment(delivery.processed_at)

    @admin.display(description="body erased at")
    def erased(self, delivery: Delivery) -> SafeString | None:
        """Show since when there is nothing left to try again."""
        return words.moment(delivery.erased_at) if delivery.erased_at else None

    @admin.display(description="next try at")
    def next_attempt(self, delivery: Delivery) -> str:
        """Show when it is taken up again."""
        is_open = delivery.state in {Delivery.State.QUEUED, Delivery.State.WAITING}
        if not is_open:
            return "None: it is finished"
        due = delivery.next_attempt_at <= timezone.now()
        return "Due now" if due else words.to_the_second(delivery.next_attempt_at)

    @admin.display(description="state")
    def state_badge(self, delivery: Delivery) -> SafeString:
        """Show the state."""
        return words.delivery_badge(delivery)

    @admin.display(description="quarantine")
    def kind(self, delivery: Delivery) -> SafeString | None:
        """Say whether nothing in it was ours when it came."""
        return words.badge("warn", "Quarantined") if delivery.is_quarantined else None

    @admin.display(description="size")
    def size_in_words(self, delivery: Delivery) -> str:
        """Show the size of the body."""
        return f"{delivery.size:,} bytes"
