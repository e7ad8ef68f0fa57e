"""What is said of a resource, in words that hold for every entry."""

import pytest

from subscriptions import catalogue
from subscriptions.admin import catalogue_facts
from subscriptions.catalogue import Entry

every_entry = pytest.mark.parametrize("entry", catalogue.entries(), ids=lambda entry: entry.path)


@every_entry
def test_nothing_is_left_unsaid(entry: Entry) -> None:
    facts = catalogue_facts.facts_of(entry)

    assert all((facts.content, facts.versions, facts.catch_up, *facts.lives_in_short))
    assert all(name and life for name, life in facts.lives)
    assert [access.kind for access in facts.access] == ["app", "work account", "personal account"]


@every_entry
def test_the_least_permission_of_each_access_is_named_once(entry: Entry) -> None:
    facts = catalogue_facts.facts_of(entry)

    kinds = [kind for _, kinds in facts.least_permissions for kind in kinds.split(", ")]
    assert sorted(kinds) == sorted(access.kind for access in facts.access if access.is_offered)
    assert len({name for name, _ in facts.least_permissions}) == len(facts.least_permissions)


@pytest.mark.parametrize(
    ("resource", "content", "lives"),
    [
        ("/users/1/messages", "Can be included, with $select", ("7 d", "1 d with content")),
        ("/teams/getAllMessages", "Can be included", ("3 d",)),
        ("/users", "Cannot be included", ("29 d",)),
        ("/users/1/communications/callEvents", "Must be included", ("1 d with content",)),
    ],
)
def test_content_and_life_are_told_in_short(resource: str, content: str, lives: tuple[str, ...]) -> None:
    facts = catalogue_facts.facts_for(resource)

    assert facts is not None
    assert (facts.content, facts.lives_in_short) == (content, lives)


@pytest.mark.parametrize(
    ("resource", "warning"),
    [
        ("/communications/presences/1", "Only a signed-in account"),
        ("/reports/healthmonitoring/alerts", "under beta only"),
        ("/security/alerts/1", "Microsoft ends this on 15 October 2026."),
    ],
)
def test_what_to_look_out_for_is_told(resource: str, warning: str) -> None:
    facts = catalogue_facts.facts_for(resource)

    assert facts is not None
    assert any(warning in text for text in facts.warnings)


def test_where_graph_does_not_offer_an_access_no_permission_is_named() -> None:
    facts = catalogue_facts.facts_for("/communications/presences/1")

    assert facts is not None
    app, work, _ = facts.access
    assert (app.is_offered, app.is_named, app.least) == (False, False, "Not offered by Graph")
    assert (work.is_named, work.least) == (True, "Presence.Read.All")


def test_a_permission_that_is_not_published_is_no_name() -> None:
    facts = catalogue_facts.facts_for("/reports/healthmonitoring/alerts")

    assert facts is not None
    assert {(access.is_offered, access.is_named) for access in facts.access} == {(True, False)}


@pytest.mark.parametrize(
    ("resource", "problem"),
    [("", ""), ("/users", ""), ("/v1.0/users", "Leave out"), ("a b", "blank"), ("/", "Give the path")],
)
def test_why_a_text_is_no_path_is_told(resource: str, problem: str) -> None:
    said = catalogue_facts.problem_of(resource)

    assert problem in said
    assert bool(said) is bool(problem)
