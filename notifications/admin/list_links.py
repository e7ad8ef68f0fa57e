"""Addresses of the list of notifications under its filters, for whatever counts what it shows."""

from collections.abc import Iterable
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse

from notifications.models import ChangeNotification


def to_list(
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    workloads: Iterable[str] | None = None,
    state: ChangeNotification.State | None = None,
    reason: str = "",
) -> str:
    """Return the address; without a `state`, the list shows what is genuine or may become so."""
    query = {
        "since": since.isoformat() if since else None,
        "until": until.isoformat() if until else None,
        "workload": ",".join(workloads) if workloads is not None else None,
        "state": state.value if state else None,
        "reason": reason or None,
    }
    named = urlencode({name: value for name, value in query.items() if value is not None})
    return f"{reverse('admin:notifications_changenotification_changelist')}?{named}"
