"""Registers the app with Django."""

from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    """What we ask of Graph."""

    name = "subscriptions"
    verbose_name = "Microsoft Graph subscriptions"

    def ready(self) -> None:
        """Register the system checks, and those of the watch."""
        from subscriptions import checks  # noqa: F401
        from subscriptions.services.alerts import standard

        standard.register_all()
