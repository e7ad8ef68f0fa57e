"""What the pages of an alert show, as plain values for the templates."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.urls import reverse
from django.utils.safestring import SafeString

from subscriptions.admin import badges
from subscriptions.models import Alert

LINES_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Link:
    """Where something can be done about it."""

    label: str
    url: str


@dataclass(frozen=True, kw_only=True)
class ConcernedLine:
    """A subscription that suffers from it, or did."""

    name: str
    url: str
    since: SafeString
    until: SafeString | str


@dataclass(frozen=True, kw_only=True)
class MessageLine:
    """Something that was told, or could not be."""

    channel: str
    occasion: str
    state: SafeString
    at: SafeString | str
    error: str


def links(alert: Alert, *, has_perm: Callable[[str], bool]) -> list[Link]:
    """Return the pages of what it is about, as far as the user may see them."""
    about = (
        ("appregistration", alert.app_registration),
        ("delegatedaccount", alert.delegated_account),
        ("encryptioncertificate", alert.encryption_certificate),
    )
    return [
        Link(label=str(row), url=reverse(f"admin:subscriptions_{model}_change", args=(row.pk,)))
        for model, row in about
        if row and has_perm(f"subscriptions.view_{model}")
    ]


def concerned(alert: Alert) -> list[ConcernedLine]:
    """Return the subscriptions that it concerns, those that still suffer first."""
    rows = alert.concerned.select_related("subscription").order_by("until_at", "pk")
    # The databases disagree on where empty ends come, so they are asked apart.
    still = list(rows.filter(until_at__isnull=True)[:LINES_SHOWN])
    over = list(rows.filter(until_at__isnull=False)[: LINES_SHOWN - len(still)])
    return [
        ConcernedLine(
            name=str(row.subscription),
            url=reverse("admin:subscriptions_subscription_change", args=(row.subscription_id,)),
            since=badges.moment(row.since_at),
            until=badges.moment(row.until_at) if row.until_at else "still",
        )
        for row in (*still, *over)
    ]


def messages(alert: Alert) -> Iterator[MessageLine]:
    """Return what was told, and what is to be."""
    for message in alert.messages.order_by("-pk")[:LINES_SHOWN]:
        yield MessageLine(
            channel=message.get_channel_display(),
            occasion=message.get_occasion_display(),
            state=badges.of_message(message).html(),
            at=badges.moment(message.told_at or message.next_attempt_at),
            error=message.error,
        )
