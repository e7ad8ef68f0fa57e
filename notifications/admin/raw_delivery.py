"""The delivery of a notification as it came: for those who may see both deliveries and content."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from notifications.admin import content_tree
from notifications.admin.export import CONTENT_PERMISSION
from notifications.admin.read_only import ReadOnlyAdmin
from notifications.models import ChangeNotification
from notifications.services.browsing import content_audit, raw_item
from subscriptions.services.errors import UseCaseError

PERMISSIONS = (CONTENT_PERMISSION, "notifications.view_delivery")


class RawDeliveryAdmin(ReadOnlyAdmin[ChangeNotification]):
    """Shows an item as Graph spelled it, with the headers that are kept and what its tokens say."""

    def has_raw_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may see what came before anything was made of it."""
        return request.user.has_perms(PERMISSIONS) and self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        """Add the page."""
        view = self.admin_site.admin_view(self._raw)
        return [path("<int:pk>/raw/", view, name=self.name_of("raw")), *super().get_urls()]

    def _raw(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_raw_permission(request):
            raise PermissionDenied
        notification = self.get_object(request, str(pk))
        if notification is None:
            return HttpResponseRedirect(self.url_of("changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": "As it came",
            "opts": self.opts,
            "notification": notification,
            "media": self.media,
        }
        # Noted before it is read: what is not noted is not shown.
        content_audit.note_page(notification, actor=request.user.get_username(), now=timezone.now())
        try:
            raw = raw_item.as_it_came(notification)
        except UseCaseError as error:
            context["error"] = str(error)
        else:
            context |= {
                "headers": raw.headers,
                "item": content_tree.as_text(raw.item),
                "tokens": raw.tokens,
            }
        return TemplateResponse(request, "admin/notifications/changenotification/raw.html", context)
