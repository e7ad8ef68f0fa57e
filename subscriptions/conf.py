"""The settings of this app as one checked value; the only module here that reads `django.conf.settings`."""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

NOTIFICATIONS_PATH = "/webhooks/graph/notifications"
LIFECYCLE_PATH = "/webhooks/graph/lifecycle"


class AlertWebhookFormat(StrEnum):
    """What the receiver of the alert webhook understands."""

    JSON = "json"
    SLACK = "slack"
    TEAMS = "teams"


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What the operator decided."""

    public_base_url: str
    public_address_check: bool
    field_encryption_keys: tuple[str, ...] = field(repr=False)
    custom_graph_url: str
    custom_login_url: str
    custom_ca_bundle: Path | None
    change_tracking_app_ids: frozenset[str]
    # Whoever knows these addresses may write to them: they are secrets.
    alert_webhook_url: str = field(repr=False)
    alert_webhook_format: str
    renewal_heartbeat_url: str = field(repr=False)

    def __post_init__(self) -> None:
        """Check what belongs together.

        Raises:
            ImproperlyConfigured: says which setting and what to do.

        """
        if bool(self.custom_graph_url) != bool(self.custom_login_url):
            raise ImproperlyConfigured("Set CUSTOM_GRAPH_URL and CUSTOM_LOGIN_URL together.")
        for name, url in (("GRAPH", self.custom_graph_url), ("LOGIN", self.custom_login_url)):
            if url and not url.startswith("https://"):
                raise ImproperlyConfigured(f"CUSTOM_{name}_URL must begin with https://.")
        if self.custom_ca_bundle and not self.custom_ca_bundle.is_file():
            raise ImproperlyConfigured(
                f"CUSTOM_CA_BUNDLE names {self.custom_ca_bundle}, which is not a file."
            )
        if not self.change_tracking_app_ids:
            raise ImproperlyConfigured("CHANGE_TRACKING_APP_IDS must name at least one application id.")
        _require_web_address("ALERT_WEBHOOK_URL", self.alert_webhook_url)
        _require_web_address("RENEWAL_HEARTBEAT_URL", self.renewal_heartbeat_url)
        if self.alert_webhook_format not in list(AlertWebhookFormat):
            raise ImproperlyConfigured(
                f"ALERT_WEBHOOK_FORMAT must be one of {', '.join(AlertWebhookFormat)}."
            )

    @property
    def notification_url(self) -> str:
        """Where Graph sends change notifications."""
        return self.public_base_url + NOTIFICATIONS_PATH

    @property
    def lifecycle_notification_url(self) -> str:
        """Where Graph sends lifecycle notifications."""
        return self.public_base_url + LIFECYCLE_PATH


@cache
def configuration() -> Configuration:
    """Return the settings of this process.

    Raises:
        ImproperlyConfigured: a value is missing or does not fit the others.

    """
    return Configuration(
        public_base_url=settings.PUBLIC_BASE_URL,
        public_address_check=settings.PUBLIC_ADDRESS_CHECK,
        field_encryption_keys=tuple(settings.FIELD_ENCRYPTION_KEYS),
        custom_graph_url=settings.CUSTOM_GRAPH_URL.rstrip("/"),
        custom_login_url=settings.CUSTOM_LOGIN_URL.rstrip("/"),
        custom_ca_bundle=Path(settings.CUSTOM_CA_BUNDLE) if settings.CUSTOM_CA_BUNDLE else None,
        change_tracking_app_ids=frozenset(app_id.lower() for app_id in settings.CHANGE_TRACKING_APP_IDS),
        alert_webhook_url=settings.ALERT_WEBHOOK_URL,
        alert_webhook_format=settings.ALERT_WEBHOOK_FORMAT,
        renewal_heartbeat_url=settings.RENEWAL_HEARTBEAT_URL,
    )


def mail_reaches_somebody() -> bool:
    """Say whether there is somebody to tell by e-mail, and a server to do it."""
    return bool(settings.ADMINS) and not settings.EMAIL_BACKEND.endswith("dummy.EmailBackend")


def _require_web_address(name: str, url: str) -> None:
    """Refuse what cannot be called; the text does not repeat the address, which is a secret."""
    if not url:
        return
    try:
        parts = urlsplit(url)
        is_fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_fine = False
    if not is_fine:
        raise ImproperlyConfigured(f"{name} must be an address that begins with https:// (or http://).")


def _forget(**_: Any) -> None:
    configuration.cache_clear()


# Tests override settings; the cached value must follow.
setting_changed.connect(_forget)
