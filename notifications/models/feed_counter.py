"""The last place that was given in the feed of notifications."""

from django.db import models


class FeedCounter(models.Model):
    """One row. Whoever gives places holds it, so that places are given in one order."""

    last_number = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"Feed up to {self.last_number}"
