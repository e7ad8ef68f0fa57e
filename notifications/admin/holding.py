"""What the pages of notifications say of legal holds, and the way from picked rows to a new one."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from notifications.admin.read_only import ReadOnlyAdmin
from notifications.models import ChangeNotification
from notifications.services import held, holding

PLACE_PERMISSION = "notifications.add_legalhold"
SEE_PERMISSION = "notifications.view_legalhold"


class HoldAdmin(ReadOnlyAdmin[ChangeNotification]):
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

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Say of one whether it is held, and to those who may see holds, by which."""
        context: dict[str, Any] = {}
        if (notification := self.get_object(request, object_id)) and (
            names := held.holds_on(notification.pk)
        ):
            context["hold_note"] = "It is kept under a legal hold."
            if request.user.has_perm(SEE_PERMISSION):
                context["hold_note"] = f"It is kept under a legal hold: {', '.join(names)}."
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})
