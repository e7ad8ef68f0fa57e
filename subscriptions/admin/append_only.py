"""Rows that the application writes and nobody else."""

from collections.abc import Sequence
from typing import TypeVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from subscriptions.services.long_lists import BoundedPaginator

M = TypeVar("M", bound=Model)


class AppendOnlyAdmin(admin.ModelAdmin[M]):
    """A list to read: no adding, changing or deleting, and no counting of the whole table."""

    actions: Sequence[str] | None = None
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    sortable_by = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: the application writes the rows."""
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Refuse: what was written stays as it was."""
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Refuse: what was written is history."""
        del request, obj
        return False
