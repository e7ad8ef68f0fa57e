"""Legal holds in the admin: placed after a count, released for a reason, never changed or deleted."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from notifications.admin import words
from notifications.admin.asking import AskingAdmin
from notifications.admin.export import CONTENT_PERMISSION
from notifications.models import ChangeNotification, LegalHold
from notifications.services.browsing import content_audit
from notifications.services.browsing.time_limit import TooSlowError, at_most
from notifications.services.holds import held, holding
from subscriptions.models import Subscription
from subscriptions.services.errors import UseCaseError
from subscriptions.services.long_lists import count_up_to

RELEASE_PERMISSION = "notifications.release_legalhold"
CRITERIA = (
    "subscription",
    "app_registration",
    "tenant_id",
    "mentioning",
    "received_since",
    "received_until",
)
LONGEST_KEY = 18
LONGEST_COUNT = timedelta(seconds=8)


class LegalHoldForm(forms.ModelForm[LegalHold]):
    """What to hold and why; picked notifications take the place of all criteria."""

    required_css_class = "required"
    subscription = forms.CharField(
        required=False, max_length=128, help_text="Its number here, or Graph's ID of it."
    )
    picked = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = LegalHold
        fields = ("name", "reason", *CRITERIA)
        help_texts = {
            "app_registration": "All of its subscriptions.",
            "tenant_id": "As the notifications name it.",
            "received_since": "UTC, for example 2026-11-17 10:00.",
            "received_until": "Not included. Empty: all that is still to come.",
        }
        widgets = {"reason": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self["picked"].value():
            for name in CRITERIA:
                del self.fields[name]

    def clean_subscription(self) -> Subscription | None:
        """Find it by its number or Graph's id."""
        text = self.cleaned_data["subscription"].strip()
        if not text:
            return None
        is_number = text.isascii() and text.isdigit() and len(text) <= LONGEST_KEY
        which = Q(pk=int(text)) if is_number else Q(graph_id__iexact=text)
        found = Subscription.objects.filter(which).first() if "\0" not in text else None
        if found is None:
            raise forms.ValidationError("There is no such subscription here.")
        return found

    def clean_picked(self) -> list[int]:
        """Read the keys of what was picked."""
        keys = self.cleaned_data["picked"].split(",") if self.cleaned_data["picked"] else []
        if not all(key.isascii() and key.isdigit() and len(key) <= LONGEST_KEY for key in keys):
            raise forms.ValidationError("Go back to the list and pick again.")
        if len(keys) > holding.MOST_PICKED:
            raise forms.ValidationError(f"Pick {holding.MOST_PICKED} at most, or hold by a criterion.")
        return [int(key) for key in keys]


class StandingFilter(admin.SimpleListFilter):
    """Shows those that stand, or those that are released."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the two."""
        del request, model_admin
        return [("standing", "Stands"), ("released", "Released")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LegalHold]) -> QuerySet[LegalHold]:
        """Apply the choice."""
        del request
        chosen = self.value()
        return queryset.filter(released_at__isnull=chosen == "standing") if chosen else queryset


