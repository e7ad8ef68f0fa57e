"""How many notifications came when, of which workload and in which state, for charts that read no notification."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from notifications.models.change_notification import ChangeNotification


class NotificationCountQuerySet(models.QuerySet["NotificationCount"]):
    """Named filters."""

    def between(self, since: datetime, until: datetime) -> "NotificationCountQuerySet":
        """Keep what was received from `since` on and before `until`."""
        return self.filter(began_at__gte=since, began_at__lt=until)


class NotificationCount(models.Model):
    """Notifications received in the five minutes, or long ago the hour, from `began_at` on; rows of the same add up.

    Whoever stores or deletes only adds a row, so that nobody waits for a counter; a worker sums them up afterwards.
    """

    began_at = models.DateTimeField()
    workload = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=8, choices=ChangeNotification.State.choices)
    count = models.BigIntegerField(help_text="Below zero for what was deleted since.")
    is_sum = models.BooleanField(default=False)

    objects = NotificationCountQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=("began_at",), name="notification_count_by_time"),
            models.Index(fields=("id",), name="notification_count_fresh", condition=Q(is_sum=False)),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("began_at", "workload", "state"),
                condition=Q(is_sum=True),
                name="notification_count_one_sum",
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} {self.state} from {self.began_at:%Y-%m-%d %H:%M} UTC on"
