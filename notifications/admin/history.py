"""The history of one item: all its states in order, each with what differs from the one before."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.safestring import SafeString

from notifications.admin import words
from notifications.admin.difference_lines import DifferenceLine, difference_lines
from notifications.admin.export import CONTENT_PERMISSION
from notifications.admin.read_only import ReadOnlyAdmin
from notifications.models import ChangeNotification, ContentAccess
from notifications.services.browsing import content_audit, item_history, pages
from notifications.services.browsing.pages import Place, PlaceError

STATES_SHOWN = 20
DIFFERENCES_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class StateLine:
    """One state of the item; `note` says why there are no differences where there are none."""

    url: str
    at: SafeString
    summary: str
    state: SafeString
    told_by: str
    is_asked_for: bool
    differences: tuple[DifferenceLine, ...]
    has_more: bool
    note: str


class HistoryAdmin(ReadOnlyAdmin[ChangeNotification]):
    """Shows the item of a notification through time, instead of the changes made in the admin: there are none."""

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the states of the item of one notification, the newest first, so many at a time."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        notification = self.get_object(request, object_id)
        if notification is None:
            return HttpResponseRedirect(self.url_of("changelist"))
        sees_content = request.user.has_perm(CONTENT_PERMISSION)
        rows = item_history.states_of(notification).select_related("subscription")
        rows = rows.select_related("content") if sees_content else rows.defer("resource_data")
        page = pages.older(rows, than=_place(request.GET.get("older", "")), size=STATES_SHOWN)
        found = list(page.rows)
        if sees_content and page.older and (earlier := item_history.previous(found[-1])):
            found.append(earlier)
        if sees_content:
            self._note(request, found)
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of one {words.kind_of_thing(notification) or 'item'}",
            "opts": self.opts,
            "notification": notification,
            "resource": words.path(notification.resource or notification.resource_id),
            "lines": list(
                islice(self._lines(found, asked_for=notification, sees_content=sees_content), STATES_SHOWN)
            ),
            "sees_content": sees_content,
            "content_permission": CONTENT_PERMISSION,
            "is_later_page": page.newer is not None,
            "older_url": f"?older={page.older}" if page.older else "",
            "media": self.media,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/notifications/changenotification/history.html", context)

    def _note(self, request: HttpRequest, rows: Sequence[ChangeNotification]) -> None:
        content_audit.note_many(
            ContentAccess.Way.PAGE,
            [row.pk for row in rows if _content(row) is not None],
            actor=request.user.get_username(),
            now=timezone.now(),
        )

    def _lines(
        self, rows: Sequence[ChangeNotification], *, asked_for: ChangeNotification, sees_content: bool
    ) -> Iterator[StateLine]:
        for number, row in enumerate(rows):
            content = _content(row) if sees_content else None
            earlier = [_content(one) for one in rows[number + 1 :]] if sees_content else []
            before = next((one for one in earlier if one is not None), None)
            is_comparable = content is not None and before is not None and row.change_type != "deleted"
            lines = (
                list(islice(difference_lines(before, content), DIFFERENCES_SHOWN + 1))
                if is_comparable
                else []
            )
            yield StateLine(
                url=self.url_of("change", str(row.pk)),
                at=words.moment(row.received_at),
                summary=words.said(row, content=content, before=before),
                state=words.state_badge(row),
                told_by=f"Subscription {row.subscription}" if row.subscription else "Unknown subscription",
                is_asked_for=row.pk == asked_for.pk,
                differences=tuple(lines[:DIFFERENCES_SHOWN]),
                has_more=len(lines) > DIFFERENCES_SHOWN,
                note=_note_on(row, content, before, lines) if sees_content else "",
            )


def _place(text: str) -> Place | None:
    """Return the place that the address names; what names none is the beginning."""
    try:
        return Place.read(text)
    except PlaceError:
        return None


def _content(row: ChangeNotification) -> Any:
    return row.content.data if hasattr(row, "content") else None


def _note_on(row: ChangeNotification, content: Any, before: Any, lines: Sequence[DifferenceLine]) -> str:
    if lines or row.change_type == "deleted":
        return ""
    if content is None:
        return "It came without content."
    return "Nothing differs from the state before." if before is not None else "There is no earlier content."
