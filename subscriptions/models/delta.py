"""Where we stand in the delta queries of a subscription, the way back from whatever the webhook was not told."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from subscriptions.models.fields import EncryptedTextField
from subscriptions.models.subscription import Subscription


class DeltaTrackingQuerySet(models.QuerySet["DeltaTracking"]):
    """Named filters; each takes the time as `now`."""

    def due(self, now: datetime) -> "DeltaTrackingQuerySet":
        """Keep those that are to be followed at `now`, and whose subscription has been at Graph and is wanted."""
        is_allowed = Q(not_before__isnull=True) | Q(not_before__lte=now)
        return self.wanted().unclaimed(now).filter(is_allowed, due_at__lte=now)

    def wanted(self) -> "DeltaTrackingQuerySet":
        """Keep those with a delta query whose subscription has been at Graph and is wanted."""
        return self.filter(
            due_at__isnull=False,
            subscription__is_enabled=True,
            subscription__granted_at__isnull=False,
            subscription__status__in=(Subscription.Status.ACTIVE, Subscription.Status.GONE),
        )

    def unclaimed(self, now: datetime) -> "DeltaTrackingQuerySet":
        """Keep those on which nobody works at `now`."""
        return self.filter(Q(claimed_until__isnull=True) | Q(claimed_until__lte=now))


class DeltaTracking(models.Model):
    """When the changes of one subscription are looked up next, by whom, and how it went the last time.

    Apart from the subscription, so that a long recovery never stands in the way of a renewal.
    """

    subscription = models.OneToOneField(
        Subscription, on_delete=models.CASCADE, primary_key=True, related_name="delta_tracking"
    )
    due_at = models.DateTimeField(null=True, help_text="Empty: Graph has no delta query for the resource.")
    not_before = models.DateTimeField(null=True, help_text="Until when Graph has asked us to wait.")
    recovered_at = models.DateTimeField(null=True, help_text="Up to when every change is known.")
    reset_at = models.DateTimeField(null=True, help_text="When Graph last forgot our place.")
    reset_from = models.DateTimeField(
        null=True, help_text="Since when changes may be missing for that reason."
    )
    failures = models.PositiveIntegerField(default=0)
    error_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=200, blank=True)
    error_message = models.TextField(blank=True)
    claim = models.CharField(max_length=32, blank=True)
    claimed_until = models.DateTimeField(null=True)

    objects = DeltaTrackingQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [models.Index(fields=("due_at",), name="delta_due")]

    def __str__(self) -> str:
        return f"Delta query of subscription {self.subscription_id}"


class DeltaLink(models.Model):
    """Where we stand in one collection of a subscription."""

    class Stage(models.TextChoices):
        """Beginning: no link yet. Following: only what is new. Rereading: everything, for what was modified since."""

        BEGINNING = "beginning", "Beginning"
        FOLLOWING = "following", "Following"
        REREADING = "rereading", "Rereading"

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="delta_links")
    kind = models.CharField(max_length=20, help_text="What it holds; see `catalogue.deltas`.")
    path = models.TextField()
    stage = models.CharField(max_length=9, choices=Stage.choices, default=Stage.BEGINNING)
    # Both carry a token in their address.
    link = EncryptedTextField(blank=True, help_text="Where the next run begins.")
    cursor = EncryptedTextField(blank=True, help_text="The page that an unfinished run has reached.")
    taken_at = models.DateTimeField(null=True, help_text="Since when the link tells changes.")
    started_at = models.DateTimeField(null=True, help_text="When the unfinished run began.")
    covers_from = models.DateTimeField(null=True, help_text="Since when every change is known.")
    begun_at = models.DateTimeField(null=True, help_text="When the token was first asked for.")
    since = models.DateTimeField(
        null=True, help_text="While rereading: what was modified since then is stored."
    )

    class Meta:
        ordering = ("pk",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("subscription", "path"), name="one_link_per_collection")
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.path}"
