"""Saved searches in the admin: made from a list as it is, and shown beside it."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, QueryDict
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from notifications.admin.change_list import PLACES
from notifications.admin.read_only import ReadOnlyAdmin
from notifications.models import ChangeNotification, SavedSearch

ADD, VIEW = "notifications.add_savedsearch", "notifications.view_savedsearch"
SHOWN_AT_MOST = 50
LONGEST_QUERY = 4_000


class SaveForm(forms.ModelForm[SavedSearch]):
    """Under which name, and for whom."""

    class Meta:
        model = SavedSearch
        fields = ("name", "is_shared")


class SearchSaver(ReadOnlyAdmin[ChangeNotification]):
    """A list whose filters can be kept under a name."""

    def get_urls(self) -> list[URLPattern]:
        """Add the address that saves; it carries the filters of the list."""
        own = path("save-search/", self.admin_site.admin_view(self._save), name=self.name_of("save_search"))
        return [own, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the user's searches, and offer to save this one."""
        context: dict[str, Any] = {}
        query = _without_places(request.GET)
        if request.user.has_perm(VIEW):
            rows = SavedSearch.objects.visible_to(request.user).select_related("owner")[:SHOWN_AT_MOST]
            context["saved_searches"] = [
                {"search": row, "is_own": row.owner_id == request.user.pk, "is_this": row.query == query}
                for row in rows
            ]
        if request.user.has_perm(ADD):
            context["save_search_url"] = f"{self.url_of('save_search')}?{query}"
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def _save(self, request: HttpRequest) -> HttpResponse:
        """Save the filters in the address under a name, and lead back to the list."""
        if not (request.user.has_perm(ADD) and self.has_view_permission(request)):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        query = _without_places(request.GET)
        form = SaveForm(request.POST, instance=SavedSearch(owner_id=request.user.pk or 0, query=query))
        if len(query) > LONGEST_QUERY:
            self.message_user(request, "This search is too long to be saved.", messages.ERROR)
        elif problems := _problems(form):
            self.message_user(request, problems, messages.ERROR)
        else:
            form.save()
            self.message_user(request, f"Saved: {form.instance.name}", messages.SUCCESS)
        return HttpResponseRedirect(f"{self.url_of('changelist')}?{query}")


def _problems(form: SaveForm) -> str:
    """Return in words why a search cannot be saved, also where its owner has one of that name."""
    if not form.is_valid():
        return " ".join(str(message) for found in form.errors.values() for message in found)
    try:
        form.instance.validate_constraints()
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


def _without_places(parameters: QueryDict) -> str:
    """Return what narrows the list, in one order, so that the same search is known again."""
    kept = QueryDict(mutable=True)
    for name in sorted(parameters):
        if name not in (*PLACES, "e", "p"):
            kept.setlist(name, [value for value in parameters.getlist(name) if value])
    return kept.urlencode()


@admin.register(SavedSearch)
class SavedSearchAdmin(admin.ModelAdmin[SavedSearch]):
    """A user's own searches and those that others share; only their owner changes them."""

    list_display = ("name", "opened", "owner", "is_shared")
    list_select_related = ("owner",)
    list_filter = ("is_shared",)
    search_fields = ("name",)
    ordering = ("name",)
    fields = ("name", "is_shared", "opened", "owner")
    readonly_fields = ("opened", "owner")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SavedSearch]:
        """Show what the user may open."""
        return (
            super()
            .get_queryset(request)
            .filter(pk__in=SavedSearch.objects.visible_to(request.user).values("pk"))
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: a search is saved from the list that it describes."""
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: SavedSearch | None = None) -> bool:
        """Leave each search to its owner."""
        return super().has_change_permission(request, obj) and _is_own(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: SavedSearch | None = None) -> bool:
        """Leave each search to its owner."""
        return super().has_delete_permission(request, obj) and _is_own(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer none: one that takes many rows would take those of others too."""
        del request
        return {}

    @admin.display(description="list")
    def opened(self, search: SavedSearch) -> SafeString:
        """Lead to the list."""
        page = reverse("admin:notifications_changenotification_changelist")
        return format_html('<a href="{}?{}">Open</a>', page, search.query)


def _is_own(request: HttpRequest, search: SavedSearch | None) -> bool:
    return search is None or search.owner_id == request.user.pk
