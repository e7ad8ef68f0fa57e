"""Mentions: whoever is meant is found wherever they are named, and nobody else."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from notifications.models import ChangeNotification, NotificationContent
from notifications.services.holds.mentions import naming
from subscriptions.services.errors import UseCaseError

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, tzinfo=UTC)
ALL = ChangeNotification.objects
Make = Callable[..., ChangeNotification]


@pytest.fixture
def make() -> Make:
    """Return a function that saves a notification with content."""

    def save(*, data: Any = None, **changes: Any) -> ChangeNotification:
        times = dict.fromkeys(("received_at", "last_received_at", "processed_at"), NOW)
        notification = ALL.create(
            **times, **{"state": "accepted", "resource": "users/u/messages/m", **changes}
        )
        NotificationContent.objects.create(notification=notification, data=data or {}, opened_at=NOW)
        return notification

    return save


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"from": [{"address": "Zoe@Contoso.example"}]}},
        {"resource": "users/zoe@contoso.example/messages/m"},
        {"resource_data": {"user": "zoe@contoso.example"}},
    ],
)
def test_a_person_is_found_wherever_it_is_named(make: Make, changes: dict[str, Any]) -> None:
    named = make(**changes)
    make()

    assert list(ALL.filter(naming(" zoe@contoso.example "))) == [named]


@pytest.mark.parametrize("text", ['Zoë "Z" Ångström', "100%_sure"])
def test_names_are_found_as_they_are_spelled(make: Make, text: str) -> None:
    named = make(data={"name": text})
    make(data={"name": "100 x sure"})

    assert list(ALL.filter(naming(text))) == [named]


@pytest.mark.parametrize("text", ["", "zoe", "   a   ", "x" * 501, "zoe\0contoso"])
def test_a_text_that_means_nobody_is_refused(text: str) -> None:
    with pytest.raises(UseCaseError, match="Enter an ID or address"):
        naming(text)
