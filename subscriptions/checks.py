"""Explains at start-up what cannot work."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.http.request import validate_host

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


@register(Tags.compatibility)
def graph_is_answered_at_its_address(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Warn that Graph would be turned away, because its address is not among the hosts that are answered."""
    del app_configs
    host = urlsplit(settings.PUBLIC_BASE_URL).hostname or ""
    shown = f"[{host}]" if ":" in host else host
    if validate_host(shown, settings.ALLOWED_HOSTS) or settings.DEBUG:
        return []
    return [
        checks.Warning(
            f"ALLOWED_HOSTS does not name {shown}, the host of PUBLIC_BASE_URL: Graph would be answered with 400.",
            hint=f"Add {shown} to ALLOWED_HOSTS, unless your proxy puts another Host in its place.",
            id="subscriptions.W005",
        )
    ]


@register(Tags.security, deploy=True)
def passwords_travel_encrypted(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Warn before deployment when Graph comes by https and administrators need not."""
    del app_configs
    if settings.SECURE_SSL_REDIRECT or not settings.PUBLIC_BASE_URL.startswith("https://"):
        return []
    return [
        checks.Warning(
            "PUBLIC_BASE_URL is https, but HTTPS is off: passwords and sessions may travel unencrypted.",
            hint="Set HTTPS=1 behind a proxy that overwrites X-Forwarded-Proto. Leave it off only while trying out "
            "with a tunnel.",
            id="subscriptions.W003",
        )
    ]


@register(Tags.security, deploy=True)
def hosts_share_their_keys(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Warn before deployment when hosts that share a database would each make keys of their own."""
    del app_configs
    if not settings.GENERATED_SECRETS or _is_sqlite():
        return []
    names = " and ".join(settings.GENERATED_SECRETS)
    return [
        checks.Warning(
            f"{names} lie in {settings.VAR_DIR} of this host only, while the database serves several: another host "
            "would make keys of its own, and neither could open what the other has stored.",
            hint="Give every host the same keys: set the variables, or name files by NAME_FILE.",
            id="subscriptions.W004",
        )
    ]


@register(Tags.compatibility, deploy=True)
def one_machine_is_enough(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Tell before deployment how far SQLite goes."""
    del app_configs
    if not _is_sqlite():
        return []
    return [
        checks.Info(
            "The database is SQLite, which serves the processes of one machine and one writer at a time.",
            hint="For several hosts or a busy installation set DATABASE_URL to PostgreSQL.",
            id="subscriptions.I001",
        )
    ]


@register(Tags.compatibility, deploy=True)
def somebody_is_told(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Tell before deployment when alerts show in the admin only."""
    del app_configs
    if settings.ADMINS or settings.ALERT_WEBHOOK_URL:
        return []
    return [
        checks.Info(
            "Nobody is told when something needs a human: alerts show in the admin only.",
            hint="Set ADMINS and EMAIL_URL, or ALERT_WEBHOOK_URL.",
            id="subscriptions.I002",
        )
    ]


def _is_sqlite() -> bool:
    return str(settings.DATABASES["default"]["ENGINE"]).endswith("sqlite3")
