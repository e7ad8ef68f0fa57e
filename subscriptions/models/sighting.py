"""What Graph had when it was last asked, so that a page can show it without asking again."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from subscriptions.models.app_registration import AppRegistration
from subscriptions.models.delegated_account import DelegatedAccount
from subscriptions.models.subscription import Subscription


class Look(models.Model):
    """The last comparison with the list that an app registration, or an account signed in to it, has at Graph.

    What was seen is of `looked_at`. A later try that failed left it as it was; `problem` says why.
    """

    app_registration = models.ForeignKey(AppRegistration, on_delete=models.CASCADE, related_name="looks")
    delegated_account = models.ForeignKey(
        DelegatedAccount, on_delete=models.CASCADE, null=True, related_name="looks"
    )
    looked_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField()
    problem = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("app_registration",),
                condition=Q(delegated_account__isnull=True),
                name="one_look_per_app_registration",
            ),
            models.UniqueConstraint(fields=("delegated_account",), name="one_look_per_account"),
        ]

    def __str__(self) -> str:
        account = self.delegated_account
        return f"{self.app_registration}, {account}" if account else str(self.app_registration)


class Sighting(models.Model):
    """One subscription as Graph listed it, or one that Graph should have, beside what is here."""

    class State(models.TextChoices):
        """How what Graph has compares with what is here."""

        IN_STEP = "in_step", "In step"
        DRIFTED = "drifted", "Drifted"
        GONE = "gone", "Gone"
        UNKNOWN = "unknown", "Unknown"
        UNCLEAR = "unclear", "Unclear"

    look = models.ForeignKey(Look, on_delete=models.CASCADE, related_name="sightings")
    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, null=True, related_name="sightings"
    )
    state = models.CharField(max_length=8, choices=State.choices)
    note = models.TextField(blank=True, help_text="What differs, or what is known of it.")
    graph_id = models.CharField("Graph's ID", max_length=64, blank=True)
    resource = models.TextField()
    change_type = models.TextField(blank=True)
    notification_url = models.TextField(blank=True)
    expires_at = models.DateTimeField(null=True)
    # Two who act on it at once: the one whose conditional update changes the row goes on.
    claimed_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ("-pk",)
        verbose_name: ClassVar = "subscription at Graph"
        verbose_name_plural: ClassVar = "at Graph"
        indexes: ClassVar = [models.Index(fields=("look", "state"), name="sighting_by_state")]

    def __str__(self) -> str:
        return f"{self.graph_id or 'not at Graph'}: {self.resource}"
