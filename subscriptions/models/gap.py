"""Times in which changes may have passed us by."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from subscriptions.models.subscription import Subscription


class GapQuerySet(models.QuerySet["Gap"]):
    """Named filters."""

    def open(self) -> "GapQuerySet":
        """Keep those that have not ended: Graph does not tell us of changes now."""
        return self.filter(ended_at__isnull=True)

    def awaiting(self) -> "GapQuerySet":
        """Keep those whose changes can still be fetched."""
        return self.filter(state=Gap.State.AWAITING)

    def touching(self, since: datetime) -> "GapQuerySet":
        """Keep those that lie, at least in part, after `since`."""
        return self.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=since))


class Gap(models.Model):
    """A time in which a subscription did not listen, or in which what Graph sent did not reach us.

    It began between `began_at` and `began_by`, which are the same where the moment is known.
    """

    class Cause(models.TextChoices):
        """Why changes were not told."""

        LAPSED = "lapsed", "It lapsed"
        REMOVED = "removed", "Graph had removed it"
        RECREATED = "recreated", "It was created anew"
        PAUSED = "paused", "It was paused or removed here"
        MISSED = "missed", "Graph could not deliver"
        ENDPOINT_DOWN = "endpoint_down", "Our endpoint was out of reach too long"
        ENDPOINT_SLOW = "endpoint_slow", "Our endpoint was too slow"
        DELTA_RESET = "delta_reset", "Graph no longer knew where we had got to"

    class State(models.TextChoices):
        """Awaiting: can be fetched. Recovered: has been fetched. Unrecoverable: there is no way to fetch it."""

        AWAITING = "awaiting", "Awaiting recovery"
        RECOVERED = "recovered", "Recovered"
        UNRECOVERABLE = "unrecoverable", "Cannot be recovered"

    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="gaps")
    cause = models.CharField(max_length=14, choices=Cause.choices)
    state = models.CharField(max_length=14, choices=State.choices)
    began_at = models.DateTimeField(help_text="At the earliest.")
    began_by = models.DateTimeField(help_text="At the latest.")
    ended_at = models.DateTimeField(null=True, help_text="At the latest. Empty: it goes on.")
    recovered_at = models.DateTimeField(null=True)
    note = models.TextField(blank=True)

    objects = GapQuerySet.as_manager()

    class Meta:
        ordering = ("-began_at", "-pk")
        indexes: ClassVar = [
            models.Index(fields=("subscription", "-began_at"), name="gap_by_subscription"),
            models.Index(
                fields=("subscription", "ended_at"), name="gap_awaiting", condition=Q(state="awaiting")
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("subscription",),
                condition=Q(ended_at__isnull=True),
                name="one_open_gap_per_subscription",
            ),
            models.CheckConstraint(
                condition=Q(began_by__gte=F("began_at"))
                & (Q(ended_at__isnull=True) | Q(ended_at__gte=F("began_at"))),
                name="gap_has_a_direction",
            ),
            models.CheckConstraint(
                condition=Q(state="recovered", recovered_at__isnull=False, ended_at__isnull=False)
                | (~Q(state="recovered") & Q(recovered_at__isnull=True)),
                name="recovered_gap_says_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.cause} of subscription {self.subscription_id}"

    @property
    def is_exact(self) -> bool:
        """Say whether the moment at which it began is known."""
        return self.began_at == self.began_by
