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
        # In UTC and to the second, as the fields of the list take it.
        "since": f"{since:%Y-%m-%dT%H:%M:%S}" if since else None,
        "until": f"{until:%Y-%m-%dT%H:%M:%S}" if until else None,
        "workload": ",".join(workloads) if workloads is not None else None,
        "state": state.value if state else None,
        "reason": reason or None,
    }
    named = urlencode({name: value for name, value in query.items() if value is not None})
    return f"{reverse('admin:notifications_changenotification_changelist')}?{named}"
