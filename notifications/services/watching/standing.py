"""How things stand: what one look tells somebody who asks whether everything is all right."""

from datetime import datetime, timedelta
from typing import Any

from notifications.models import Delivery
from subscriptions.models import Alert, Subscription
from subscriptions.services.alerts.watching import watched_at

# Somebody watches every minute; what is older says nothing about now.
FRESH = timedelta(minutes=30)


def look(*, now: datetime) -> dict[str, Any]:
    """Return open alerts, how many subscriptions are active, the next expiry and the oldest unprocessed delivery."""
    active = Subscription.objects.filter(status=Subscription.Status.ACTIVE, is_enabled=True)
    queued = Delivery.objects.filter(state=Delivery.State.QUEUED).order_by("received_at")
    alerts = list(Alert.objects.open().order_by("pk").values_list("title", flat=True))
    watched = watched_at()
    return {
        "is_all_right": not alerts and watched is not None and watched > now - FRESH,
        "open_alerts": alerts,
        "watched_at": watched,
        "active_subscriptions": active.count(),
        "next_expiry_at": active.order_by("expires_at").values_list("expires_at", flat=True).first(),
        "oldest_unprocessed_at": queued.values_list("received_at", flat=True).first(),
    }
