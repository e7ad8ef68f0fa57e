"""At Graph: what Graph had at the last look beside what is here, and what can be done about the difference.

Opening the page asks Graph nothing, since lists are throttled hard: it shows what the last comparison has kept.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from subscriptions.admin import badges, calls
from subscriptions.admin.carrying_out import CarryOutAdmin
from subscriptions.admin.looks import looks_at
from subscriptions.admin.sighting_measures import ADOPT, MEASURES, MEND, REMOVE, Measure
from subscriptions.admin.subscription_filters import AppRegistrationFilter
from subscriptions.models import AppRegistration, Sighting
from subscriptions.services.reconciliation import comparison

State = Sighting.State
LIST = "admin:subscriptions_sighting_changelist"


class SeenStateFilter(admin.SimpleListFilter):
    """Shows what differs, unless asked for something else."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices besides the default."""
        del request, model_admin
        return [*((str(value), str(label)) for value, label in State.choices), ("all", "All")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Name the default by what it shows."""
        default, *others = super().choices(changelist)
        yield {**default, "display": "Differs"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Sighting]) -> QuerySet[Sighting]:
        """Apply the choice."""
        del request
        chosen = self.value()
        if chosen == "all":
            return queryset
        return (
            queryset.filter(state=chosen) if chosen in State.values else queryset.exclude(state=State.IN_STEP)
        )


class SeenByFilter(AppRegistrationFilter):
    """Shows what belongs to one app registration."""

    field = "look__app_registration__pk"


@admin.register(Sighting)
class SightingAdmin(CarryOutAdmin[Sighting]):
    """Shows the last comparison and has it repeated; mends, adopts and removes."""

    confirm_template = "admin/subscriptions/sighting/confirm.html"
    list_display = ("state_badge", "what", "until")
    list_display_links = None
    list_filter = (SeenStateFilter, SeenByFilter)
    list_select_related = ("look__app_registration", "look__delegated_account", "subscription")
    search_fields = ("resource", "graph_id", "notification_url")
    search_help_text = "Part of the resource, of Graph's ID, or of the address to which it sends."
    sortable_by = ("until",)
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions = ("mend", "adopt", "remove")
    change_list_template = "admin/subscriptions/sighting/change_list.html"

    # Rights

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: rows come from comparing."""
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: Sighting | None = None) -> bool:
        """Refuse: what was seen was seen."""
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Sighting | None = None) -> bool:
        """Refuse: a row here goes with the next look; what is at Graph is removed by its own action."""
        del request, obj
        return False

    def has_look_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may have Graph asked."""
        return request.user.has_perm("subscriptions.renew_subscription")

    def has_mend_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may mend."""
        return request.user.has_perm(MEND.permission)

    def has_adopt_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may adopt."""
        return request.user.has_perm(ADOPT.permission)

    def has_remove_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may remove at Graph."""
        return request.user.has_perm(REMOVE.permission)

    # Pages

    def get_list_display(self, request: HttpRequest) -> Any:
        """Add what the user may do about each."""
        offered = tuple(measure for measure in MEASURES if request.user.has_perm(measure.permission))

        @admin.display(description="what to do")
        def controls(sighting: Sighting) -> SafeString:
            fitting = (measure for measure in offered if sighting.state in measure.states)
            return format_html(
                '<div class="gsm-tools">{}</div>',
                format_html_join("", "{}", ((_control(measure, sighting),) for measure in fitting)),
            )

        return (*self.list_display, controls) if offered else self.list_display

    def get_urls(self) -> list[URLPattern]:
        """Give looking and each measure an address."""
        wrap = self.admin_site.admin_view
        return [
            path("look/<int:pk>/", wrap(self.look_view), name="subscriptions_sighting_look"),
            *(
                path(
                    f"<int:pk>/{measure.name}/",
                    wrap(partial(self._measure_view, measure)),
                    name=f"subscriptions_sighting_{measure.name}",
                )
                for measure in MEASURES
            ),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show when Graph was last asked, and what was seen."""
        context = {
            "title": "At Graph",
            "looks": looks_at(request.GET.get("app", "")),
            "may_look": self.has_look_permission(request),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    @method_decorator(require_POST)
    def look_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask Graph for the lists of one app registration and its accounts, and show what was seen."""
        if not (self.has_look_permission(request) and self.has_view_permission(request)):
            raise PermissionDenied
        app_registration = get_object_or_404(AppRegistration, pk=pk)
        outcome = comparison.look_again(
            app_registration, clock=timezone.now, actor=request.user.get_username(), patience=calls.PATIENCE
        )
        for problem in outcome.problems:
            self.message_user(request, problem, messages.ERROR)
        if outcome.seen is not None:
            self.message_user(request, outcome.seen, messages.SUCCESS)
        return HttpResponseRedirect(f"{reverse(LIST)}?app={pk}")

    def _measure_view(self, measure: Measure, request: HttpRequest, pk: int) -> HttpResponse:
        """Do one thing about one; where it asks first, a GET shows what will happen."""
        if not (request.user.has_perm(measure.permission) and self.has_view_permission(request)):
            raise PermissionDenied
        sighting = self._seen().filter(pk=pk).first()
        if sighting is None:
            text = "Graph has been looked at anew since this page was made. Choose again."
            self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(reverse(LIST))
        if request.method == "POST":
            self.carry_out(request, measure, sighting)
            return HttpResponseRedirect(f"{reverse(LIST)}?app={sighting.look.app_registration_id}")
        if not measure.asks_first:
            return HttpResponseNotAllowed(["POST"])
        return self.ask(request, measure, [sighting])

    # Several at once

    @admin.action(description="Mend what differs", permissions=["mend"])
    def mend(self, request: HttpRequest, queryset: QuerySet[Sighting]) -> HttpResponse | None:
        """Bring the chosen ones and Graph together."""
        return self._for_each(request, queryset, MEND)

    @admin.action(description="Adopt (asks first)", permissions=["adopt"])
    def adopt(self, request: HttpRequest, queryset: QuerySet[Sighting]) -> HttpResponse | None:
        """Make the chosen unknown ones ours."""
        return self._for_each(request, queryset, ADOPT)

    @admin.action(description="Remove at Graph (asks first)", permissions=["remove"])
    def remove(self, request: HttpRequest, queryset: QuerySet[Sighting]) -> HttpResponse | None:
        """Delete the chosen unknown ones at Graph."""
        return self._for_each(request, queryset, REMOVE)

    def _for_each(
        self, request: HttpRequest, queryset: QuerySet[Sighting], measure: Measure
    ) -> HttpResponse | None:
        return self.carry_out_for_each(request, queryset.select_related(*self.list_select_related), measure)

    def _seen(self) -> QuerySet[Sighting]:
        return Sighting.objects.select_related(*self.list_select_related)

    # Columns

    @admin.display(description="state", ordering="state")
    def state_badge(self, sighting: Sighting) -> SafeString:
        """Show how it compares."""
        return badges.of_sighting(sighting).html()

    @admin.display(description="what is watched")
    def what(self, sighting: Sighting) -> SafeString:
        """Show the path, what of it is told, what differs, and where it sends to if it is not ours."""
        is_ours = sighting.state != State.UNKNOWN
        return format_html(
            '{}<div class="gsm-note">{}</div><div>{}</div><div class="gsm-note">{}</div>'
            '<div class="gsm-note">{}</div><div class="gsm-note gsm-code">{}</div>',
            badges.path(sighting.resource),
            " · ".join(
                part for part in (sighting.change_type.replace(",", ", "), str(sighting.look)) if part
            ),
            _here(sighting),
            sighting.note,
            "" if is_ours else f"Sends to {sighting.notification_url}",
            sighting.graph_id,
        )

    @admin.display(description="expires at", ordering="expires_at")
    def until(self, sighting: Sighting) -> SafeString:
        """Show until when Graph had granted it."""
        return badges.moment(sighting.expires_at)


def _here(sighting: Sighting) -> SafeString | str:
    """Lead to the subscription here that goes with it."""
    if sighting.subscription is None:
        return ""
    url = reverse("admin:subscriptions_subscription_change", args=(sighting.subscription.pk,))
    return format_html('<a class="gsm-note" href="{}">Subscription {}</a>', url, sighting.subscription.pk)


def _control(measure: Measure, sighting: Sighting) -> SafeString:
    """Return a button that posts with the list's own form, or a link to the page that asks."""
    url = reverse(f"admin:subscriptions_sighting_{measure.name}", args=(sighting.pk,))
    if measure.asks_first:
        kind = "gsm-button-danger" if measure.is_dangerous else "gsm-button-quiet"
        return format_html('<a class="gsm-button {}" href="{}">{}</a>', kind, url, measure.label)
    return format_html(
        '<button type="submit" class="gsm-button" formaction="{}">{}</button>', url, measure.label
    )
