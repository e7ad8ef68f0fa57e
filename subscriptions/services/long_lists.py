"""Lists too long to be counted: the figure stops where nobody would page any further."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

LONGEST_LIST = 10_000


def count_up_to(rows: QuerySet[Any], limit: int) -> int:
    """Return how many rows there are, or `limit + 1` where there are more; no further rows are read."""
    return rows.order_by()[: limit + 1].count()


class BoundedPaginator(Paginator[Any]):
    """Pages through the first `LONGEST_LIST` rows and never counts beyond them."""

    @cached_property
    def count(self) -> int:
        """Return the number of rows that can be paged through."""
        return min(count_up_to(self.object_list, LONGEST_LIST), LONGEST_LIST)  # type: ignore[arg-type] # a queryset here
