"""Doing something at Graph to one row or to several, after a page that says what will happen where that is wise."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from subscriptions.admin import calls
from subscriptions.admin.calls import Doable
from subscriptions.services.outcomes import told

M = TypeVar("M", bound=Model)
ROWS_NAMED = 20


class CarryOutAdmin(admin.ModelAdmin[M]):
    """A list with such buttons and actions."""

    # Extends confirm.html; says of each row which it is.
    confirm_template: str

    def carry_out(self, request: HttpRequest, doable: Doable[M], row: M) -> None:
        """Do it to one row, and say what came of it."""
        try:
            done = doable.carry_out(row, now=timezone.now(), actor=request.user.get_username())
        except calls.EXPECTED_ERRORS as error:
            self.message_user(request, f"Not {doable.past}. {told(error)}", messages.ERROR)
        else:
            self.message_user(request, done, messages.SUCCESS)

    def carry_out_for_each(
        self, request: HttpRequest, queryset: QuerySet[M], doable: Doable[M]
    ) -> HttpResponse | None:
        """Do it to several, as long as a browser may be kept waiting; ask first where that is wise."""
        rows = list(queryset)
        if doable.asks_first and "confirmed" not in request.POST:
            return self.ask(request, doable, rows, hidden=calls.chosen_again(request, doable.name, rows))
        clock: Callable[[], datetime] = timezone.now
        outcome = calls.run_for_each(
            doable, rows, clock=clock, actor=request.user.get_username(), until=clock() + calls.PATIENCE
        )
        level = messages.SUCCESS if outcome.is_complete else messages.WARNING
        self.message_user(request, outcome.in_words(doable), level)
        return None

    def ask(
        self,
        request: HttpRequest,
        doable: Doable[M],
        rows: Sequence[M],
        *,
        hidden: Iterable[tuple[str, str]] = (),
    ) -> TemplateResponse:
        """Show what will happen, with a button to go on."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"{doable.label}?",
            "opts": self.opts,
            "doable": doable,
            "rows": rows[:ROWS_NAMED],
            "number_not_named": max(0, len(rows) - ROWS_NAMED),
            "hidden": hidden,
            "media": self.media,
        }
        return TemplateResponse(request, self.confirm_template, context)
