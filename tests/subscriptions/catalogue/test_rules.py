"""Each of Graph's rules, broken once and kept once."""

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from subscriptions.catalogue import Entry, entries
from subscriptions.catalogue.rules import Problem, Wish, check

USER = "5d8f3c1e-7a0b-4f1d-9e55-2b1c0d5b7a11"
MAIL = f"/users/{USER}/messages"
CHAT_MESSAGES = "/chats/19:Ab-cD1@thread.v2/messages"
PRESENCE = f"/communications/presences/{USER}"
MEETING = "/communications/onlineMeetings(joinWebUrl='https%253A%252F%252Fx')/meetingCallEvents"
EMERGENCY = "/communications/calls/getEmergencyEventsByPolicy(policyName='Global')"
INSIGHTS = f"/copilot/users/{USER}/onlineMeetings/getAllAiInsights"
ALL_CHANNEL_MEMBERS = "/teams/getAllChannels/getAllMembers"

RICH = {"include_resource_data": True}
UPDATED = {"change_type": "updated"}
WORK = {"access": "delegated_work"}
PERSONAL = {"access": "delegated_personal"}
BETA = {"api_version": "beta"}


def make_wish(**changes: Any) -> Wish:
    wish = Wish(
        resource=MAIL,
        change_type="created",
        include_resource_data=False,
        api_version="v1.0",
        lifetime=None,
        has_lifecycle_url=True,
        access="application",
        cloud="global",
    )
    return dataclasses.replace(wish, **changes)


def minutes(number: int) -> dict[str, timedelta]:
    return {"lifetime": timedelta(minutes=number)}


def rules_of(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.rule for problem in problems]


