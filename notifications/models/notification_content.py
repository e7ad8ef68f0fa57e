"""Resource data, apart from the list: its own permission, audit and retention."""

from typing import ClassVar

from django.db import models

from notifications.models.change_notification import ChangeNotification


class NotificationContent(models.Model):
    """The decrypted content of one notification."""

    notification = models.OneToOneField(
        ChangeNotification, on_delete=models.CASCADE, primary_key=True, related_name="content"
    )
    data = models.JSONField()
    encryption_certificate_id = models.CharField(max_length=255, blank=True)
    opened_at = models.DateTimeField()

    class Meta:
        verbose_name: ClassVar = "notification content"
        verbose_name_plural: ClassVar = "notification contents"

    def __str__(self) -> str:
        return f"Content of notification {self.notification_id}"
