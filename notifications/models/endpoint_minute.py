"""How fast the webhook answered, minute by minute."""

from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models

# Each column counts the answers that took longer; Graph looks at the last two.
LIMITS = {
    "over_100_ms": timedelta(milliseconds=100),
    "over_300_ms": timedelta(milliseconds=300),
    "over_1_s": timedelta(seconds=1),
    "over_3_s": timedelta(seconds=3),
    "over_10_s": timedelta(seconds=10),
}


class EndpointMinuteQuerySet(models.QuerySet["EndpointMinute"]):
    """Named filters; each takes the time as `now`."""

    def within(self, span: timedelta, *, now: datetime) -> "EndpointMinuteQuerySet":
        """Keep the minutes of the last `span`, the one that has begun included."""
        return self.filter(minute__gt=now - span, minute__lte=now)


class EndpointMinute(models.Model):
    """The answers of one minute, of all web processes together."""

    minute = models.DateTimeField(primary_key=True, help_text="Its beginning.")
    answers = models.PositiveIntegerField(default=0)
    over_100_ms = models.PositiveIntegerField("over 100 ms", default=0)
    over_300_ms = models.PositiveIntegerField("over 300 ms", default=0)
    over_1_s = models.PositiveIntegerField("over 1 s", default=0)
    over_3_s = models.PositiveIntegerField("over 3 s", default=0)
    over_10_s = models.PositiveIntegerField("over 10 s", default=0)
    dropped = models.PositiveIntegerField(
        "dropped", default=0, help_text="Deliveries with nothing of ours in them for which there was no room."
    )

    objects = EndpointMinuteQuerySet.as_manager()

    class Meta:
        ordering = ("-minute",)
        verbose_name: ClassVar = "minute of the webhook"
        verbose_name_plural: ClassVar = "speed of the webhook"

    def __str__(self) -> str:
        return f"{self.minute:%Y-%m-%d %H:%M} UTC"