@admin.register(LegalHold)
class LegalHoldAdmin(AskingAdmin[LegalHold]):
    """Shows what is under a legal hold, and what was."""

    list_display = ("name", "state", "placed", "placed_by", "selection")
    list_filter = (StandingFilter,)
    search_fields = ("name__icontains",)
    search_help_text = "A part of the name."
    change_form_template = "admin/notifications/legalhold/change_form.html"
    fields = ("name", "reason", "selection", "number", "placed", "placed_by")

    def get_fields(self, request: HttpRequest, obj: LegalHold | None = None) -> tuple[str, ...]:
        """Show the release of one that is released."""
        del request
        is_released = obj is not None and obj.released_at is not None
        return (*self.fields, "released", "released_by", "release_reason") if is_released else self.fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may place a hold."""
        return request.user.has_perm("notifications.add_legalhold")

    def has_release_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may release one."""
        return request.user.has_perm(RELEASE_PERMISSION) and self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        """Add the page that asks before a release."""
        release = self.admin_site.admin_view(self._release)
        return [path("<int:pk>/release/", release, name=self.name_of("release")), *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask what to hold, say how much that is, and place it when asked by a second click."""
        del form_url, extra_context
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = LegalHoldForm(request.POST or None, initial=_wished(request))
        if request.method != "POST" or not form.is_valid():
            return self._page(request, form)
        hold, picked = form.instance, form.cleaned_data["picked"]
        try:
            found = holding.preview(hold, picked=picked)
            count = _counted(request, hold, found)
            if "place" not in request.POST:
                selection = "" if picked else holding.in_words(hold)
                shown = {"is_counted": "count" in request.POST, "count": count, "selection": selection}
                return self._page(request, form, **shown)
            actor = request.user.get_username()
            holding.place(hold, picked=picked, count=count.exact, actor=actor, now=timezone.now())
        except UseCaseError as error:
            form.add_error(None, str(error))
            return self._page(request, form)
        self.log_addition(request, hold, f"Placed on {hold.selection}.")
        self.message_user(request, f"The legal hold {hold} stands from now on.", messages.SUCCESS)
        can_see = self.has_view_permission(request)
        return HttpResponseRedirect(
            self.url_of("change", str(hold.pk)) if can_see else reverse("admin:index")
        )

    def on_page(self, request: HttpRequest, row: LegalHold) -> dict[str, Any]:
        """Offer the release of one that stands."""
        offered = {**super().on_page(request, row), "subtitle": None, "title": f"Legal hold {row}"}
        if row.released_at is None and self.has_release_permission(request):
            offered["release_url"] = self.url_of("release", str(row.pk))
        return offered

    def _page(self, request: HttpRequest, form: LegalHoldForm, **context: Any) -> HttpResponse:
        picked = form["picked"].value()
        context |= {
            "form": form,
            "picked_count": len(picked.split(",")) if picked else 0,
            "title": "Place a legal hold",
            "step": "Place a legal hold",
        }
        back = self.url_of("changelist") if self.has_view_permission(request) else reverse("admin:index")
        return self.ask(request, "legalhold/add.html", back=back, **context)

    def _release(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for the reason, then release."""
        if not self.has_release_permission(request):
            raise PermissionDenied
        hold = self.get_object(request, str(pk))
        if hold is None:
            raise Http404
        back, error = self.url_of("change", str(pk)), ""
        if request.method == "POST":
            reason, actor = request.POST.get("reason", ""), request.user.get_username()
            try:
                holding.release(hold, reason=reason, actor=actor, now=timezone.now())
            except UseCaseError as refused:
                error = str(refused)
            else:
                self.log_change(request, hold, "Released.")
                self.message_user(request, f"Released: {hold}.", messages.SUCCESS)
                return HttpResponseRedirect(back)
        title = "Release the legal hold?"
        return self.ask(
            request, "legalhold/release.html", title=title, step="Release", back=back, hold=hold, error=error
        )

    @admin.display(description="state")
    def state(self, hold: LegalHold) -> SafeString:
        """Show whether it stands."""
        return words.badge("quiet", "Released") if hold.released_at else words.badge("warn", "Stands")

    @admin.display(description="placed at")
    def placed(self, hold: LegalHold) -> SafeString:
        """Show since when it stands."""
        return words.moment(hold.placed_at)

    @admin.display(description="released at")
    def released(self, hold: LegalHold) -> SafeString | None:
        """Show until when it stood."""
        return words.moment(hold.released_at) if hold.released_at else None

    @admin.display(description="notifications when placed")
    def number(self, hold: LegalHold) -> str:
        """Show how many there were."""
        return "Not counted" if hold.count_when_placed is None else f"{hold.count_when_placed:,}"


def _wished(request: HttpRequest) -> dict[str, str]:
    """Return what a link fills in."""
    return {name: request.GET[name] for name in (*CRITERIA, "picked") if name in request.GET}


@dataclass(frozen=True, kw_only=True)
class _Count:
    """How many a hold covers, or why that is not said."""

    exact: int | None = None
    text: str = ""
    why_not: str = ""


def _counted(request: HttpRequest, hold: LegalHold, found: QuerySet[ChangeNotification]) -> _Count:
    """Count, unless the number would tell what is in content to somebody who may not see it."""
    if hold.mentioning:
        if not request.user.has_perm(CONTENT_PERMISSION):
            return _Count(why_not="How many mention it is told to those who may see content.")
        actor, selection = request.user.get_username(), f"legal hold, {holding.in_words(hold)}"
        content_audit.note_search(selection, actor=actor, now=timezone.now(), found=0)
    try:
        with at_most(LONGEST_COUNT):
            count = count_up_to(found, held.COUNTED_AT_MOST)
    except TooSlowError:
        return _Count(why_not="There is too much to be counted while a page waits.")
    if count > held.COUNTED_AT_MOST:
        return _Count(text=f"more than {held.COUNTED_AT_MOST:,}")
    return _Count(exact=count, text=f"{count:,}")
