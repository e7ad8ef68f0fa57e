"""The catalogue holds what Microsoft's pages say, and can be searched."""

from datetime import date

import pytest

from subscriptions.catalogue import Entry, entries, entry_for, search, workloads


def find(path: str) -> Entry:
    entry = entry_for(path)
    assert entry is not None
    return entry


def test_the_catalogue_has_all_93_paths_each_once() -> None:
    paths = {entry.path for entry in entries()}

    assert len(paths) == len(entries()) == 93


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.path)
def test_every_entry_is_described_and_sourced(entry: Entry) -> None:
    texts = (entry.title, entry.description, entry.workload, entry.resource_type, entry.notes, entry.source)

    assert all(text.strip() and text.isascii() for text in texts)
    assert "reauthorizationRequired" in entry.lifecycle_events


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.path)
def test_no_entry_gives_a_personal_account_what_it_denies_a_work_account(entry: Entry) -> None:
    offers_work = entry.permissions.delegated_work != ()

    assert offers_work or entry.permissions.delegated_personal == ()


@pytest.mark.parametrize(
    "entry", [entry for entry in entries() if entry.superseded_by], ids=lambda entry: entry.path
)
def test_every_replacement_is_an_entry_of_its_own(entry: Entry) -> None:
    replacement = find(entry.superseded_by or "")

    assert replacement.superseded_by is None


@pytest.mark.parametrize(
    ("predicate", "true_for", "false_for"),
    [
        ("is_delegated_only", "/communications/presences/{user-id}", "/users/{user-id}/messages"),
        ("is_application_only", "/chats/getAllMessages", "/teams/{team-id}/channels/getAllMembers"),
        ("is_beta_only", "/reports/healthmonitoring/alerts", "/teams/getAllChannels/getAllMembers"),
        ("is_rich_only", "/users/{user-id}/communications/callEvents", "/users/{user-id}/messages"),
        ("is_retired", "/teams/allMessages", "/teams/getAllMessages"),
        ("is_retired", "/security/alerts/{alert-id}", "/reports/healthmonitoring/alerts"),
    ],
)
def test_predicates_tell_entries_apart(predicate: str, true_for: str, false_for: str) -> None:
    answers = (getattr(find(true_for), predicate), getattr(find(false_for), predicate))

    assert answers == (True, False)


def test_what_the_pages_leave_open_is_kept_apart_from_what_graph_does_not_offer() -> None:
    members = find("/teams/{team-id}/channels/getAllMembers").permissions

    assert members.delegated_work is None
    assert members.delegated_personal == ()


def test_an_entry_names_the_parts_to_fill_and_the_end_of_its_api() -> None:
    assert find("/teams/1/channels/2/messages").parameters == ("team-id", "channel-id")
    assert find("/security/alerts/1").retires_on == date(2026, 10, 15)


def test_workloads_come_in_the_order_of_the_catalogue() -> None:
    assert workloads()[:3] == ("Outlook", "Directory", "Microsoft 365 Groups")
    assert len(workloads()) == len(set(workloads()))


def test_search_wants_every_word_in_any_case_and_puts_titles_first() -> None:
    found = search("SHARED mail")
    elsewhere = search("shared")

    assert find("/users/1/messages") in found
    assert find("/teams/1/channels/getAllMembers") not in found
    assert elsewhere[0].workload == "Teams"


@pytest.mark.parametrize("text", ["Presence.Read.All", "callRecord", "copilot licence"])
def test_search_reads_permissions_types_and_notes(text: str) -> None:
    assert 0 < len(search(text)) < 10


def test_search_without_words_gives_everything_and_nonsense_gives_nothing() -> None:
    assert search("  ") == entries()
    assert search("xyzzy") == ()
