"""The table of resources, and that whatever can be watched can also change."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from subscriptions.catalogue import Entry, entries
from subscriptions.sandbox import contents
from subscriptions.sandbox.paths import canonical
from subscriptions.sandbox.places import Places
from subscriptions.sandbox.rules import RULES, Rule, rule_for
from subscriptions.sandbox.tenants import Tenants
from subscriptions.sandbox.world import World


def _filled(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "x-1", path)


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.path)
def test_the_rule_for_each_catalogued_resource_says_what_the_catalogue_says(entry: Entry) -> None:
    rule = rule_for(_filled(entry.path))

    assert rule is not None
    assert rule.resource_type == entry.resource_type
    assert rule.change_types == frozenset(entry.change_types or ("created", "updated", "deleted"))
    assert (rule.longest_life(is_rich=True) is not None) == bool(entry.rich_data)
    assert (rule.kind.select == "required") == entry.rich_data_requires_select
    for is_rich, published in ((False, entry.max_expiration), (True, entry.max_expiration_rich)):
        assert published is None or rule.longest_life(is_rich=is_rich) == published
    for own, names in (
        (rule.delegated, entry.permissions.delegated_work),
        (rule.application, entry.permissions.application),
    ):
        assert own == (None if names is None else frozenset(names))


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        ("Users('U')/MailFolders('Inbox')/Messages", "users/{}/mailFolders/{}/messages"),
        ("me/messages?$filter=a/b eq 'c'", "users/{}/messages"),
        ("/chats/getAllMessages()", "chats/getAllMessages"),
        ("/teams/getAllChannels/getAllMembers", "teams/getAllChannels/getAllMembers"),
        (
            "communications/onlineMeetings(joinWebUrl='https%253A%252F%252Fx%252Fy')/meetingCallEvents",
            "communications/onlineMeetings/{}/meetingCallEvents",
        ),
        (
            "/solutions/virtualEvents/events/getEventsFromOrganizers(organizerIds=['a','b'])",
            "solutions/virtualEvents/events/getEventsFromOrganizers/{}",
        ),
    ],
)
def test_the_spellings_of_a_path_find_one_rule(resource: str, path: str) -> None:
    rule = rule_for(resource)

    assert rule is not None
    assert rule.path == path


@pytest.mark.parametrize("resource", ["", "/", "/users/U/messages/M", "/kitchens", "users/U/mailFolders"])
def test_what_cannot_be_watched_has_no_rule(resource: str) -> None:
    assert rule_for(resource) is None


def test_a_query_option_may_select_another_rule() -> None:
    plain, flagged = rule_for("/chats/C"), rule_for("/chats/C?notifyOnUserSpecificProperties=true")

    assert plain is not None
    assert flagged is not None
    assert plain.change_types == frozenset({"updated"})
    assert flagged.change_types == frozenset({"created", "updated"})


def test_lifetimes_are_the_published_ones() -> None:
    mail = rule_for("/users/U/messages")

    assert mail is not None
    assert mail.longest_life(is_rich=False) == timedelta(days=7)
    assert mail.longest_life(is_rich=True) == timedelta(days=1)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.path} {rule.query_flag}")
@pytest.mark.parametrize("change_type", ["created", "updated"])
def test_whatever_is_watched_hears_of_a_change_at_its_own_path(rule: Rule, change_type: str) -> None:
    places = Places(team_id="T", channel_id="C", chat_id="H", meeting_id="M", user_id="U")
    world = World(Tenants(), places)
    watched = canonical(rule.path.format(*(f"id{number}" for number in range(5))))

    item = world.locate(watched, change_type, tenant_id="t")

    assert item.is_seen_at(watched)
    assert contents.plausible(item, datetime.now(UTC))
