"""How long a subscription may live at Graph, what expiry to ask for, and when to renew."""

from datetime import datetime, timedelta

from subscriptions.catalogue.matching import entry_for

MINIMUM = timedelta(minutes=45)
"""Graph silently raises a shorter life to this. Source: resources/subscription.md (2026-09-17)."""

LONGEST_OF_ALL = timedelta(minutes=43_200)
"""No resource lives longer. Source: resources/subscription.md, table of lifetimes (2026-09-17)."""

_CAREFUL = timedelta(minutes=60)
_CLOCK_SKEW = timedelta(minutes=2)
_LONG_LIFE = timedelta(days=1)
# A cron run may start up to 15 minutes after the time is due; two more must fit after it, and the last needs some
# minutes for its work.
_THREE_CRON_RUNS = timedelta(minutes=45) + timedelta(minutes=3)


def longest(resource: str, *, include_resource_data: bool) -> timedelta:
    """Return the longest life that Graph grants to `resource`, with or without content.

    For a path outside the catalogue, and for one whose life Microsoft does not publish, this is a careful
    60 minutes: no published life is shorter, and a Teams resource needs no lifecycle URL up to that.

    Source: resources/subscription.md, table of lifetimes (2026-09-17).
    """
    return published(resource, include_resource_data=include_resource_data) or _CAREFUL


def published(resource: str, *, include_resource_data: bool) -> timedelta | None:
    """Return the longest life that Microsoft publishes for `resource`, or None if there is no figure.

    Source: resources/subscription.md, table of lifetimes (2026-09-17).
    """
    entry = entry_for(resource)
    if entry is None:
        return None
    return entry.max_expiration_rich if include_resource_data else entry.max_expiration


def expiry_to_ask(
    *,
    resource: str,
    include_resource_data: bool,
    minutes: int | None,
    now: datetime,
    ceiling: timedelta | None = None,
) -> datetime:
    """Return the UTC expiry to send to Graph: `minutes` after `now`, or the longest life if that is None.

    It stays two minutes below the maximum, so that a clock that runs ahead of Graph's causes no 400, and
    never below the minimum, to which Graph would raise it anyway. Where no maximum is published, `minutes`
    are asked for up to the longest life of any resource: Graph is the judge. `ceiling` is what Graph said to be the
    longest, where that is known and less.

    Source: resources/subscription.md (2026-09-17).
    """
    known = published(resource, include_resource_data=include_resource_data)
    wish = (known or _CAREFUL) - _CLOCK_SKEW if minutes is None else timedelta(minutes=minutes)
    longest = min(known or LONGEST_OF_ALL, ceiling or LONGEST_OF_ALL)
    return now + max(min(wish, longest - _CLOCK_SKEW), MINIMUM)


def shorter(asked: timedelta, *, named: timedelta) -> timedelta | None:
    """Return the ceiling to keep after Graph refused the life `asked`; None when a shorter one cannot help.

    That is what Graph named as the longest. Where it named nothing useful it is 60 minutes: no published life is
    shorter, so it is granted if the expiry was at fault at all.

    Source: resources/subscription.md, table of lifetimes (2026-09-17).
    """
    for ceiling in (named, _CAREFUL):
        if ceiling >= MINIMUM and max(ceiling - _CLOCK_SKEW, MINIMUM) < asked:
            return ceiling
    return None


def renew_at(*, granted_at: datetime, expires_at: datetime) -> datetime:
    """Return the UTC time from which a subscription is due for renewal.

    With L = expires_at - granted_at this is granted_at + L/2 for a life of up to a day and granted_at + 2L/3
    for a longer one, but at the latest 48 minutes before expiry: cron runs every 15 minutes, so the first run
    may be 15 minutes late and two more still come in time. A life of 48 minutes or less is due at once.

    Source: change-notifications-lifecycle-events.md (2026-03-24), which leaves the schedule to the app.
    """
    life = expires_at - granted_at
    share = life / 2 if life <= _LONG_LIFE else life * 2 / 3
    latest = max(granted_at, expires_at - _THREE_CRON_RUNS)
    return min(granted_at + share, latest)
