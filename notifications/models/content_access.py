"""The audit log of content: who read or exported what was decrypted, when and which."""

from typing import ClassVar

from django.db import models

from notifications.models.change_notification import ChangeNotification


class ContentAccess(models.Model):
    """One reading of content. Rows are only ever added; what they speak of may be erased, they stay."""

    class Way(models.TextChoices):
        """How the content was reached."""

        PAGE = "page", "Page of a notification"
        EXPORT = "export", "Export"
        API = "api", "API"
        LIST = "list", "List of notifications"
        SEARCH = "search", "Search in content"

    at = models.DateTimeField()
    actor = models.CharField(max_length=200, help_text="The user, or the command and who ran it.")
    way = models.CharField(max_length=6, choices=Way.choices)
    notification = models.ForeignKey(
        ChangeNotification,
        on_delete=models.SET_NULL,
        null=True,
        related_name="content_accesses",
        help_text="Empty where many were read at once.",
    )
    selection = models.TextField(blank=True, help_text="Which ones, in words.")
    count = models.PositiveBigIntegerField(
        default=1, help_text="How many notifications were read with content."
    )

    class Meta:
        ordering = ("-pk",)
        verbose_name: ClassVar = "reading of content"
        verbose_name_plural: ClassVar = "readings of content"

    def __str__(self) -> str:
        return f"{self.pk}: {self.actor}"
