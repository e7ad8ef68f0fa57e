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


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("364fd576-9fad-4584-ae1a-a8f24c98d63e", "364fd5\u2026d63e"),
        ("teams('f45ad834-2909-48f1-90ad-24a83a85190a')", "teams('f45ad8\u2026190a')"),
        ("users/f45ad834-2909-48f1-90ad-24a83a85190a/messages/1", "users/f45ad8\u2026190a/messages/1"),
        ("messages('1795478500191')", "messages('1795478500191')"),
        (
            "copilot/interactionHistory/getAllEnterpriseInteractions",
            "copilot/interactionHistory/getAllEnterpriseInteractions",
        ),
        ("", ""),
    ],
)
def test_long_ids_lose_their_middle_and_graphs_own_names_stay(text: str, short: str) -> None:
    assert words.shortened(text) == short


def test_a_path_in_short_keeps_the_whole_for_who_asks_and_is_escaped() -> None:
    html = words.path_in_short("users/<b>/messages/f45ad834-2909-48f1-90ad-24a83a85190a")

    assert 'title="users/&lt;b&gt;/messages/f45ad834-2909-48f1-90ad-24a83a85190a"' in html
    assert "users/<wbr>&lt;b&gt;/<wbr>messages/<wbr>f45ad8\u2026190a<wbr></span>" in html
