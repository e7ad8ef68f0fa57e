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
    query: dict[str, str] = {}
    if since:
        query["received_at__gte"] = since.isoformat()
    if until:
        query["received_at__lt"] = until.isoformat()
    if workloads is not None:
        query["workload__in"] = ",".join(workloads)
    if state:
        query |= {"state": "all", "state__exact": state.value}
    if reason:
        query["reason__exact"] = reason
    return f"{reverse('admin:notifications_changenotification_changelist')}?{urlencode(query)}"
