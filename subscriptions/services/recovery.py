"""Recover: remember since when changes were missed."""

from datetime import datetime

from subscriptions.models import Subscription
from subscriptions.services import gaps


def flag_missed(subscription: Subscription, *, now: datetime) -> str:
    """Mark that Graph could not deliver some changes, and return that in words; the first time stays."""
    gaps.record_missed(subscription, now=now)
    Subscription.objects.filter(pk=subscription.pk, missed_at__isnull=True).update(missed_at=now)
    return "Marked: changes were missed."
