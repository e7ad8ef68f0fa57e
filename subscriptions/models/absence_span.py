"""From when to when nobody answered at our address, whoever noticed it."""

from django.db import models


class AbsenceSpan(models.Model):
    """Nobody answered from `left_at` to `returned_at`; changes since `lost_since` may have been lost by it."""

    left_at = models.DateTimeField()
    returned_at = models.DateTimeField(db_index=True)
    lost_since = models.DateTimeField()

    class Meta:
        ordering = ("-returned_at", "-pk")

    def __str__(self) -> str:
        return f"away {self.left_at:%Y-%m-%d %H:%M} to {self.returned_at:%Y-%m-%d %H:%M} UTC"
