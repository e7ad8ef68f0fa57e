"""Deleting an app registration or a signed-in account: what is at Graph in its name is removed there first."""

from typing import Any, TypeVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from subscriptions.admin.calls import EXPECTED_ERRORS, PATIENCE
from subscriptions.models import AppRegistration, DelegatedAccount, Subscription
from subscriptions.services import deletion
from subscriptions.services.deletion import Departure
from subscriptions.services.outcomes import told

O = TypeVar("O", AppRegistration, DelegatedAccount)  # noqa: E741 -- owner
ROWS_NAMED = 20


class OwnerDeletion(admin.ModelAdmin[O]):
    """Adds a deletion that asks with the list of what would end, and calls Graph outside any transaction."""

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Leave out deleting many at once: each is asked for with the list of what would end."""
        actions = super().get_actions(request)
        return {name: action for name, action in actions.items() if name != "delete_selected"}

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show what would happen; when it is confirmed, do it."""
        owner = self.get_object(request, object_id)
        if not self.has_delete_permission(request, owner):
            raise PermissionDenied
        if owner is None:
            raise Http404
        kept = owner.subscriptions.exclude(status=Subscription.Status.REMOVED)
        count = kept.count()
        may_remove = not count or request.user.has_perm("subscriptions.remove_subscription")
        if request.method == "POST":
            if not may_remove:
                raise PermissionDenied
            return self._delete(request, owner)
        context = {
            **self.admin_site.each_context(request),
            **(extra_context or {}),
            "title": f"Delete {self.opts.verbose_name}?",
            "opts": self.opts,
            "owner": owner,
            "count": count,
            "subscriptions": kept.order_by("pk")[:ROWS_NAMED],
            "number_not_named": max(0, count - ROWS_NAMED),
            "history": deletion.history_of(owner.subscriptions.all()),
            "retired": owner.subscriptions.filter(status=Subscription.Status.REMOVED).count(),
            "accounts": owner.accounts.all() if isinstance(owner, AppRegistration) else (),
            "may_remove": may_remove,
            "list_url": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
            "page_url": reverse(
                f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=(owner.pk,)
            ),
            "media": self.media,
        }
        return TemplateResponse(request, "admin/subscriptions/delete_owner.html", context)

    def _delete(self, request: HttpRequest, owner: O) -> HttpResponse:
        try:
            departure = deletion.delete_owner(
                owner,
                clock=timezone.now,
                actor=request.user.get_username(),
                until=timezone.now() + PATIENCE,
            )
        except EXPECTED_ERRORS as error:
            self.message_user(request, f"Not deleted. {told(error)}", messages.ERROR)
            return self._to(owner)
        if not departure.is_deleted:
            self.message_user(request, _not_deleted(departure), messages.ERROR)
            return self._to(owner)
        self.log_deletions(request, [owner])  # type: ignore[arg-type] # any iterable will do
        ended = f" Subscriptions ended at Graph first: {departure.removed:,}." if departure.removed else ""
        self.message_user(request, f"Deleted: {owner}.{ended}", messages.SUCCESS)
        changelist = f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"
        return HttpResponseRedirect(reverse(changelist))

    def _to(self, owner: O) -> HttpResponse:
        """Go back to what would happen now."""
        page = f"admin:{self.opts.app_label}_{self.opts.model_name}_delete"
        return HttpResponseRedirect(reverse(page, args=(owner.pk,)))


def _not_deleted(departure: Departure) -> str:
    why = departure.reasons or ("The time of a page was over: go on with the rest.",)
    return " ".join((f"Not deleted: {departure.removed:,} removed at Graph, {departure.left:,} left.", *why))
