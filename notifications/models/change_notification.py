"""What was found in the inbox: one row for each item."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property

from notifications.models.content_erasure import ContentErasure
from notifications.models.delivery import Delivery
from notifications.models.indexes import start_of
from subscriptions.models import Subscription


class ChangeNotificationQuerySet(models.QuerySet["ChangeNotification"]):
    """Named filters; each takes the time as `now`."""

    def unhandled(self, now: datetime) -> "ChangeNotificationQuerySet":
        """Keep genuine lifecycle notices that still have to be acted on and whose next try has come."""
        return self.filter(
            state=ChangeNotification.State.ACCEPTED, handled_at__isnull=True, handle_after__lte=now
        )


class ChangeNotification(models.Model):
    """A change notification or lifecycle notification, with what became of it."""

    class State(models.TextChoices):
        """Waiting: not yet proven or opened. Accepted: genuine. Rejected: not genuine. Dead: given up."""

        WAITING = "waiting", "Waiting"
        ACCEPTED = "accepted", "Accepted"
        REJECTED = "rejected", "Rejected"
        DEAD = "dead", "Dead"

    class Origin(models.TextChoices):
        """How the change became known."""

        WEBHOOK = "webhook", "Webhook"
        DELTA = "delta", "Delta query"

    subscription = models.ForeignKey(
        Subscription, on_delete=models.SET_NULL, null=True, related_name="notifications", db_index=False
    )
    subscription_graph_id = models.CharField("subscription ID", max_length=128, blank=True)
    notification_id = models.CharField("Graph's notification ID", max_length=512, blank=True)
    change_type = models.CharField(max_length=128, blank=True)
    lifecycle_event = models.CharField(max_length=128, blank=True)
    resource = models.TextField(blank=True)
    resource_type = models.CharField(max_length=256, blank=True)
    workload = models.CharField(
        max_length=40, blank=True, editable=False, help_text="As the catalogue calls it."
    )
    resource_id = models.TextField("resource ID", blank=True)
    resource_data = models.JSONField(default=dict, blank=True)
    tenant_id = models.CharField("tenant ID", max_length=128, blank=True)
    origin = models.CharField(max_length=7, choices=Origin.choices, default=Origin.WEBHOOK)

    state = models.CharField(max_length=8, choices=State.choices)
    reason = models.CharField(max_length=60, blank=True)
    proof = models.JSONField(default=list, blank=True, help_text="The checks that it passed.")
    encryption_certificate_id = models.CharField(
        max_length=128,
        blank=True,
        help_text="The certificate whose private key it takes to open it; only while it is not opened.",
    )
    times_delivered = models.PositiveIntegerField(default=1)
    # A repetition has the same (services.rows.duplicate_keys); after the hours of repetitions the same words count as
    # new, and the row's number is put behind its key.
    duplicate_key = models.CharField(max_length=52, null=True, editable=False)

    received_at = models.DateTimeField()
    last_received_at = models.DateTimeField()
    processed_at = models.DateTimeField()

    # Acting on a lifecycle notice: `handle_after` is set until it is done.
    handle_after = models.DateTimeField(null=True, editable=False)
    handled_at = models.DateTimeField(null=True, editable=False)
    handling = models.TextField("what we did", blank=True, editable=False)

    # Its place in the feed that other tools read; given when it is first seen there (services.rows.feed).
    feed_number = models.PositiveBigIntegerField(null=True, unique=True, editable=False)

    # Keeps the number of a delivery that is deleted: to take it out of each row would cost as much as the row did.
    delivery = models.ForeignKey(
        Delivery, on_delete=models.DO_NOTHING, null=True, related_name="notifications", db_constraint=False
    )
    item_index = models.PositiveIntegerField(default=0, editable=False)
    erasure = models.ForeignKey(
        ContentErasure,
        on_delete=models.PROTECT,
        null=True,
        related_name="notifications",
        db_index=False,
        editable=False,
    )

    objects = ChangeNotificationQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        permissions: ClassVar = [
            ("export_changenotification", "Can export what a list of notifications shows")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=("id",),
                name="notification_not_in_feed",
                condition=Q(feed_number__isnull=True) & ~Q(state="waiting"),
            ),
            # What lists are narrowed to, each in the order of a list, which is read from its end: what comes is added
            # there, so that full pages stay behind.
            models.Index(fields=("received_at", "id"), name="notification_by_time"),
            models.Index(fields=("state", "received_at", "id"), name="notification_by_state"),
            models.Index(fields=("subscription", "received_at", "id"), name="notification_by_subscription"),
            models.Index(fields=("resource_type", "received_at", "id"), name="notification_by_type"),
            models.Index(fields=("workload", "received_at", "id"), name="notification_by_workload"),
            models.Index(fields=("change_type", "received_at", "id"), name="notification_by_change"),
            models.Index(
                fields=("lifecycle_event", "received_at", "id"),
                name="notification_by_event",
                condition=~Q(lifecycle_event=""),
            ),
            models.Index(
                fields=("reason", "received_at", "id"),
                name="notification_by_reason",
                condition=~Q(reason=""),
            ),
            models.Index(
                fields=("received_at", "id"),
                name="notification_by_recovery",
                condition=Q(origin="delta"),
            ),
            # All states of one item, whatever told of it; and what lists are searched by. Graph's names come in no
            # order, so among millions each of these costs a page of its own with each row.
            models.Index(start_of("resource_id"), "received_at", "id", name="notification_by_item"),
            models.Index(start_of("resource"), name="notification_by_path"),
            models.Index(
                fields=("subscription_graph_id",),
                name="notification_by_stranger",
                condition=Q(subscription__isnull=True),
            ),
            models.Index(
                fields=("encryption_certificate_id", "state"),
                name="notification_by_lacking_key",
                condition=~Q(encryption_certificate_id=""),
            ),
            models.Index(
                fields=("handle_after",),
                name="notification_unhandled",
                condition=Q(handled_at__isnull=True, handle_after__isnull=False),
            ),
            # For what the webhook brings after a delta query has told it; nothing to write for the webhook's own rows.
            models.Index(
                fields=("subscription", "resource_id"),
                name="notification_by_delta",
                condition=Q(origin="delta"),
            ),
        ]

        constraints: ClassVar = [
            # Ordered by its characters: searches for Graph's ID ask for how it begins.
            models.UniqueConstraint(
                fields=("duplicate_key",),
                name="notification_one_of_a_change",
                opclasses=("varchar_pattern_ops",),
            )
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.change_type or self.lifecycle_event or 'item'} {self.resource}".strip()

    @property
    def is_lifecycle(self) -> bool:
        """Say whether it speaks of the subscription and not of a resource."""
        return bool(self.lifecycle_event)

    @cached_property
    def is_delivery_kept(self) -> bool:
        """Say whether the delivery that it came in is still there."""
        return self.delivery_id is not None and Delivery.objects.filter(pk=self.delivery_id).exists()
