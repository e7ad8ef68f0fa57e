"""How much each subscription usually has to say, learnt from what it has said."""

from typing import ClassVar

from django.db import models

from subscriptions.models import Subscription


class Traffic(models.Model):
    """One row for each subscription that was ever heard of; a memory of weeks, not a log."""

    subscription = models.OneToOneField(
        Subscription, on_delete=models.CASCADE, primary_key=True, related_name="traffic"
    )
    since_at = models.DateTimeField(help_text="When it was first heard of.")
    last_at = models.DateTimeField(help_text="When it was last heard of, to some minutes.")
    notifications = models.PositiveBigIntegerField(default=0)
    longest_pause = models.DurationField(help_text="Between two notifications in the present period.")
    former_longest_pause = models.DurationField(help_text="In the period before.")
    period_began_at = models.DateTimeField()
    silent_at = models.DateTimeField(
        null=True, help_text="From when on its silence is out of the ordinary. Empty: too little is known."
    )
    # How far the notifications are read.
    last_notification = models.BigIntegerField(db_index=True)

    class Meta:
        verbose_name_plural: ClassVar = "traffic"
        indexes: ClassVar = [models.Index(fields=("silent_at",), name="traffic_silent")]

    def __str__(self) -> str:
        return f"Traffic of subscription {self.subscription_id}"
