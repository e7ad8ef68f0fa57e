"""Rules about the API version, the lifetime and the lifecycle URL that a long one needs."""

from collections.abc import Iterator
from datetime import timedelta

from subscriptions.catalogue import lifetimes
from subscriptions.catalogue.entries import Entry
from subscriptions.catalogue.rules.wish import Case, Problem, error, warning


def version_exists(case: Case) -> Iterator[Problem]:
    """Refuse v1.0 for what only beta has; warn where the pages are silent or name the other version."""
    wanted = case.wish.api_version
    if wanted not in {"v1.0", "beta"}:
        yield error("api_version_unknown", "api_version", "Choose v1.0 or beta.")
    elif case.entry is None or wanted in case.entry.api_versions:
        return
    elif case.entry.is_beta_only:
        yield error("beta_only", "api_version", "Graph has this resource in beta only. Choose beta.")
    elif case.entry.api_versions:
        yield warning(
            "api_version_not_published",
            "api_version",
            f"Microsoft publishes this resource for {', '.join(case.entry.api_versions)}, not for {wanted}. "
            "If Graph refuses, choose the published version.",
        )
    else:
        yield warning(
            "api_version_unpublished",
            "api_version",
            "Microsoft's pages disagree on the version that has this resource. "
            "If Graph refuses one, try the other.",
        )


def lifetime_is_granted(case: Case) -> Iterator[Problem]:
    """Refuse a life above the maximum; warn of one that Graph would raise or that has no published maximum.

    Source: resources/subscription.md, table of lifetimes (2026-09-17).
    """
    lifetime = case.wish.lifetime
    if lifetime is None:
        return
    is_rich = case.wish.include_resource_data
    published = lifetimes.published(case.resource, include_resource_data=is_rich)
    limit = published or lifetimes.LONGEST_OF_ALL
    if lifetime < lifetimes.MINIMUM:
        yield warning(
            "lifetime_below_minimum",
            "lifetime_minutes",
            "Graph silently raises anything below 45 minutes to 45 minutes.",
        )
    elif lifetime > limit:
        kind = f"this resource {'with' if is_rich else 'without'} content" if published else "any resource"
        yield error(
            "lifetime_too_long",
            "lifetime_minutes",
            f"The longest life of {kind} is {_minutes(limit)} minutes. Ask for no more, or leave the field "
            "empty for the longest.",
        )
    elif case.entry and _has_no_figure(case.entry) and lifetime > timedelta(hours=1):
        yield warning(
            "lifetime_unpublished",
            "lifetime_minutes",
            "Microsoft does not publish the longest life of this resource. If Graph refuses, ask for 60.",
        )


def lifecycle_url_is_given(case: Case) -> Iterator[Problem]:
    """Refuse a Teams subscription of more than an hour without a lifecycle URL.

    Source: resources/subscription.md (2026-09-17), change-notifications-lifecycle-events.md (2026-03-24).
    """
    if case.entry is None or case.wish.has_lifecycle_url:
        return
    limit = case.entry.lifecycle_url_required_after
    longest = lifetimes.longest(case.resource, include_resource_data=case.wish.include_resource_data)
    if limit is not None and (case.wish.lifetime or longest) > limit:
        yield error(
            "lifecycle_url_required",
            "lifetime_minutes",
            f"To live longer than {_minutes(limit)} minutes this resource needs a lifecycle URL, which "
            f"cannot be added later. Give a lifecycle URL, or ask for {_minutes(limit)} minutes or less.",
        )


def _has_no_figure(entry: Entry) -> bool:
    return entry.max_expiration is None and entry.max_expiration_rich is None


def _minutes(duration: timedelta) -> str:
    return f"{duration // timedelta(minutes=1):,}"
