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

NOT_PUBLISHED = "No page names the change types: the sandbox takes all three."
NO_LIFE = "The table of lifetimes leaves it out: the sandbox takes that of its neighbours in Teams."
SHIFTS = (
    "offerShiftRequests",
    "openShiftChangeRequests",
    "shifts",
    "swapShiftsChangeRequests",
    "timeOffRequests",
)
# Where the sandbox's table and the product's catalogue, written apart from one another, differ on purpose.
EXPLAINED: dict[tuple[str, str], str] = {
    ("/groups/{group-id}/conversations", "change_types"): NOT_PUBLISHED,
    ("/security/alerts/{alert-id}", "change_types"): NOT_PUBLISHED,
    ("/security/alerts/?$filter={filter}", "change_types"): NOT_PUBLISHED,
    ("/me/todo/lists/{todoTaskList-id}/tasks", "change_types"): NOT_PUBLISHED,
    ("/me/tasks/lists/{baseTaskList-id}/tasks", "change_types"): NOT_PUBLISHED,
    ("/appCatalogs/teamsApps/{teamsApp-id}/installedToChats/getAllMembers", "change_types"): NOT_PUBLISHED,
    ("/solutions/approval/approvalItems", "change_types"): NOT_PUBLISHED,
    **{(f"/teams/{{team-id}}/schedule/{name}", "change_types"): NOT_PUBLISHED for name in SHIFTS},
    ("/teams/{team-id}/channels/{channel-id}/sharedWithTeams", "longest"): NO_LIFE,
    ("/teams/{team-id}/channels/{channel-id}/sharedWithTeams", "longest_rich"): NO_LIFE,
    ("/copilot/users/{user-id}/onlineMeetings/getAllAiInsights", "longest"): NO_LIFE,
    ("/copilot/users/{user-id}/onlineMeetings/{onlineMeeting-id}/aiInsights", "longest"): NO_LIFE,
}


def _filled(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "x-1", path)


def _rule(entry: Entry) -> Rule:
    rule = rule_for(_filled(entry.path))
    assert rule is not None
    return rule


def _of_sandbox(rule: Rule) -> dict[str, object]:
    return {
        "resource_type": rule.resource_type,
        "change_types": rule.change_types,
        "is_beta_only": rule.is_beta_only,
        "rich": rule.longest_life(is_rich=True) is not None,
        "longest": rule.longest_life(is_rich=False),
        "longest_rich": rule.longest_life(is_rich=True),
        "needs_select": rule.kind.select == "required",
        "needs_lifecycle_url": rule.kind.needs_lifecycle_url,
        "delegated": rule.delegated,
        "application": rule.application,
    }


def _of_catalogue(entry: Entry) -> dict[str, object]:
    delegated, application = entry.permissions.delegated_work, entry.permissions.application
    return {
        "resource_type": entry.resource_type,
        "change_types": frozenset(entry.change_types),
        "is_beta_only": entry.is_beta_only,
        "rich": bool(entry.rich_data),
        "longest": entry.max_expiration,
        "longest_rich": entry.max_expiration_rich,
        "needs_select": entry.rich_data_requires_select,
        "needs_lifecycle_url": entry.lifecycle_url_required_after is not None,
        "delegated": None if delegated is None else frozenset(delegated),
        "application": None if application is None else frozenset(application),
    }


def test_the_rules_and_the_catalogue_differ_only_where_that_is_explained() -> None:
    differing = {
        (entry.path, name)
        for entry in entries()
        for name, said in _of_sandbox(_rule(entry)).items()
        if said != _of_catalogue(entry)[name]
    }

    assert differing == EXPLAINED.keys()


def test_no_rule_is_about_what_the_catalogue_does_not_know() -> None:
    assert {_rule(entry) for entry in entries()} == set(RULES)


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
