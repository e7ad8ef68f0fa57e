"""Registers the app with Django."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """What Graph tells us."""

    name = "notifications"
    verbose_name = "Change notifications"

    def ready(self) -> None:
        """Register the system checks."""
        from notifications import checks  # noqa: F401
