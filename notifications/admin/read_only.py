"""What arrived is history: the admin shows it and changes nothing."""

from collections.abc import Sequence
from typing import TypeVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from subscriptions.services.long_lists import BoundedPaginator

M = TypeVar("M", bound=Model)


class ReadOnlyAdmin(admin.ModelAdmin[M]):
    """A list that only grows: no adding, changing or deleting, and no counting of the whole table."""

    actions: Sequence[str] | None = None
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    sortable_by = ()

    def shown(self, request: HttpRequest) -> QuerySet[M]:
        """Return all rows of the list that the address describes, on whatever page.

        Raises:
            IncorrectLookupParameters: the filters in the address make no sense.

        """
        return self.get_changelist_instance(request).get_queryset(request)

    def url_of(self, page: str, *args: str) -> str:
        """Return the address of a page of this model."""
        return reverse(f"admin:{self.name_of(page)}", args=args)

    def name_of(self, page: str) -> str:
        """Return the name of the address of a page of this model."""
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"

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
