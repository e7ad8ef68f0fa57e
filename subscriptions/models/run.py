"""When the commands that must come by themselves have run, and how they ended."""

from typing import ClassVar

from django.db import models
from django.db.models import Q


class Run(models.Model):
    """One run of a command."""

    class Outcome(models.TextChoices):
        """Running: not ended yet, or killed. Failed: something in it failed. Broken: it broke off."""

        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed in part"
        BROKEN = "broken", "Broke off"

    command = models.CharField(max_length=60)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=9, choices=Outcome.choices, default=Outcome.RUNNING)
    summary = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ("-pk",)
        indexes: ClassVar = [
            models.Index(
                fields=("command", "-finished_at"),
                name="run_ended",
                condition=Q(outcome__in=("succeeded", "failed")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.command} {self.started_at:%Y-%m-%d %H:%M} UTC"


class Turn(models.Model):
    """Who does, of all processes, what is to be done once in a while: the one that moves the time forward."""

    name = models.CharField(max_length=60, primary_key=True)
    taken_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
