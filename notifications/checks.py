"""Explains at start-up what cannot work."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.core.checks import CheckMessage, Error, Info, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from notifications import conf

START_A_WORKER = "manage.py process_notifications --loop"


@register(Tags.compatibility)
def settings_are_in_range(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Report settings of this app that are out of range."""
    del app_configs
    try:
        conf.configuration()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="notifications.E001")]
    return []


@register(Tags.compatibility, deploy=True)
def somebody_works(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Tell before deployment that the web process leaves the inbox to others."""
    del app_configs
    if settings_are_in_range(None) or conf.configuration().embedded_worker:
        return []
    start = "celery -A config worker" if conf.configuration().broker_url else START_A_WORKER
    return [
        Info(
            "EMBEDDED_WORKER is off: the web process leaves the inbox to workers.",
            hint=f"Run at least one: {start}.",
            id="notifications.I001",
        )
    ]


@register(Tags.compatibility)
def broker_can_be_used(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Report a broker that nothing here can speak to."""
    del app_configs
    if settings_are_in_range(None) or not (missing := conf.missing_libraries()):
        return []
    return [
        Error(
            f"CELERY_BROKER_URL is set, but not installed: {missing}.",
            hint=conf.INSTALL_CELERY,
            id="notifications.E002",
        )
    ]


@register(Tags.compatibility)
def hosts_share_a_database(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Warn that workers on other hosts would not find the inbox."""
    del app_configs
    if settings_are_in_range(None) or not conf.configuration().broker_url or connection.vendor != "sqlite":
        return []
    return [
        checks.Warning(
            "CELERY_BROKER_URL is set for workers on several hosts, but the database is SQLite, a file of this one.",
            hint="Set DATABASE_URL to PostgreSQL, or unset CELERY_BROKER_URL: one host needs no broker.",
            id="notifications.W001",
        )
    ]
