"""From when to when the webhook was there to answer."""

from django.db import models


class UptimeSpan(models.Model):
    """A time in which at least one web process gave signs of life without a longer break.

    Of several processes that wake up after the same break, the first writes the span that follows it.
    """

    began_at = models.DateTimeField()
    last_at = models.DateTimeField(db_index=True)
    follows = models.OneToOneField("self", on_delete=models.SET_NULL, null=True, related_name="followed_by")

    class Meta:
        ordering = ("-last_at",)

    def __str__(self) -> str:
        return f"{self.began_at:%Y-%m-%d %H:%M} to {self.last_at:%Y-%m-%d %H:%M} UTC"
