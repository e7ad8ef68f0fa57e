"""The list of notifications in the admin: its columns and filters, saved searches, and following what is new."""

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from notifications.admin import words
from notifications.admin.change_list import NotificationList
from notifications.admin.export import CONTENT_PERMISSION
from notifications.admin.filters import (
    AppRegistrationFilter,
    HasContentFilter,
    ReasonFilter,
    ReceivedFilter,
    ResourceTypeFilter,
    StateFilter,
    SubscriptionFilter,
    TenantFilter,
    WhatHappenedFilter,
    WorkloadFilter,
)
from notifications.admin.saved_search import SearchSaver
from notifications.models import ChangeNotification, ContentAccess
from notifications.services.browsing import content_audit, pages
from notifications.services.browsing.glances import Glance, glances

SEARCH_HELP = (
    "An ID of a resource or how it begins, how a path begins, or a whole ID of a notification or of Graph's "
    "subscription."
)
SEARCH_HELP_CONTENT = (
    f"{SEARCH_HELP} What is none of these is looked for in subjects and names in the content."
)
BOUNDS = (
    f"For each page, the content of {pages.WINDOW:,} notifications is looked into, the newest of the list first, and "
    "the page says how far back that went. On PostgreSQL, what is exactly one of some values is also found by an "
    "index, however old it is."
)


