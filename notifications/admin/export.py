"""Export in the admin: what a list shows, as a file."""

from datetime import datetime
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.urls import URLPattern, path
from django.utils import timezone

from notifications.admin.asking import AskingAdmin
from notifications.models import ChangeNotification
from notifications.services import export
from notifications.services.browsing import counts
from subscriptions.services.long_lists import LONGEST_LIST

PERMISSION = "notifications.export_changenotification"
CONTENT_PERMISSION = "notifications.view_notificationcontent"
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}


def _offered() -> list[tuple[str, str]]:
    """Return the formats that can be written here."""
    names = {
        "csv": "CSV, for spreadsheets",
        "ndjson": "NDJSON, one JSON object on each line",
        "parquet": "Parquet, for data lakes",
    }
    return [(key, name) for key, name in names.items() if key != "parquet" or export.can_write_parquet()]


class ExportForm(forms.Form):
    """How to export."""

    file_format = forms.ChoiceField(
        label="Format",
        choices=_offered,
    )
    with_content = forms.BooleanField(
        label="With content",
        required=False,
        help_text="What was decrypted or fetched. The export is noted on the audit log.",
    )

    def __init__(self, *args: Any, may_see_content: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_see_content:
            del self.fields["with_content"]


class ExportAdmin(AskingAdmin[ChangeNotification]):
    """A list of notifications that can be had as a file."""

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may export."""
        return request.user.has_perm(PERMISSION) and self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        """Add the page that asks how; its address carries the filters of the list."""
        own = path("export/", self.admin_site.admin_view(self._export), name=self.name_of("export"))
        return [own, *super().get_urls()]

    def on_list(self, request: HttpRequest) -> dict[str, Any]:
        """Offer to export what the list shows."""
        offered = super().on_list(request)
        if self.has_export_permission(request):
            offered["export_url"] = self.asking_url("export", request)
        return offered

    def _export(self, request: HttpRequest) -> HttpResponseBase:
        """Ask how, or send the file."""

        def answer(rows: QuerySet[ChangeNotification], back: str) -> HttpResponseBase:
            may_see_content = request.user.has_perm(CONTENT_PERMISSION)
            form = ExportForm(request.POST or None, may_see_content=may_see_content)
            if request.method == "POST" and form.is_valid():
                return _file(request, rows, form.cleaned_data, now=timezone.now())
            shown = {
                "form": form,
                "count": counts.about(rows, up_to=LONGEST_LIST) or "not counted, since that would take long",
            }
            return self.ask(
                request, "changenotification/export.html", title="Export", step="Export", back=back, **shown
            )

        return self.for_shown(request, answer, allowed=self.has_export_permission(request))


def _file(
    request: HttpRequest,
    notifications: QuerySet[ChangeNotification],
    chosen: dict[str, Any],
    *,
    now: datetime,
) -> HttpResponseBase:
    file_format = chosen["file_format"]
    pieces = export.pieces(
        notifications,
        file_format=file_format,
        with_content=chosen.get("with_content", False),
        described=f"list ?{request.GET.urlencode()}",
        actor=request.user.get_username(),
        now=now,
    )
    name = f"notifications-{now:%Y%m%dT%H%M%SZ}.{file_format}"
    return StreamingHttpResponse(
        pieces,
        content_type=TYPES[file_format],
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )
