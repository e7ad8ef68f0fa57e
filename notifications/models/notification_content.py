"""Resource data, apart from the list: its own permission, audit and retention."""

from typing import ClassVar

from django.db import models

from notifications.models.change_notification import ChangeNotification
from notifications.models.indexes import ValueIndex


class NotificationContent(models.Model):
    """The resource data of one notification: what came with it, or the resource as it was found later."""

    class Source(models.TextChoices):
        """Where it is from; only what came with the notification is the state at the time of the change."""

        NOTIFICATION = "notification", "Came with the notification"
        FETCHED = "fetched", "Fetched from Graph later"
        DELTA = "delta", "From a delta query"

    notification = models.OneToOneField(
        ChangeNotification, on_delete=models.CASCADE, primary_key=True, related_name="content"
    )
    data = models.JSONField()
    encryption_certificate_id = models.CharField(max_length=255, blank=True)
    source = models.CharField(max_length=12, choices=Source.choices, default=Source.NOTIFICATION)
    opened_at = models.DateTimeField(help_text="When it was decrypted or fetched.")

    class Meta:
        verbose_name: ClassVar = "notification content"
        verbose_name_plural: ClassVar = "notification contents"
        indexes: ClassVar = [ValueIndex(fields=("data",), name="content_by_value")]

    def __str__(self) -> str:
        return f"Content of notification {self.notification_id}"
