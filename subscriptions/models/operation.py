"""The append-only log of what was said to Graph."""

from typing import ClassVar

from django.db import models

from subscriptions.models.app_registration import AppRegistration
from subscriptions.models.subscription import Subscription


class Operation(models.Model):
    """One call to Graph: what, when, for whom, and what came back."""

    class Action(models.TextChoices):
        """What the call was for."""

        CREATE = "create", "Create"
        RENEW = "renew", "Renew"
        REAUTHORIZE = "reauthorize", "Reauthorize"
        RECREATE = "recreate", "Recreate"
        PAUSE = "pause", "Pause"
        REMOVE = "remove", "Remove"
        LOOK = "look", "Look"
        FETCH = "fetch", "Fetch content"
        RECOVER = "recover", "Catch up"
        MEND = "mend", "Mend"
        ADOPT = "adopt", "Adopt"
        TEST = "test", "Test connection"

    subscription = models.ForeignKey(
        Subscription, on_delete=models.SET_NULL, null=True, related_name="operations"
    )
    app_registration = models.ForeignKey(
        AppRegistration, on_delete=models.SET_NULL, null=True, related_name="operations"
    )
    action = models.CharField(max_length=12, choices=Action.choices)
    actor = models.CharField(max_length=200, help_text="The user, command or notification that asked for it.")
    graph_id = models.CharField("Graph's ID", max_length=64, blank=True)
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField(default=0)
    succeeded = models.BooleanField()
    status_code = models.PositiveSmallIntegerField(null=True)
    error_code = models.CharField(max_length=200, blank=True)
    message = models.TextField(blank=True)
    request_id = models.CharField("request-id", max_length=100, blank=True)

    class Meta:
        ordering = ("-pk",)
        indexes: ClassVar = [
            models.Index(fields=("subscription", "-id"), name="operation_by_subscription"),
            models.Index(fields=("-started_at",), name="operation_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.action} by {self.actor}"
