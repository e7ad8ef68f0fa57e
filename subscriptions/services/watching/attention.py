"""What somebody should look at: refused, lost, lapsed, or not renewed in time."""

from datetime import datetime, timedelta

from django.db.models import Q

from subscriptions.models import Subscription

Status = Subscription.Status
# A renewal run comes every 15 minutes; one that is later than this has not come.
RENEWAL_OVERDUE = timedelta(minutes=20)


def needing_attention(now: datetime) -> Q:
    """Return the condition under which a subscription needs somebody at `now`; what is paused or removed does not."""
    overdue = Q(auto_renew=True, renew_at__lte=now - RENEWAL_OVERDUE)
    active = Q(status=Status.ACTIVE, is_enabled=True)
    lost = Q(status__in=(Status.FAILED, Status.GONE), is_enabled=True)
    return lost | active & (Q(expires_at__lte=now) | Q(failures__gt=0) | overdue)