class ListAdmin(SearchSaver):
    """A list that an analyst works with all day."""

    list_display = ("received_how", "event_and_state", "resource_and_subscription")
    list_display_links = ("received_how", "event_and_state")
    list_filter = (
        ReceivedFilter,
        StateFilter,
        WhatHappenedFilter,
        WorkloadFilter,
        ResourceTypeFilter,
        SubscriptionFilter,
        AppRegistrationFilter,
        TenantFilter,
        "origin",
        HasContentFilter,
        ReasonFilter,
    )
    list_select_related = ("subscription",)
    # What takes time is to draw the rows.
    list_per_page = 50
    ordering = ("-received_at", "-pk")
    # Its being there shows the box; what is searched is services.browsing.search.
    search_fields = ("resource_id",)
    change_list_template = "admin/notifications/changenotification/change_list.html"

    class Media:
        css: ClassVar = {"all": ["notifications/list.css"]}
        js: ClassVar = [forms.Script("notifications/follow.js", defer=True)]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Page by places and search in content."""
        del request, kwargs
        return NotificationList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ChangeNotification], search_term: str
    ) -> tuple[QuerySet[ChangeNotification], bool]:
        """Leave the search to the list, which knows what was searched."""
        del request, search_term
        return queryset, False

    def shown(self, request: HttpRequest) -> QuerySet[ChangeNotification]:
        """Return all rows of the list, on whatever page.

        Raises:
            IncorrectLookupParameters: the list shows a problem instead of rows.

        """
        changelist = self.get_changelist_instance(request)
        if changelist.problem:
            raise IncorrectLookupParameters(changelist.problem)
        if changelist.is_search_in_content:
            # Whatever is done with the rows, it tells which they are.
            _note_search(request, found=0)
        rows: QuerySet[ChangeNotification] = changelist.queryset
        return rows

    def get_changelist_instance(self, request: HttpRequest) -> NotificationList:
        """Return the list that the address describes."""
        return cast("NotificationList", super().get_changelist_instance(request))

    def get_urls(self) -> list[URLPattern]:
        """Add the address that tells what is new."""
        own = path("newer/", self.admin_site.admin_view(self._newer), name=self.name_of("newer"))
        return [own, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show one page, with what content tells at a glance to those who may see content."""
        may_see_content = request.user.has_perm(CONTENT_PERMISSION)
        context = {
            "may_see_content": may_see_content,
            "search_help": SEARCH_HELP_CONTENT if may_see_content else SEARCH_HELP,
            "search_bounds": BOUNDS,
            "newer_url": self.url_of("newer"),
            # Before the rows are read: what is stored meanwhile is told as new.
            "last_key": _last_key(),
        }
        answer = super().changelist_view(request, {**context, **(extra_context or {})})
        if isinstance(answer, TemplateResponse) and answer.context_data and "cl" in answer.context_data:
            _tell_content(request, answer.context_data["cl"])
        return answer

    def _newer(self, request: HttpRequest) -> HttpResponse:
        """Return the rows of a list that were stored after the one whose key is `seen`."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        last = _last_key()
        try:
            changelist = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return JsonResponse({"problem": "The list has another address now. Reload."}, status=400)
        _tell_content(request, changelist)
        rows = ""
        if changelist.result_list:
            context = {"cl": changelist, "opts": self.opts}
            rows = render_to_string("admin/notifications/changenotification/rows.html", context, request)
        answer = JsonResponse({"seen": last, "rows": rows, "problem": changelist.problem})
        answer["Cache-Control"] = "no-store"
        return answer

    @admin.display(description="received at")
    def received_how(self, notification: ChangeNotification) -> SafeString:
        """Show when it came first, how often, which way unless by the webhook, and from which tenant."""
        times = notification.times_delivered
        is_usual = notification.origin == ChangeNotification.Origin.WEBHOOK
        way = "" if is_usual else notification.get_origin_display()
        return format_html(
            '{}<div class="gsm-note">{}</div><div class="gsm-note">{}</div>'
            '<div class="gsm-note gsm-nowrap" title="{}">{}</div>',
            words.moment(notification.received_at),
            f"{times} times" if times > 1 else "",
            way,
            notification.tenant_id,
            f"Tenant {words.shortened(notification.tenant_id)}" if notification.tenant_id else "",
        )

    @admin.display(description="what happened")
    def event_and_state(self, notification: ChangeNotification) -> SafeString:
        """Show the change, the kind of thing, what it is called and who did it, and how far that is to be believed."""
        glance: Glance = getattr(notification, "glance", Glance())
        happened = words.what_happened(notification)
        return format_html(
            '{}<div class="gsm-note">{}</div><div class="gsm-below">{}</div><div class="gsm-note">{}</div>',
            f"{happened} · {glance.label}" if glance.label else happened,
            f"by {glance.actor}" if glance.actor else "",
            words.state_badge(notification),
            notification.reason,
        )

    @admin.display(description="resource")
    def resource_and_subscription(self, notification: ChangeNotification) -> SafeString:
        """Show what changed, and below it the subscription that told of it."""
        return format_html(
            '{}<div class="gsm-note">{}</div>',
            words.path_in_short(notification.resource or notification.resource_id),
            link_to_subscription(notification, words.shortened(str(notification.subscription))),
        )


def link_to_subscription(notification: ChangeNotification, name: str) -> str:
    """Return a link to the subscription that told of a notification."""
    if notification.subscription is None:
        return "Unknown subscription"
    url = reverse("admin:subscriptions_subscription_change", args=(notification.subscription_id,))
    return format_html('<a href="{}">Subscription {}</a>', url, name)


def _tell_content(request: HttpRequest, changelist: NotificationList) -> None:
    """Add what content tells, and note the reading, where the user may see content."""
    if changelist.problem or not request.user.has_perm(CONTENT_PERMISSION):
        return
    actor, now, rows = request.user.get_username(), timezone.now(), changelist.result_list
    if changelist.is_search_in_content:
        _note_search(request, found=len(rows))
    if not rows:
        return
    told = glances(row.pk for row in rows)
    content_audit.note_many(ContentAccess.Way.LIST, told, actor=actor, now=now)
    for row in rows:
        row.glance = told.get(row.pk, Glance())


def _note_search(request: HttpRequest, *, found: int) -> None:
    content_audit.note_search(
        f"list ?{request.GET.urlencode()}", actor=request.user.get_username(), now=timezone.now(), found=found
    )


def _last_key() -> int:
    return ChangeNotification.objects.aggregate(last=Max("pk"))["last"] or 0
