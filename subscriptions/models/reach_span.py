"""From when to when our public address was, or was not, reached by a check from here."""

from django.db import models


class ReachSpan(models.Model):
    """Checks that followed each other and ended alike: `began_at` is the time of the first, `last_at` of the last.

    Of several runs that see the change at once, the first writes the span that follows.
    """

    is_reachable = models.BooleanField()
    began_at = models.DateTimeField()
    last_at = models.DateTimeField(db_index=True)
    checks = models.PositiveIntegerField(default=1)
    problem = models.TextField(blank=True, help_text="What Graph would not accept, and what to do about it.")
    follows = models.OneToOneField("self", on_delete=models.SET_NULL, null=True, related_name="followed_by")

    class Meta:
        ordering = ("-last_at", "-pk")

    def __str__(self) -> str:
        outcome = "reachable" if self.is_reachable else "not reachable"
        return f"{outcome} {self.began_at:%Y-%m-%d %H:%M} to {self.last_at:%Y-%m-%d %H:%M} UTC"
