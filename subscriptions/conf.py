"""The settings of this app as one checked value; the only module here that reads `django.conf.settings`."""

import re
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
SIGN_IN_CLOUDS = ("global", "us_government_l4", "us_government_l5", "china", "custom")
_GUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")


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
    # The app registration with which staff sign in here; empty for local passwords only.
    sign_in_cloud: str
    sign_in_tenant_id: str
    sign_in_client_id: str
    sign_in_client_secret: str = field(repr=False)

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

        self._check_sign_in()

    def _check_sign_in(self) -> None:
        given = (self.sign_in_tenant_id, self.sign_in_client_id, self.sign_in_client_secret)
        if any(given) and not all(given):
            raise ImproperlyConfigured(
                "Set SIGN_IN_TENANT_ID, SIGN_IN_CLIENT_ID and SIGN_IN_CLIENT_SECRET together, or none of them."
            )
        for name, value in (("TENANT", self.sign_in_tenant_id), ("CLIENT", self.sign_in_client_id)):
            if value and not _GUID.fullmatch(value):
                # A name such as common would let in whoever has an account anywhere.
                raise ImproperlyConfigured(f"SIGN_IN_{name}_ID must be an ID like those that Entra shows.")
        if self.sign_in_cloud not in SIGN_IN_CLOUDS:
            raise ImproperlyConfigured(f"SIGN_IN_CLOUD must be one of {', '.join(SIGN_IN_CLOUDS)}.")
        if any(given) and self.sign_in_cloud == "custom" and not self.custom_login_url:
            raise ImproperlyConfigured("SIGN_IN_CLOUD=custom needs CUSTOM_GRAPH_URL and CUSTOM_LOGIN_URL.")

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
        sign_in_cloud=settings.SIGN_IN_CLOUD,
        sign_in_tenant_id=settings.SIGN_IN_TENANT_ID.lower(),
        sign_in_client_id=settings.SIGN_IN_CLIENT_ID.lower(),
        sign_in_client_secret=settings.SIGN_IN_CLIENT_SECRET,
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
