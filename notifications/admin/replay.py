"""Replay in the admin: a page that counts and asks, for one delivery or for all that a list shows."""

from abc import abstractmethod
from typing import Any, TypeVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils import timezone

from notifications.admin.asking import AskingAdmin
from notifications.models import Delivery
from notifications.services import replay

PERMISSION = "notifications.replay_delivery"
M = TypeVar("M", bound=Model)


class ReplayAdmin(AskingAdmin[M]):
    """A list whose rows came in deliveries that can be tried again."""

    change_list_template = "admin/notifications/replayable_change_list.html"

    @abstractmethod
    def deliveries_of(self, rows: QuerySet[M]) -> QuerySet[Delivery]:
        """Return the deliveries of some rows of the list."""

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may have deliveries tried again."""
        return request.user.has_perm(PERMISSION) and self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        """Add the page that asks; its address carries the filters of the list, or the key of one row."""
        own = [
            path("replay/", self.admin_site.admin_view(self._replay_all), name=self.name_of("replay_all")),
            path(
                "<path:object_id>/replay/",
                self.admin_site.admin_view(self._replay_one),
                name=self.name_of("replay"),
            ),
        ]
        return [*own, *super().get_urls()]

    def on_list(self, request: HttpRequest) -> dict[str, Any]:
        """Offer to try again what the list shows."""
        offered = super().on_list(request)
        if self.has_replay_permission(request):
            offered["replay_url"] = self.asking_url("replay_all", request)
        return offered

    def on_page(self, request: HttpRequest, row: M) -> dict[str, Any]:
        """Offer to try this one again, where that makes sense."""
        offered = super().on_page(request, row)
        one = self.get_queryset(request).filter(pk=row.pk)
        if self.has_replay_permission(request) and self._replayable(one).exists():
            offered["replay_url"] = self.url_of("replay", str(row.pk))
        return offered

    def _replay_all(self, request: HttpRequest) -> HttpResponseBase:
        def answer(rows: QuerySet[M], back: str) -> HttpResponseBase:
            return self._answer(request, rows, back=back)

        return self.for_shown(request, answer, allowed=self.has_replay_permission(request))

    def _replay_one(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        if not self.has_replay_permission(request):
            raise PermissionDenied
        return self._answer(request, self._one(request, object_id), back=self.url_of("change", object_id))

    def _answer(self, request: HttpRequest, rows: QuerySet[M], *, back: str) -> HttpResponseBase:
        """Ask with a count, or do it when asked by a click."""
        deliveries = self._replayable(rows)
        if request.method == "POST":
            outcome = replay.replay(deliveries, now=timezone.now(), actor=request.user.get_username())
            level = messages.WARNING if outcome.in_hand else messages.SUCCESS
            self.message_user(request, in_words(outcome), level)
            return HttpResponseRedirect(back)
        count, step = deliveries.count(), "Try again now"
        return self.ask(request, "confirm_replay.html", title=f"{step}?", step=step, back=back, count=count)

    def _replayable(self, rows: QuerySet[M]) -> QuerySet[Delivery]:
        return replay.replayable(self.deliveries_of(rows))

    def _one(self, request: HttpRequest, object_id: str) -> QuerySet[M]:
        found = self.get_object(request, object_id)
        return self.get_queryset(request).filter(pk=found.pk if found else None)


def in_words(outcome: replay.Outcome) -> str:
    """Return one message: counts first, then the reason for what was left."""
    text = f"Put back to be tried now: {outcome.replayed}."
    if outcome.in_hand:
        text += f" Left alone, because a worker has them in hand: {outcome.in_hand}."
    return text
