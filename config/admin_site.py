"""The admin site under the product's name, with an overview on its first page."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
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

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show the overview above the list of tables."""
        # The admin modules register with this site, so they are there only after it.
        from notifications.admin import overview

        shown = overview.overview(
            request.user.has_perm, now=timezone.now(), range_name=request.GET.get("range")
        )
        return super().index(request, {"overview": shown, **(extra_context or {})})
