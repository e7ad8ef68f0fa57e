"""Tokens of the API in the admin: made and shown once, ended by a click."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from knox.models import AuthToken

from notifications.admin import words
from notifications.models import ApiToken

MOST_DAYS = 366


class ApiTokenForm(forms.Form):
    """How long a token is good for."""

    days = forms.IntegerField(
        label="Days", min_value=1, max_value=MOST_DAYS, initial=90, help_text="After that it ends by itself."
    )


# Knox's own page shows the token in a message, which is kept until it is read.
admin.site.unregister(AuthToken)


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin[ApiToken]):
    """A user's own tokens; a superuser sees and ends those of all."""

    list_display = ("begins", "user", "made", "ends")
    list_display_links = None
    list_select_related = ("user",)
    ordering = ("-created",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        """Show to each their own."""
        tokens = super().get_queryset(request)
        return tokens if _is_superuser(request) else tokens.filter(user=request.user)

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Refuse: a token is made anew, not changed."""
        del request, obj
        return False

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Make a token for the one who asks, and show it this once."""
        del form_url, extra_context
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ApiTokenForm(request.POST or None)
        token = ""
        if request.method == "POST" and form.is_valid():
            made, token = ApiToken.objects.create(
                request.user, expiry=timedelta(days=form.cleaned_data["days"])
            )
            self.log_addition(request, made, f"Made; good until {made.expiry:%Y-%m-%d %H:%M} UTC.")
        context = {
            **self.admin_site.each_context(request),
            "title": "API token" if token else "New API token",
            "opts": self.opts,
            "form": form,
            "token": token,
            "media": self.media,
        }
        answer = TemplateResponse(request, "admin/notifications/apitoken/add.html", context)
        answer["Cache-Control"] = "no-store"
        return answer

    @admin.display(description="begins with")
    def begins(self, token: ApiToken) -> str:
        """Show enough to know it by."""
        return f"{token.token_key[:8]}…"

    @admin.display(description="made at", ordering="created")
    def made(self, token: ApiToken) -> SafeString:
        """Show when it was made."""
        return words.moment(token.created)

    @admin.display(description="good until", ordering="expiry")
    def ends(self, token: ApiToken) -> SafeString | str:
        """Show when it ends."""
        return words.moment(token.expiry) if token.expiry else "No end"


def _is_superuser(request: HttpRequest) -> bool:
    return isinstance(request.user, AbstractUser) and request.user.is_superuser
