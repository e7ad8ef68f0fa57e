"""The inbox: one row for each POST from Graph."""

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

from django.db import connection, models
from django.db.models import Q
from django.db.models.expressions import RawSQL

from subscriptions.models.fields import EncryptedBinaryField


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Named filters; each takes the time as `now`."""

    def open(self) -> "DeliveryQuerySet":
        """Keep those with work left."""
        return self.filter(state__in=(Delivery.State.QUEUED, Delivery.State.WAITING))

    def due(self, now: datetime) -> "DeliveryQuerySet":
        """Keep those with work left whose next try has come and that no worker holds."""
        return self.open().filter(next_attempt_at__lte=now).unleased(now)

    def unleased(self, now: datetime) -> "DeliveryQuerySet":
        """Keep those that no living worker holds."""
        return self.filter(Q(leased_until__isnull=True) | Q(leased_until__lte=now))

    def numbered(self, keys: Iterable[int]) -> "DeliveryQuerySet":
        """Keep those of some numbers, which go to the database as one value: hundreds cost as little as one."""
        numbers = ",".join(map(str, keys))
        if connection.vendor == "postgresql":
            # Joined with them, as by IN, the planner may go through all numbers for each row that has the lease.
            return self.filter(
                RawSQL(
                    "notifications_delivery.id = ANY(%s::bigint[])", [f"{{{numbers}}}"], models.BooleanField()
                )
            )
        return self.filter(pk__in=RawSQL("SELECT value FROM json_each(%s)", [f"[{numbers}]"]))


class Delivery(models.Model):
    """A body as it came, before anything in it is believed."""

    class State(models.TextChoices):
        """Queued: not looked at. Waiting: some items cannot be proven or opened yet. Dead: given up."""

        QUEUED = "queued", "Queued"
        WAITING = "waiting", "Waiting"
        DONE = "done", "Done"
        DEAD = "dead", "Dead"

    class Endpoint(models.TextChoices):
        """Which of our two addresses it came to; either may carry either kind."""

        NOTIFICATIONS = "notifications", "Notifications"
        LIFECYCLE = "lifecycle", "Lifecycle"

    received_at = models.DateTimeField()
    endpoint = models.CharField(max_length=13, choices=Endpoint.choices)
    # Encrypted: a body carries the clientState of each of its items.
    body = EncryptedBinaryField()
    size = models.PositiveIntegerField()
    content_type = models.CharField(max_length=200, blank=True)
    content_encoding = models.CharField(max_length=50, blank=True)
    is_quarantined = models.BooleanField(
        "quarantined",
        default=False,
        help_text="No item in it belonged to a subscription of ours when it came.",
    )
    state = models.CharField(max_length=7, choices=State.choices, default=State.QUEUED)
    lease = models.CharField(max_length=32, blank=True)
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    error = models.TextField(blank=True)
    processed_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True, editable=False, help_text="Since when the body is gone.")

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        verbose_name_plural: ClassVar = "deliveries"
        permissions: ClassVar = [("replay_delivery", "Can have what waits or was given up tried again")]
        indexes: ClassVar = [
            # The worker's question, answered from the few rows that have work left.
            models.Index(
                fields=("next_attempt_at", "id"),
                name="delivery_due",
                condition=Q(state__in=("queued", "waiting")),
            ),
            models.Index(
                fields=("id", "size"), name="delivery_quarantined", condition=Q(is_quarantined=True)
            ),
            models.Index(fields=("id",), name="delivery_given_up", condition=Q(state="dead")),
        ]

    def __str__(self) -> str:
        return f"Delivery {self.pk}"
