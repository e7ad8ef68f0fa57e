"""Fetching in the admin: read at Graph what came without content, for one notification or for all that a list shows."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from notifications.admin import words
from notifications.admin.asking import AskingAdmin
from notifications.models import ChangeNotification, ContentFetch, NotificationContent
from notifications.services import engine, fetching
from notifications.services.fetching.item_paths import NotFetchableError
from subscriptions.services.errors import BusyError
from subscriptions.services.long_lists import count_up_to

PERMISSION = "notifications.fetch_content"
State = ContentFetch.State
LEVELS = {State.DONE: messages.SUCCESS, State.WANTED: messages.WARNING}


class FetchAdmin(AskingAdmin[ChangeNotification]):
    """A list of notifications whose resources can be read at Graph."""

    def has_fetch_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may have resources read at Graph."""
        return request.user.has_perm(PERMISSION) and self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        """Add the page that counts and asks, and the address that reads for one."""
        view = self.admin_site.admin_view
        return [
            path("fetch/", view(self._fetch_all), name=self.name_of("fetch_all")),
            path("<int:pk>/fetch/", view(self._fetch_one), name=self.name_of("fetch")),
            *super().get_urls(),
        ]

    def on_list(self, request: HttpRequest) -> dict[str, Any]:
        """Offer to read what the list shows."""
        offered = super().on_list(request)
        if self.has_fetch_permission(request):
            offered["fetch_url"] = self.asking_url("fetch_all", request)
        return offered

    def on_page(self, request: HttpRequest, row: ChangeNotification) -> dict[str, Any]:
        """Offer to read this one, and say what became of the last try."""
        offered = super().on_page(request, row)
        if fetch := ContentFetch.objects.filter(pk=row.pk).first():
            offered["fetch_note"] = words.of_fetch(fetch)
        if self.has_fetch_permission(request) and is_fetchable(row):
            offered |= _offer(row)
        return offered

    def _fetch_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Read for one at once, and say what came of it."""
        if not self.has_fetch_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        notification = self.get_object(request, str(pk))
        if notification is None:
            return HttpResponseRedirect(self.url_of("changelist"))
        try:
            fetch = fetching.fetch_now(notification, clock=timezone.now, actor=request.user.get_username())
        except BusyError:
            self.message_user(
                request, "A worker is reading it at this moment. Reload soon.", messages.WARNING
            )
        else:
            level = LEVELS.get(State(fetch.state), messages.ERROR)
            self.message_user(request, in_words(fetch), level)
        return HttpResponseRedirect(self.url_of("change", str(pk)))

    def _fetch_all(self, request: HttpRequest) -> HttpResponseBase:
        """Ask with a count, or leave it to the workers when asked by a click."""

        def answer(rows: QuerySet[ChangeNotification], back: str) -> HttpResponseBase:
            if request.method == "POST":
                wanted = fetching.want(rows, now=timezone.now(), actor=request.user.get_username())
                engine.nudge()
                self.message_user(request, f"Left to the workers: {wanted:,}.", messages.SUCCESS)
                return HttpResponseRedirect(back)
            count = count_up_to(fetching.fetchable(rows), fetching.MOST_AT_ONCE)
            shown = {"count": min(count, fetching.MOST_AT_ONCE), "is_cut": count > fetching.MOST_AT_ONCE}
            step = "Fetch current state"
            return self.ask(request, "confirm_fetch.html", title=f"{step}?", step=step, back=back, **shown)

        return self.for_shown(request, answer, allowed=self.has_fetch_permission(request))


def _offer(notification: ChangeNotification) -> dict[str, str]:
    """Return the button's address, or why there is none."""
    try:
        fetching.path_of(notification)
    except NotFetchableError as error:
        return {"fetch_note": str(error)}
    url = reverse("admin:notifications_changenotification_fetch", args=(notification.pk,))
    return {"fetch_one_url": url}


def is_fetchable(notification: ChangeNotification) -> bool:
    """Say whether it makes sense to read the resource of a notification; again, where it was read before."""
    is_change = notification.state == ChangeNotification.State.ACCEPTED and not notification.lifecycle_event
    if not is_change or notification.change_type == "deleted" or notification.subscription is None:
        return False
    if notification.erasure_id is not None:
        return False
    contents = NotificationContent.objects.filter(pk=notification.pk)
    return not contents.exclude(source=NotificationContent.Source.FETCHED).exists()


def in_words(fetch: ContentFetch) -> str:
    """Return what became of a fetch in a sentence."""
    if fetch.state == State.DONE:
        return "Fetched. What is shown is the state at this moment, not that of the change."
    if fetch.state == State.WANTED:
        return f"Not fetched yet: {fetch.outcome} It is tried again by itself."
    return f"Not fetched. {fetch.outcome}"
