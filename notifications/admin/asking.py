"""Pages that count and ask before something is done with the rows of a list."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse

from notifications.admin.read_only import ReadOnlyAdmin

M = TypeVar("M", bound=Model)


class AskingAdmin(ReadOnlyAdmin[M]):
    """A list with such pages; their addresses carry the filters of the list."""

    def on_list(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the list offers; each kind of page adds its own."""
        del request
        return {}

    def on_page(self, request: HttpRequest, row: M) -> dict[str, Any]:
        """Return what the page of one row offers and says; each kind of page adds its own."""
        del request, row
        return {}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list with what it offers."""
        return super().changelist_view(request, {**self.on_list(request), **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one row with what it offers."""
        row = self.get_object(request, object_id)
        offered = self.on_page(request, row) if row else {}
        return super().change_view(request, object_id, form_url, {**offered, **(extra_context or {})})

    def for_shown(
        self,
        request: HttpRequest,
        answer: Callable[[QuerySet[M], str], HttpResponseBase],
        *,
        allowed: bool,
    ) -> HttpResponseBase:
        """Answer for all rows that the list shows; the list itself explains what is wrong with its address.

        `answer` is given the rows and the address of the list.

        Raises:
            PermissionDenied: it is not allowed.

        """
        if not allowed:
            raise PermissionDenied
        try:
            rows = self.shown(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{self.url_of('changelist')}?e=1")
        return answer(rows, self.list_url(request))

    def list_url(self, request: HttpRequest) -> str:
        """Return the address of the list that a page came from."""
        return f"{self.url_of('changelist')}?{request.GET.urlencode()}"

    def asking_url(self, page: str, request: HttpRequest) -> str:
        """Return the address of a page that asks about what the list shows."""
        return f"{self.url_of(page)}?{request.GET.urlencode()}"

    def ask(
        self, request: HttpRequest, template: str, *, title: str, step: str, back: str, **context: Any
    ) -> TemplateResponse:
        """Return the page; `step` is what a click does."""
        frame = {
            **self.admin_site.each_context(request),
            "title": title,
            "step": step,
            "opts": self.opts,
            "back": back,
            "media": self.media,
        }
        return TemplateResponse(request, f"admin/notifications/{template}", {**frame, **context})
