"""Registers the app with Django."""

from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    """What we ask of Graph."""

    name = "subscriptions"
    verbose_name = "Microsoft Graph subscriptions"

    def ready(self) -> None:
        """Register the system checks."""
        from subscriptions import checks  # noqa: F401
