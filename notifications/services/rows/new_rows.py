"""What is written of an item: rows that are only ever inserted.

Thousands of them are made in a second; as instances of the models each would cost several times as much. A row names
each column that must have a value, and is written as it stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.db.models import Model

from notifications.models import ChangeNotification, ContentFetch, NotificationContent


@dataclass(kw_only=True, eq=False)
class NewNotification:
    """A row of `ChangeNotification`."""

    subscription_id: int | None
    subscription_graph_id: str
    notification_id: str
    change_type: str
    lifecycle_event: str
    resource: str
    resource_type: str
    workload: str
    resource_id: str
    resource_data: dict[str, Any] = field(repr=False)
    tenant_id: str
    origin: str = ChangeNotification.Origin.WEBHOOK
    state: str
    reason: str
    proof: tuple[str, ...]
    encryption_certificate_id: str
    times_delivered: int
    duplicate_key: str
    received_at: datetime
    last_received_at: datetime
    processed_at: datetime
    handle_after: datetime | None
    handling: str = ""
    delivery_id: int
    item_index: int


@dataclass(kw_only=True, eq=False)
class NewContent:
    """A row of `NotificationContent`."""

    notification_id: int
    data: dict[str, Any] = field(repr=False)
    encryption_certificate_id: str
    source: str = NotificationContent.Source.NOTIFICATION
    opened_at: datetime


@dataclass(kw_only=True, eq=False)
class NewFetch:
    """A row of `ContentFetch`."""

    notification_id: int
    state: str = ContentFetch.State.WANTED
    requested_at: datetime
    requested_by: str
    attempts: int = 0
    next_attempt_at: datetime
    claim: str = ""
    outcome: str = ""
    request_id: str = ""


NewRow = NewNotification | NewContent | NewFetch
MODELS: Mapping[type[NewRow], type[Model]] = MappingProxyType(
    {NewNotification: ChangeNotification, NewContent: NotificationContent, NewFetch: ContentFetch}
)
