"""What arrived is history: the admin shows it and changes nothing."""

from typing import TypeVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from subscriptions.services.long_lists import BoundedPaginator

M = TypeVar("M", bound=Model)


class ReadOnlyAdmin(admin.ModelAdmin[M]):
    """A list that only grows: no adding, changing or deleting, and no counting of the whole table."""

    actions = None
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    sortable_by = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: rows come from Graph alone."""
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Refuse: what arrived stays as it was."""
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Refuse: retention is a command of its own."""
        del request, obj
        return False
