"""Registers the app with Django."""

import gc

from django.apps import AppConfig
from django.db.models.signals import post_migrate

# What is in hand are thousands of small objects that live until they are written. As often as Python looks for cycles
# by itself, a worker would spend a thirtieth of its time on looking through all objects of the process for none.
OBJECTS_BETWEEN_COLLECTIONS = 50_000


class NotificationsConfig(AppConfig):
    """What Graph tells us."""

    name = "notifications"
    verbose_name = "Change notifications"

    def ready(self) -> None:
        """Register the system checks, the roles, and what the layers below ask of the inbox; collect seldom."""
        gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
        from notifications import checks  # noqa: F401
        from notifications.services import engine, roles
        from notifications.services.holds import held
        from notifications.services.processing import lacking_keys
        from notifications.services.watching import alert_checks
        from subscriptions.services import certificate_needs, deletion, renewal_run

        certificate_needs.register(lacking_keys.need_of)
        deletion.register(held.objections)
        alert_checks.register()
        renewal_run.register_helpers(engine.share_renewal)
        # The last of our apps to be migrated, so the permissions of all are there.
        post_migrate.connect(roles.create_roles, sender=self)
