"""The settings of the notification side."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django.fixtures import Settings

from notifications import conf


def test_a_changed_setting_is_seen(settings: Settings) -> None:
    settings.MAX_DELIVERY_BYTES = conf.SMALLEST_MAX_DELIVERY_BYTES

    assert conf.configuration().max_delivery_bytes == conf.SMALLEST_MAX_DELIVERY_BYTES


def test_eight_megabytes_are_taken_by_default() -> None:
    assert conf.configuration().max_delivery_bytes == 8 * 1024 * 1024


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_DELIVERY_BYTES", conf.SMALLEST_MAX_DELIVERY_BYTES - 1),
        ("MAX_DELIVERY_BYTES", 0),
        ("MAX_QUARANTINED_DELIVERIES", -1),
        ("MAX_QUARANTINED_BYTES", conf.LARGEST_QUARANTINED - 1),
        ("MAX_QUARANTINED_PER_MINUTE", 0),
        ("CELERY_BROKER_URL", "http://user:password@broker.example.org"),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_name(name: str, value: int, settings: Settings) -> None:
    setattr(settings, name, value)

    with pytest.raises(ImproperlyConfigured, match=name):
        conf.configuration()


def test_repetitions_are_known_for_longer_than_graph_tries() -> None:
    assert conf.DUPLICATE_WINDOW.total_seconds() > 4 * 3600


def test_the_address_of_the_broker_is_not_shown(settings: Settings) -> None:
    settings.CELERY_BROKER_URL = "amqp://user:password@broker.example.org"

    assert "password" not in repr(conf.configuration())
