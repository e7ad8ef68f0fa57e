"""Explains at start-up what cannot work."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from subscriptions import conf


@register(Tags.compatibility)
def settings_fit_together(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Report settings of this app that contradict each other."""
    del app_configs
    try:
        conf.configuration()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="subscriptions.E001")]
    return []


@register(Tags.compatibility)
def mail_can_be_sent(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Warn when somebody is to be told by e-mail and no server is named."""
    del app_configs
    if not settings.ADMINS or not settings.EMAIL_BACKEND.endswith("dummy.EmailBackend"):
        return []
    return [
        checks.Warning(
            "ADMINS is set, but no mail server is: nobody is told by e-mail.",
            hint="Set EMAIL_URL, for example smtp+tls://user:password@mail.example.org:587.",
            id="subscriptions.W002",
        )
    ]


@register(Tags.security, deploy=True)
def graph_can_reach_us(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Warn before deployment when Graph has no address to call."""
    del app_configs
    if settings_fit_together(None) or conf.configuration().public_base_url.startswith("https://"):
        return []
    return [
        checks.Warning(
            "PUBLIC_BASE_URL is not an https address, so Graph cannot deliver anything.",
            hint="Set it to the address under which the internet reaches this application.",
            id="subscriptions.W001",
        )
    ]