ERRORS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    # rule, field, a wish that breaks it, the change that mends it
    (
        "resource_malformed",
        "resource",
        {"resource": "https://graph.microsoft.com/v1.0/users"},
        {"resource": MAIL},
    ),
    ("resource_unfilled", "resource", {"resource": "/users/{user-id}/messages"}, {"resource": MAIL}),
    ("resource_unfilled", "resource", {"resource": "/users/{id}/messages"}, {"resource": MAIL}),
    (
        "resource_unfilled",
        "resource",
        {"resource": "/communications/callRecords?$filter={filter}"},
        {"resource": "/communications/callRecords?$filter=x eq 'y'"},
    ),
    (
        "cloud_lacks_resource",
        "resource",
        {"resource": PRESENCE, "cloud": "china"} | UPDATED | WORK,
        {"cloud": "global"},
    ),
    (
        "cloud_lacks_resource",
        "resource",
        {"resource": PRESENCE, "cloud": "us_government_l4"} | UPDATED | WORK,
        {"cloud": "custom"},
    ),
    (
        "cloud_lacks_resource",
        "resource",
        {"resource": "/me/todo/lists/1/tasks", "cloud": "us_government_l5"} | WORK,
        {"cloud": "global"},
    ),
    ("me_needs_a_user", "resource", {"resource": "/me/messages"}, WORK),
    ("me_needs_a_user", "resource", {"resource": "ME?$select=id"} | UPDATED, WORK),
    ("delegated_only", "resource", {"resource": PRESENCE} | UPDATED, WORK),
    ("delegated_only", "resource", {"resource": "/chats/1?notifyOnUserSpecificProperties=true"}, WORK),
    ("application_only", "resource", {"resource": "/chats/getAllMessages"} | WORK, {"access": "application"}),
    (
        "application_only",
        "resource",
        {"resource": "/chats/getAllMessages"} | PERSONAL,
        {"access": "application"},
    ),
    ("work_account_only", "resource", {"resource": CHAT_MESSAGES} | PERSONAL, WORK),
    (
        "change_type_unknown",
        "change_type",
        {"change_type": "created,changed"},
        {"change_type": "created, updated"},
    ),
    ("change_type_unknown", "change_type", {"change_type": "Created"}, {"change_type": "created"}),
    ("change_type_unknown", "change_type", {"change_type": ""}, {"change_type": "deleted"}),
    ("change_type_repeated", "change_type", {"change_type": "created, created"}, {"change_type": "created"}),
    ("directory_without_created", "change_type", {"resource": "/users"}, {"change_type": "updated,deleted"}),
    (
        "directory_without_created",
        "change_type",
        {"resource": "/groups/1/members"},
        {"change_type": "deleted"},
    ),
    (
        "drive_and_list_updated_only",
        "change_type",
        {"resource": "/drives/1/root", "change_type": "updated,deleted"},
        UPDATED,
    ),
    ("drive_and_list_updated_only", "change_type", {"resource": "/sites/1/lists/2"}, UPDATED),
    ("change_type_not_permitted", "change_type", {"resource": "/chats/1"}, UPDATED),
    (
        "content_not_available",
        "include_resource_data",
        {"resource": "/users"} | UPDATED | RICH,
        {"include_resource_data": False},
    ),
    ("content_required", "include_resource_data", {"resource": EMERGENCY} | UPDATED, RICH),
    ("select_required", "resource", RICH, {"resource": f"{MAIL}?$select=subject"}),
    (
        "select_required",
        "resource",
        {"resource": f"{MAIL}?$select="} | RICH,
        {"include_resource_data": False},
    ),
    (
        "select_refused",
        "resource",
        {"resource": f"{CHAT_MESSAGES}?$select=id"} | RICH,
        {"resource": CHAT_MESSAGES},
    ),
    (
        "select_refused",
        "resource",
        {"resource": f"{PRESENCE}?$select=id"} | RICH | UPDATED | WORK,
        {"resource": PRESENCE},
    ),
    (
        "select_refused",
        "resource",
        {"resource": "/teams/1/members?$select=id"} | RICH,
        {"include_resource_data": False},
    ),
    (
        "select_refused",
        "resource",
        {"resource": f"{MEETING}?$select=id"} | RICH | UPDATED | BETA,
        {"resource": MEETING},
    ),
    *(
        (
            "option_refused_with_content",
            "resource",
            {"resource": f"{MAIL}?$select=subject&{option}"} | RICH,
            {"include_resource_data": False},
        )
        for option in (
            "$top=5",
            "%24skip=5",
            "$orderBy=subject",
            "$expand=attachments",
            "$select=id,uniqueBody",
        )
    ),
    (
        "option_refused_with_content",
        "resource",
        {"resource": f"{MAIL}?$select=subject,Body"} | RICH,
        {"resource": f"{MAIL}?$select=subject,bodyPreview"},
    ),
    (
        "option_refused_with_content",
        "resource",
        {"resource": f"{MAIL}?$select=id&$expand=attachments"} | RICH,
        {"resource": f"{MAIL}?$select=id&$expand=multiValueExtendedProperties($filter=id eq 'a,b')"},
    ),
    ("api_version_unknown", "api_version", {"api_version": "v2"}, {"api_version": "v1.0"}),
    ("beta_only", "api_version", {"resource": MEETING} | UPDATED, BETA),
    ("lifetime_too_long", "lifetime_minutes", minutes(10_081), minutes(10_080)),
    (
        "lifetime_too_long",
        "lifetime_minutes",
        {"resource": f"{MAIL}?$select=id"} | RICH | minutes(1_441),
        minutes(1_440),
    ),
    ("lifetime_too_long", "lifetime_minutes", {"resource": "/new"} | minutes(43_201), {"lifetime": None}),
    (
        "lifecycle_url_required",
        "lifetime_minutes",
        {"resource": CHAT_MESSAGES, "has_lifecycle_url": False},
        minutes(60),
    ),
    (
        "lifecycle_url_required",
        "lifetime_minutes",
        {"resource": CHAT_MESSAGES, "has_lifecycle_url": False} | minutes(61),
        {"has_lifecycle_url": True},
    ),
]

