"""What the pages of notifications say of legal holds, and the way from picked rows to a new one."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from notifications.admin.asking import AskingAdmin
from notifications.models import ChangeNotification
from notifications.services.holds import held, holding

PLACE_PERMISSION = "notifications.add_legalhold"
SEE_PERMISSION = "notifications.view_legalhold"


class HoldAdmin(AskingAdmin[ChangeNotification]):
    """A list of notifications of which some can be picked for a legal hold."""

    actions = ("place_legal_hold",)

    def has_hold_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may place legal holds."""
        return request.user.has_perm(PLACE_PERMISSION)

    @admin.action(description="Place a legal hold on these", permissions=["hold"])
    def place_legal_hold(
        self, request: HttpRequest, queryset: QuerySet[ChangeNotification]
    ) -> HttpResponse | None:
        """Go to the page that asks for a name and a reason."""
        keys = list(queryset.order_by("pk").values_list("pk", flat=True)[: holding.MOST_PICKED + 1])
        if len(keys) > holding.MOST_PICKED:
            text = f"Pick {holding.MOST_PICKED} at most, or place a legal hold by what they have in common."
            self.message_user(request, text, messages.ERROR)
            return None
        address = reverse("admin:notifications_legalhold_add")
        return HttpResponseRedirect(f"{address}?picked={','.join(map(str, keys))}")

    def on_page(self, request: HttpRequest, row: ChangeNotification) -> dict[str, Any]:
        """Say of one whether it is held, and to those who may see holds, by which."""
        offered = super().on_page(request, row)
        if names := held.holds_on(row.pk):
            by = f": {', '.join(names)}" if request.user.has_perm(SEE_PERMISSION) else ""
            offered["hold_note"] = f"It is kept under a legal hold{by}."
        return offered
