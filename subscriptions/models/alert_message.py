"""The outbox of alerts: what is still to be told, by which way, and what was told."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from subscriptions.models.alert import Alert


class AlertMessageQuerySet(models.QuerySet["AlertMessage"]):
    """Named filters; each takes the time as `now`."""

    def due(self, now: datetime) -> "AlertMessageQuerySet":
        """Keep what is to be told at `now` and in nobody's hands."""
        return self.filter(Q(claimed_until__isnull=True) | Q(claimed_until__lte=now)).filter(
            told_at__isnull=True, next_attempt_at__lte=now
        )


class AlertMessage(models.Model):
    """One thing to tell by one way. Written in the transaction that raises or resolves the alert."""

    class Channel(models.TextChoices):
        """By which way."""

        EMAIL = "email", "E-mail"
        WEBHOOK = "webhook", "Webhook"

    class Occasion(models.TextChoices):
        """Raised: it is new. Again: it got worse, or concerns more. Resolved: it is over."""

        RAISED = "raised", "Raised"
        AGAIN = "again", "Got worse"
        RESOLVED = "resolved", "Resolved"

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="messages")
    channel = models.CharField(max_length=7, choices=Channel.choices)
    occasion = models.CharField(max_length=8, choices=Occasion.choices)
    queued_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    claim = models.CharField(max_length=32, blank=True)
    claimed_until = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    objects = AlertMessageQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        indexes: ClassVar = [
            models.Index(
                fields=("next_attempt_at",), name="alert_message_due", condition=Q(told_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()}: {self.get_occasion_display()}"