WARNINGS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("resource_unknown", "resource", {"resource": "/users/1/photos"}, {"resource": MAIL}),
    (
        "resource_superseded",
        "resource",
        {"resource": "/teams/allMessages"},
        {"resource": "/teams/getAllMessages"},
    ),
    (
        "resource_retiring",
        "resource",
        {"resource": "/security/alerts/1"},
        {"resource": MAIL},
    ),
    (
        "user_principal_name",
        "resource",
        {"resource": "/users/ada@contoso.example/messages"},
        {"resource": MAIL},
    ),
    (
        "user_principal_name",
        "resource",
        {"resource": "users/ada%40contoso.example/events"},
        {"resource": MAIL},
    ),
    (
        "change_type_unpublished",
        "change_type",
        {"resource": "/teams/1/schedule/shifts"},
        {"resource": "/teams/1/channels"},
    ),
    ("api_version_not_published", "api_version", {"resource": INSIGHTS} | BETA, {"api_version": "v1.0"}),
    ("api_version_unpublished", "api_version", {"resource": ALL_CHANNEL_MEMBERS}, {"resource": MAIL}),
    ("lifetime_below_minimum", "lifetime_minutes", minutes(44), minutes(45)),
    ("lifetime_unpublished", "lifetime_minutes", {"resource": INSIGHTS} | minutes(61), minutes(60)),
]


@pytest.mark.parametrize(("rule", "field", "broken", "mended"), ERRORS)
def test_a_broken_rule_is_an_error_at_its_field_until_it_is_mended(
    rule: str, field: str, broken: dict[str, Any], mended: dict[str, Any]
) -> None:
    before = check(make_wish(**broken))
    after = check(make_wish(**broken | mended))

    assert [(problem.field, problem.is_error) for problem in before if problem.rule == rule] == [
        (field, True)
    ]
    assert [problem for problem in after if problem.is_error] == []


@pytest.mark.parametrize(("rule", "field", "doubtful", "mended"), WARNINGS)
def test_a_doubtful_wish_is_warned_of_and_not_stopped(
    rule: str, field: str, doubtful: dict[str, Any], mended: dict[str, Any]
) -> None:
    before = check(make_wish(**doubtful))
    after = check(make_wish(**doubtful | mended))

    assert [(problem.field, problem.is_error) for problem in before if problem.rule == rule] == [
        (field, False)
    ]
    assert [problem for problem in before if problem.is_error] == []
    assert rule not in rules_of(after)


def test_errors_come_before_warnings() -> None:
    problems = check(make_wish(resource="/users/ada@contoso.example/messages", change_type="changed"))

    assert rules_of(problems) == ["change_type_unknown", "user_principal_name"]


def test_an_old_path_is_answered_with_its_replacement() -> None:
    (problem,) = check(make_wish(resource="/chats/allMessages"))

    assert "/chats/getAllMessages" in problem.message


def test_braces_in_a_filter_are_not_open_parts() -> None:
    extended = "singleValueExtendedProperties($filter=id eq 'String {abcdef} Name x')"

    problems = check(make_wish(resource=f"{MAIL}?$expand={extended}"))

    assert problems == ()


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.path)
def test_every_entry_can_be_wished_for_as_microsoft_publishes_it(
    entry: Entry, example: Callable[[Entry], str]
) -> None:
    resource = example(entry) + ("?$select=id" if entry.rich_data_requires_select else "")
    access = "delegated_work" if entry.is_delegated_only or entry.path.startswith("/me/") else "application"
    wish = make_wish(
        resource=resource,
        change_type=",".join(entry.change_types or ("updated",)),
        include_resource_data=bool(entry.rich_data),
        api_version=(entry.api_versions or ("v1.0",))[0],
        access=access,
    )

    problems = check(wish)

    assert [problem for problem in problems if problem.is_error] == []
