"""What is shown is said in words, for every reason and every state."""

import pytest

from notifications.admin import words
from notifications.errors import Reason
from notifications.models import ChangeNotification, Delivery


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_explained(reason: Reason) -> None:
    assert words.reason_in_words(reason).endswith(".")


def test_an_unknown_reason_is_shown_as_it_is() -> None:
    assert words.reason_in_words("brand_new") == "brand_new"


@pytest.mark.parametrize("state", ChangeNotification.State.values)
@pytest.mark.parametrize("event", ["reauthorizationRequired", "subscriptionRemoved", "missed", "news", ""])
def test_every_state_and_event_makes_a_sentence(state: str, event: str) -> None:
    notification = ChangeNotification(state=state, lifecycle_event=event)

    assert words.summary(notification)[0].isupper()
    assert words.summary(notification).endswith(".")
    assert words.state_badge(notification)


@pytest.mark.parametrize("state", Delivery.State.values)
def test_every_state_of_a_delivery_has_a_badge(state: str) -> None:
    assert Delivery.State(state).label in words.delivery_badge(Delivery(state=state))


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"change_type": "created", "resource_type": "#Microsoft.Graph.Message"}, "created \u00b7 Message"),
        ({"change_type": "created"}, "created"),
        ({"lifecycle_event": "missed"}, "missed"),
        ({}, "item"),
    ],
)
def test_what_happened_is_told_by_what_is_known(facts: dict[str, str], said: str) -> None:
    assert words.what_happened(ChangeNotification(**facts)) == said
