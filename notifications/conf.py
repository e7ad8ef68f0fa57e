"""The settings of this app as one checked value; the only module here that reads `django.conf.settings`."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

# Graph repeats a delivery for up to four hours; a copy that comes later than this is a new change.
# Source: change-notifications-delivery-webhooks.md (2026-04-22).
DUPLICATE_WINDOW = timedelta(hours=6)
# Graph sends the same lifecycle notice again and again until something is done: after the ten minutes that have to lie
# between two answers to it, the same words ask anew. Source: change-notifications-lifecycle-events.md (2026-03-24).
NOTICE_DUPLICATE_WINDOW = timedelta(minutes=10)
# One POST holds far fewer in practice; a body with more items than this is not Graph's.
MAX_ITEMS = 10_000
SMALLEST_MAX_DELIVERY_BYTES = 64 * 1024
# A body in which nothing is known to us is not worth more bytes than this.
LARGEST_QUARANTINED = 256 * 1024
# What a stranger may try without end must not be guessed.
SHORTEST_METRICS_TOKEN = 20
# What Celery calls a broker, and the library that speaks to it.
BROKERS = {"amqp": "amqp", "amqps": "amqp", "redis": "redis", "rediss": "redis"}
INSTALL_CELERY = "Install it with: pip install -e '.[celery]'"


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What the operator decided."""

    embedded_worker: bool
    # It may hold a password.
    broker_url: str = field(repr=False)
    measure_endpoint: bool
    max_delivery_bytes: int
    max_quarantined_deliveries: int
    max_quarantined_bytes: int
    max_quarantined_per_minute: int
    metrics_token: str = field(repr=False)

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ImproperlyConfigured: says which setting and what to do.

        """
        if self.broker_url and urlsplit(self.broker_url).scheme not in BROKERS:
            raise ImproperlyConfigured(
                "CELERY_BROKER_URL must look like amqp://user:password@host/vhost (RabbitMQ) or redis://host/0."
            )
        if self.max_delivery_bytes < SMALLEST_MAX_DELIVERY_BYTES:
            raise ImproperlyConfigured(
                f"MAX_DELIVERY_BYTES must be at least {SMALLEST_MAX_DELIVERY_BYTES}: "
                "Graph groups notifications in one POST."
            )
        if self.max_quarantined_deliveries < 0:
            raise ImproperlyConfigured("MAX_QUARANTINED_DELIVERIES must not be negative.")
        if self.max_quarantined_bytes < LARGEST_QUARANTINED:
            raise ImproperlyConfigured(
                f"MAX_QUARANTINED_BYTES must be at least {LARGEST_QUARANTINED}, so that one body has room. "
                "To keep nothing of strangers, set MAX_QUARANTINED_DELIVERIES=0."
            )
        if self.max_quarantined_per_minute < 1:
            raise ImproperlyConfigured(
                "MAX_QUARANTINED_PER_MINUTE must be at least 1. "
                "To keep nothing of strangers, set MAX_QUARANTINED_DELIVERIES=0."
            )
        if 0 < len(self.metrics_token) < SHORTEST_METRICS_TOKEN:
            raise ImproperlyConfigured(
                f"METRICS_TOKEN must have at least {SHORTEST_METRICS_TOKEN} characters, or be unset."
            )


@cache
def configuration() -> Configuration:
    """Return the settings of this process.

    Raises:
        ImproperlyConfigured: a value is out of range.

    """
    return Configuration(
        embedded_worker=settings.EMBEDDED_WORKER,
        broker_url=settings.CELERY_BROKER_URL,
        measure_endpoint=settings.MEASURE_ENDPOINT,
        max_delivery_bytes=settings.MAX_DELIVERY_BYTES,
        max_quarantined_deliveries=settings.MAX_QUARANTINED_DELIVERIES,
        max_quarantined_bytes=settings.MAX_QUARANTINED_BYTES,
        max_quarantined_per_minute=settings.MAX_QUARANTINED_PER_MINUTE,
        metrics_token=settings.METRICS_TOKEN,
    )


def missing_libraries() -> str:
    """Return which library the broker needs and is not installed; nothing when all is there."""
    scheme = urlsplit(configuration().broker_url).scheme
    needed = ("celery", BROKERS[scheme]) if scheme else ()
    return " and ".join(name for name in needed if find_spec(name) is None)


def _forget(**_: Any) -> None:
    configuration.cache_clear()


# Tests override settings; the cached value must follow.
setting_changed.connect(_forget)
