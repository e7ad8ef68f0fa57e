"""What arrived is history: the admin shows it and changes nothing."""

from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from subscriptions.admin.append_only import AppendOnlyAdmin

M = TypeVar("M", bound=Model)


class ReadOnlyAdmin(AppendOnlyAdmin[M]):
    """A list to read whose filters other pages take up."""

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
