"""Two workers on one subscription: the one whose conditional update changes the row goes on."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from subscriptions.models import Subscription

# Longer than the slowest create call: two handshakes of 10 s each, repeated after throttling.
CLAIM_LASTS = timedelta(minutes=5)


def claim(subscription_pk: int, *, now: datetime, statuses: Iterable[str], **unchanged: object) -> str:
    """Take the subscription for this worker and return the claim; empty when somebody else has it.

    Only one of several callers gets a claim. A claim that was not given back in time may be taken over. `unchanged`
    are columns as the caller read them: where one differs by now, somebody else has done the work meanwhile.
    """
    token = secrets.token_hex(16)
    taken = (
        Subscription.objects.filter(pk=subscription_pk, status__in=tuple(statuses), **unchanged)
        .unclaimed(now)
        .update(claim=token, claimed_until=now + CLAIM_LASTS)
    )
    return token if taken else ""


def claim_all(
    subscription_pks: Iterable[int], *, now: datetime, statuses: Iterable[str], **unchanged: object
) -> str:
    """Take those of the subscriptions that are free, in one statement; the rows tell which, by the claim returned."""
    token = secrets.token_hex(16)
    wanted = Subscription.objects.filter(
        pk__in=list(subscription_pks), status__in=tuple(statuses), **unchanged
    )
    wanted.unclaimed(now).update(claim=token, claimed_until=now + CLAIM_LASTS)
    return token


def prolong(subscription: Subscription, token: str, *, now: datetime) -> bool:
    """Let a claim last anew before long work; say whether it was still ours."""
    held = Subscription.objects.filter(pk=subscription.pk, claim=token)
    return bool(held.update(claimed_until=now + CLAIM_LASTS))


def note(subscription: Subscription, token: str, **facts: object) -> bool:
    """Write facts and keep the claim; say whether it was still ours."""
    noted = Subscription.objects.filter(pk=subscription.pk, claim=token).update(**facts)
    if noted:
        subscription.refresh_from_db()
    return bool(noted)


def release(subscription_pks: Iterable[int], token: str) -> None:
    """Give claims back with nothing done."""
    settle_all(subscription_pks, token, {})


def settle_all(subscription_pks: Iterable[int], token: str, facts: Mapping[str, Any]) -> int:
    """Write the same facts to several rows and give their claims back; return how many were still ours."""
    held = Subscription.objects.filter(pk__in=list(subscription_pks), claim=token)
    return held.update(claim="", claimed_until=None, **facts)


def settle(subscription: Subscription, token: str, **facts: object) -> bool:
    """Write the facts and give the claim back in one statement; say whether the claim was still ours."""
    settled = Subscription.objects.filter(pk=subscription.pk, claim=token).update(
        claim="", claimed_until=None, **facts
    )
    if settled:
        subscription.refresh_from_db()
    return bool(settled)
