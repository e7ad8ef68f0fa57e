"""Graph's rules for a subscription, checked before Graph is asked."""

from collections.abc import Callable, Iterator

from subscriptions.catalogue.matching import entry_for
from subscriptions.catalogue.paths import normalise, shape
from subscriptions.catalogue.rules import change_types, content, limits, options, resource
from subscriptions.catalogue.rules.wish import Access, Case, Option, Problem, Wish, error

__all__ = ["Access", "Option", "Problem", "Wish", "check"]

_RULES: tuple[Callable[[Case], Iterator[Problem]], ...] = (
    resource.has_no_open_parts,
    resource.exists_in_the_cloud,
    resource.has_a_user_for_me,
    resource.allows_the_access,
    change_types.are_known,
    change_types.are_permitted,
    content.is_available,
    content.has_the_right_select,
    content.has_no_refused_option,
    limits.version_exists,
    limits.lifetime_is_granted,
    limits.lifecycle_url_is_given,
    options.mean_something,
    resource.is_in_the_catalogue,
    resource.is_current,
    resource.names_the_user_by_object_id,
)


def check(wish: Wish) -> tuple[Problem, ...]:
    """Return what is wrong with `wish`, errors first; nothing if Graph should accept it.

    Source: resources/subscription.md (2026-09-17), subscription-post-subscriptions.md (2026-05-05),
    change-notifications-with-resource-data.md (2026-04-17), and the pages that each entry names.
    """
    try:
        path = normalise(wish.resource)
    except ValueError as malformed:
        return (error("resource_malformed", "resource", str(malformed)),)
    case = Case(wish=wish, resource=path, shape=shape(path), entry=entry_for(path))
    problems = [problem for rule in _RULES for problem in rule(case)]
    return tuple(sorted(problems, key=lambda problem: not problem.is_error))
