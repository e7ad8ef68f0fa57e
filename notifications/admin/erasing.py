"""Erasing in the admin: a page that counts and asks, for one notification, a list, or what mentions somebody."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils import timezone

from notifications.admin import words
from notifications.admin.asking import AskingAdmin
from notifications.admin.export import CONTENT_PERMISSION
from notifications.models import ChangeNotification
from notifications.services.browsing import content_audit
from notifications.services.holds.mentions import naming
from notifications.services.retention import erasure
from subscriptions.services.errors import UseCaseError
from subscriptions.services.long_lists import count_up_to

PERMISSION = "notifications.erase_content"
COUNTED_AT_MOST = 100_000
Rows = QuerySet[ChangeNotification]


class EraseAdmin(AskingAdmin[ChangeNotification]):
    """A list of notifications whose content can be erased."""

    def has_erase_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may erase content."""
        return request.user.has_perm(PERMISSION) and self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        """Add the page that asks, for a list and for one."""
        view = self.admin_site.admin_view
        return [
            path("erase/", view(self._erase_all), name=self.name_of("erase_all")),
            path("<int:pk>/erase/", view(self._erase_one), name=self.name_of("erase")),
            *super().get_urls(),
        ]

    def on_list(self, request: HttpRequest) -> dict[str, Any]:
        """Offer to erase what the list shows."""
        offered = super().on_list(request)
        if self.has_erase_permission(request):
            offered["erase_url"] = self.asking_url("erase_all", request)
        return offered

    def on_page(self, request: HttpRequest, row: ChangeNotification) -> dict[str, Any]:
        """Offer to erase this one, or say when and by whom it was erased."""
        offered = super().on_page(request, row)
        if erased := row.erasure:
            offered["erasure_note"] = f"Erased by {erased.actor} on {words.to_the_second(erased.at)}."
        elif self.has_erase_permission(request) and erasure.erasable(_row(row.pk)).exists():
            offered["erase_url"] = self.url_of("erase", str(row.pk))
        return offered

    def _erase_one(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        if not self.has_erase_permission(request):
            raise PermissionDenied
        return self._ask_or_erase(
            request, _row(pk), selection=f"notification {pk}", back=self.url_of("change", str(pk))
        )

    def _erase_all(self, request: HttpRequest) -> HttpResponseBase:
        """Take the rows of the list, or of them only what mentions somebody."""
        text = request.GET.get("mentioning", "").strip()
        filters = request.GET.copy()
        filters.pop("mentioning", None)
        # The list knows no such filter.
        request.GET = filters  # type: ignore[assignment] # a mutable copy, as Django's own admin uses it
        typed = request.POST.get("mentioning", text).strip()
        if "count" in request.POST or typed != text:
            # What was entered and not counted yet is asked about first.
            filters["mentioning"] = typed
            return HttpResponseRedirect(self.asking_url("erase_all", request))

        def answer(rows: Rows, back: str) -> HttpResponseBase:
            context: dict[str, Any] = {"is_list": True, "mentioning": text}
            selection = f"list ?{filters.urlencode()}"
            if text:
                selection = f"{selection}, all that mentions {text}"
                try:
                    rows = self._mentioning(request, rows, text, selection=selection)
                except UseCaseError as error:
                    rows, context["error"] = rows.none(), str(error)
            return self._ask_or_erase(request, rows, selection=selection, back=back, **context)

        return self.for_shown(request, answer, allowed=self.has_erase_permission(request))

    def _mentioning(self, request: HttpRequest, rows: Rows, text: str, *, selection: str) -> Rows:
        """Keep what mentions somebody, for those who may search in content; that it was searched is noted.

        Raises:
            UseCaseError: the user may not, or the text means nobody.

        """
        if not request.user.has_perm(CONTENT_PERMISSION):
            raise UseCaseError(f"Searching content takes the permission {CONTENT_PERMISSION}.")
        found = rows.filter(naming(text))
        content_audit.note_search(selection, actor=request.user.get_username(), now=timezone.now(), found=0)
        return found

    def _ask_or_erase(
        self, request: HttpRequest, rows: Rows, *, selection: str, back: str, **context: Any
    ) -> HttpResponseBase:
        """Ask with a count, or do it when asked by a click and nothing is wrong with what is asked."""
        if request.method == "POST" and "error" not in context:
            actor = request.user.get_username()
            outcome = erasure.erase(rows, selection=selection, actor=actor, now=timezone.now())
            is_whole = outcome.erased and not outcome.held
            self.message_user(request, in_words(outcome), messages.SUCCESS if is_whole else messages.WARNING)
            return HttpResponseRedirect(back)
        count = count_up_to(erasure.erasable(rows), COUNTED_AT_MOST)
        context |= {
            "count": min(count, COUNTED_AT_MOST),
            "is_cut": count > COUNTED_AT_MOST,
            "held_by": erasure.kept_by_holds(rows),
        }
        context |= {"title": "Erase content for good?", "step": "Erase content"}
        return self.ask(request, "confirm_erase.html", back=back, **context)


def in_words(outcome: erasure.Outcome) -> str:
    """Return what was erased, and which legal holds stood in the way of how many."""
    done = f"Erased: content of {outcome.erased:,} notifications, body of {outcome.deliveries:,} deliveries."
    if not outcome.held:
        return done
    holds = ", ".join(f"{name} ({count:,})" for name, count in outcome.held_by.items())
    return f"{done} Left under legal hold: {outcome.held:,}, by {holds}."


def _row(pk: int) -> Rows:
    return ChangeNotification.objects.filter(pk=pk)
