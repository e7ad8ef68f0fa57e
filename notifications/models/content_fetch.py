"""Resources to be read at Graph for notifications that came without their content."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from notifications.models.change_notification import ChangeNotification


class ContentFetchQuerySet(models.QuerySet["ContentFetch"]):
    """Named filters; each takes the time as `now`."""

    def due(self, now: datetime) -> "ContentFetchQuerySet":
        """Keep those whose next try has come and that no worker has in hand."""
        return self.filter(
            Q(claimed_until__isnull=True) | Q(claimed_until__lte=now),
            state=ContentFetch.State.WANTED,
            next_attempt_at__lte=now,
        )


class ContentFetch(models.Model):
    """The wish to read the resource of one notification, and what became of it."""

    class State(models.TextChoices):
        """Gone: Graph has no such item any more. Impossible: it cannot be asked for. Failed: given up after a day."""

        WANTED = "wanted", "Wanted"
        DONE = "done", "Fetched"
        GONE = "gone", "Gone"
        FORBIDDEN = "forbidden", "Forbidden"
        IMPOSSIBLE = "impossible", "Not possible"
        FAILED = "failed", "Given up"

    notification = models.OneToOneField(
        ChangeNotification, on_delete=models.CASCADE, primary_key=True, related_name="fetch"
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.WANTED)
    requested_at = models.DateTimeField()
    requested_by = models.CharField(max_length=200)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    claim = models.CharField(max_length=32, blank=True)
    claimed_until = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    outcome = models.TextField(blank=True, help_text="In words.")
    request_id = models.CharField(max_length=100, blank=True)

    objects = ContentFetchQuerySet.as_manager()

    class Meta:
        permissions: ClassVar = [
            ("fetch_content", "Can have the current state of resources fetched from Graph")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=("next_attempt_at", "notification"),
                name="content_fetch_due",
                condition=Q(state="wanted"),
            )
        ]

    def __str__(self) -> str:
        return f"Fetch for notification {self.notification_id}"
