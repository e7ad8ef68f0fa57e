"""The admin site under the product's name, with an overview on its first page."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone


class GraphAdminSite(AdminSite):
    """Django's admin, named and with an overview."""

    site_header = "Graph Subscription Manager"
    site_title = "Graph Subscription Manager"
    index_title = "Overview"
    # The front page leads here already.
    site_url = None

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Put what the product is about before users and groups."""
        order = ("subscriptions", "notifications")
        apps = super().get_app_list(request, app_label)
        return sorted(
            apps, key=lambda app: order.index(app["app_label"]) if app["app_label"] in order else len(order)
        )

    def get_urls(self) -> list[Any]:
        """Add the pages of who is not signed in yet."""
        from subscriptions.admin import staff_sign_in

        return [
            path("sign-in/", staff_sign_in.begin_view, name="staff_sign_in"),
            path("sign-in/callback/", staff_sign_in.callback_view, name="staff_sign_in_callback"),
            *super().get_urls(),
        ]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Offer Entra beside passwords, where it is set up."""
        from subscriptions.services.access import staff_sign_in

        context: dict[str, Any] = {}
        if staff_sign_in.is_offered():
            query = urlencode({"next": request.GET.get("next", "")})
            context["sign_in_url"] = f"{reverse('admin:staff_sign_in')}?{query}"
        return super().login(request, {**context, **(extra_context or {})})

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Sign out of Entra too who came by it: else the next click would sign in again without a question."""
        from subscriptions.admin import staff_sign_in

        came_by_entra = request.session.get(staff_sign_in.CAME_BY_ENTRA)
        answer = super().logout(request, extra_context)
        if came_by_entra and not request.user.is_authenticated:
            return staff_sign_in.leave(request)
        return answer

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show the overview above the list of tables."""
        # The admin modules register with this site, so they are there only after it.
        from notifications.admin import overview

        shown = overview.overview(
            request.user.has_perm, now=timezone.now(), range_name=request.GET.get("range")
        )
        return super().index(request, {"overview": shown, **(extra_context or {})})
