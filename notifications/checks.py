"""Explains at start-up what cannot work."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register
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
