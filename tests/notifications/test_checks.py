"""What is explained at start-up."""

import sys

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from pytest_django.fixtures import Settings

from notifications import checks
from notifications.services import engine


@pytest.mark.parametrize(("embedded", "ids"), [(True, []), (False, ["notifications.I001"])])
def test_an_inbox_left_to_workers_is_mentioned(settings: Settings, embedded: bool, ids: list[str]) -> None:
    settings.EMBEDDED_WORKER = embedded

    assert [one.id for one in checks.somebody_works(None)] == ids


def test_a_value_out_of_range_is_an_error_and_told_once(settings: Settings) -> None:
    settings.EMBEDDED_WORKER = False
    settings.MAX_DELIVERY_BYTES = 1

    assert [one.id for one in checks.settings_are_in_range(None)] == ["notifications.E001"]
    assert checks.somebody_works(None) == []


def test_an_inbox_left_to_workers_is_mentioned_with_the_command_that_starts_one(settings: Settings) -> None:
    assert "process_notifications --loop" in str(checks.somebody_works(None)[0].hint)

    settings.CELERY_BROKER_URL = "amqp://broker.example.org"

    assert "celery -A config worker" in str(checks.somebody_works(None)[0].hint)


@pytest.mark.parametrize(
    ("url", "library"),
    [("amqp://broker.example.org", "celery and amqp"), ("redis://broker.example.org/0", "celery and redis")],
    ids=["rabbitmq", "redis"],
)
def test_a_broker_without_its_library_is_an_error_and_stops_a_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, url: str, library: str
) -> None:
    settings.CELERY_BROKER_URL = url
    assert checks.broker_can_be_used(None) == []
    # Nothing is installed, and nothing is loaded.
    monkeypatch.setattr(sys, "path", [])
    for name in {"celery", "amqp", "redis"} & set(sys.modules):
        monkeypatch.delitem(sys.modules, name)

    [found] = checks.broker_can_be_used(None)

    assert (found.id, library in found.msg) == ("notifications.E002", True)
    assert "pip install -e '.[celery]'" in str(found.hint)
    with pytest.raises(ImproperlyConfigured, match=library):
        engine.start()


def test_a_broker_for_several_hosts_beside_a_database_of_one_is_warned_of(settings: Settings) -> None:
    assert checks.hosts_share_a_database(None) == []

    settings.CELERY_BROKER_URL = "redis://broker.example.org/0"

    found = [one.id for one in checks.hosts_share_a_database(None)]
    assert found == (["notifications.W001"] if connection.vendor == "sqlite" else [])


def test_celery_without_a_broker_says_what_to_do_instead() -> None:
    with pytest.raises(ImproperlyConfigured, match="process_notifications --loop"):
        engine.celery_application()
