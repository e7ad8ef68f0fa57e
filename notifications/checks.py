"""Explains at start-up what cannot work."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Info, Tags, register
from django.core.exceptions import ImproperlyConfigured

from notifications import conf


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
    return [
        Info(
            "EMBEDDED_WORKER is off: the web process leaves the inbox to workers.",
            hint="Run at least one: manage.py process_notifications --loop.",
            id="notifications.I001",
        )
    ]
