"""The audit log of erasing: whose content was erased on purpose, when and by whom."""

from typing import ClassVar

from django.db import models


class ContentErasure(models.Model):
    """One erasing of content. Rows are only ever added."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=200, help_text="The user, or the command and who ran it.")
    selection = models.TextField(help_text="Which ones, in words.")
    notifications_count = models.PositiveBigIntegerField("notifications", default=0)
    deliveries_count = models.PositiveBigIntegerField(
        "deliveries", default=0, help_text="How many lost their body with it."
    )
    held_count = models.PositiveBigIntegerField(
        "left", default=0, help_text="How many a legal hold kept from being erased."
    )

    class Meta:
        ordering = ("-pk",)
        verbose_name: ClassVar = "erasing of content"
        verbose_name_plural: ClassVar = "erasings of content"
        permissions: ClassVar = [("erase_content", "Can erase the content of notifications for good")]

    def __str__(self) -> str:
        return f"{self.pk}: {self.actor}"
