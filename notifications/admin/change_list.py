"""The list of notifications: narrowed, searched in its content, and paged through by places instead of numbers."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.http import urlencode

from notifications.admin.export import CONTENT_PERMISSION
from notifications.admin.filters import FilterError
from notifications.models import ChangeNotification
from notifications.services.browsing import content, counts, expressions, pages, search
from notifications.services.browsing.pages import Page, Place
from notifications.services.browsing.time_limit import TooSlowError, at_most
from subscriptions.services import times

# What says where in the list we are, and not what is in it.
PLACES = ("older", "newer", "at", "seen")
CONTENT = "content"
LONGEST_SEARCH = timedelta(seconds=8)
Rows = QuerySet[ChangeNotification]


class NotificationList(ChangeList):
    """Django's list, with places for page numbers and a search in content for those who may see content.

    `problem` says in words why nothing is shown, `about` how many rows there are.
    """

    # What Django's own page sets where rows can be edited.
    formset = None
    problem = ""
    about = ""
    expression_text = ""
    page = Page(rows=())
    _wanted: Q | None = None
    _expression: expressions.Expression = ()

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Leave out what filters no columns."""
        found = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in (*PLACES, CONTENT)}

    def get_query_string(
        self, new_params: dict[str, Any] | None = None, remove: Iterable[str] | None = None
    ) -> str:
        """Return an address that begins at the top: another filter is another list."""
        kept = {name: None for name in PLACES if name in self.params}
        return super().get_query_string({**kept, **(new_params or {})}, remove)

    def get_filters(self, request: HttpRequest) -> Any:
        """Count a search in content as a filter that can be cleared.

        Raises:
            IncorrectLookupParameters: a choice that is none, and that PostgreSQL does not even compare.

        """
        if any("\0" in choice for choices in self.get_filters_params().values() for choice in choices):
            raise IncorrectLookupParameters
        specs, has_filters, params, may_repeat, is_active = super().get_filters(request)
        return specs, has_filters, params, may_repeat, is_active or CONTENT in self.params

    def kept_parameters(self) -> list[tuple[str, str]]:
        """Return what a form has to carry along, so that it narrows this list and begins at its top."""
        return [(name, value) for name, value in self.params.items() if name not in PLACES]

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> Rows:
        """Return all rows of the list, on whatever page; none where there is a problem."""
        term, self.query = self.query, ""
        try:
            # Django's own search would look in columns.
            rows: Rows = super().get_queryset(request, exclude_parameters)
            self.query = term
            return self._searched(request, rows)
        except (FilterError, TooSlowError) as error:
            self.query, self.problem = term, str(error)
            return self.root_queryset.none()

    def _searched(self, request: HttpRequest, rows: Rows) -> Rows:
        may_see_content = request.user.has_perm(CONTENT_PERMISSION)
        wanted = []
        if self.query.strip():
            with at_most(LONGEST_SEARCH):
                ids = search.by_id(self.query)
            if ids:
                rows = rows.filter(ids)
            elif may_see_content and (names := search.by_name(self.query)):
                wanted.append(names)
            else:
                rows = rows.none()
        self.expression_text = self.params.get(CONTENT, "").strip()
        if self.expression_text:
            if not may_see_content:
                raise FilterError(f"Searching content takes the permission {CONTENT_PERMISSION}.")
            self._expression = _expression(self.expression_text)
            wanted.append(content.condition(self._expression))
        self._among = rows
        if wanted:
            self._wanted = Q(*wanted)
        return rows.filter(self._wanted) if self._wanted else rows

    @property
    def is_search_in_content(self) -> bool:
        """Say whether rows are chosen by their content."""
        return self._wanted is not None

    def get_results(self, request: HttpRequest) -> None:
        """Take one page."""
        del request
        # Actions take what is picked on the page; what is there is counted by nobody.
        self.show_full_result_count, self.show_admin_actions = False, True
        self.can_show_all = self.multi_page = False
        self.full_result_count = None
        self.paginator = None
        if not self.problem:
            try:
                with at_most(LONGEST_SEARCH):
                    self.page = self._page()
                self.about = "" if "seen" in self.params else self._about()
            except FilterError as error:
                self.problem = str(error)
            except TooSlowError as error:
                self.problem = f"{error} Choose a shorter time or another filter."
        self.result_list = self.page.rows
        self.result_count = len(self.page.rows)

    def _page(self) -> Page:
        size, rows = self.list_per_page, self.queryset
        if "seen" in self.params:
            return pages.since(rows, pk=_key(self.params["seen"]), size=size)
        among = self._among if self.is_search_in_content else None
        if "newer" in self.params:
            return pages.newer(rows, than=_place(self.params["newer"]), size=size, among=among)
        than = self._beginning()
        found = pages.older(rows, than=than, size=size, among=among)
        if found.looked_until and content.has_index(self._expression):
            found = self._by_index(than) or found
        return found

    def _by_index(self, than: Place | None) -> Page | None:
        """Return the page with all that the index finds, None where that is too much to be put in order."""
        keys = content.keys(self._expression)
        if keys is None:
            return None
        return pages.older(self.queryset.filter(pk__in=keys), than=than, size=self.list_per_page)

    def _beginning(self) -> Place | None:
        if at := self.params.get("at", "").strip():
            try:
                return Place.at(times.read(at))
            except ValueError as error:
                raise FilterError(str(error)) from error
        return _place(self.params["older"]) if "older" in self.params else None

    def _about(self) -> str:
        """Return how many rows the list has, as far as that is known at no cost."""
        is_whole = self.page.newer is None and self.page.older is None
        if is_whole:
            count = f"{len(self.page.rows):,}"
        else:
            count = "" if self.is_search_in_content else counts.about(self.queryset)
        return count and f"{count} notification{'' if count == '1' else 's'}"

    def _link(self, **place: Place | None) -> str:
        """Return the address of this list at a place; nothing where there is no such place."""
        kept = [*self.kept_parameters(), *((name, str(value)) for name, value in place.items())]
        return f"?{urlencode(kept)}" if all(place.values()) else ""

    @property
    def newest_link(self) -> str:
        """Return the address of the first page."""
        return self._link()

    @property
    def newer_link(self) -> str:
        """Return the address of the page above."""
        return self._link(newer=self.page.newer)

    @property
    def older_link(self) -> str:
        """Return the address of the page below."""
        return self._link(older=self.page.older)

    @property
    def is_upwards(self) -> bool:
        """Say whether this page was come to from the one below."""
        return "newer" in self.params

    @property
    def can_be_followed(self) -> bool:
        """Say whether what is new belongs on top of this page."""
        return not self.problem and not any(name in self.params for name in (*PLACES, "until"))


def _place(text: str) -> Place:
    try:
        return Place.read(text)
    except pages.PlaceError as error:
        raise IncorrectLookupParameters(error) from error


def _key(text: str) -> int:
    try:
        return pages.whole_number(text)
    except pages.PlaceError as error:
        raise IncorrectLookupParameters(error) from error


def _expression(text: str) -> expressions.Expression:
    try:
        return expressions.parse(text)
    except expressions.ExpressionError as error:
        raise FilterError(f"The search in content cannot be read: {error}") from error
