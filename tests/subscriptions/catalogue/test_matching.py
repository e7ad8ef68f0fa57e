"""Each concrete path finds its own entry."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscriptions.catalogue import Entry, entries, entry_for


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.path)
def test_every_entry_is_found_from_its_own_example(entry: Entry, example: Callable[[Entry], str]) -> None:
    resource = example(entry)

    assert entry_for(resource) is entry


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.path)
def test_every_entry_is_found_without_slash_and_in_other_case(
    entry: Entry, example: Callable[[Entry], str]
) -> None:
    resource = example(entry).removeprefix("/").upper()

    assert entry_for(resource) is entry


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        ("/me", "/users/{user-id}"),
        ("me/messages", "/users/{user-id}/messages"),
        ("/me/chats/getAllMessages", "/users/{user-id}/chats/getAllMessages"),
        ("users('abc')/events", "/users/{user-id}/events"),
        ("/users/abc/events/", "/users/{user-id}/events"),
        ("/users/abc/events?$select=subject", "/users/{user-id}/events"),
        ("/users/%61bc/%65vents", "/users/{user-id}/events"),
        ("/users/o'brien@contoso.example/events", "/users/{user-id}/events"),
        ("/users/abc/mailFolders/Inbox/messages", "/users/{user-id}/mailFolders('inbox')/messages"),
        ("/users/abc/mailFolders(%27inbox%27)/messages", "/users/{user-id}/mailFolders('inbox')/messages"),
        ("/users/abc/mailFolders('A/b?c')/messages", "/users/{user-id}/mailFolders/{mailFolder-id}/messages"),
        ("/users/abc/todo/lists/1/tasks", "/me/todo/lists/{todoTaskList-id}/tasks"),
        ("/teams/getAllMessages", "/teams/getAllMessages"),
        ("/teams/getAllMessagesNot", "/teams/{team-id}"),
        ("/security/alerts?%24filter=status eq 'New'", "/security/alerts/?$filter={filter}"),
        ("/communications/callRecords", "/communications/callRecords"),
        ("/communications/callRecords?$top=1", "/communications/callRecords"),
        ("/communications/callRecords?$FILTER=x", "/communications/callRecords?$filter={filter}"),
        (
            "/chats/1?$notifyOnUserSpecificProperties=true",
            "/chats/{chat-id}?notifyOnUserSpecificProperties={bool}",
        ),
        (
            "/communications/calls/getEmergencyEventsByPolicy( policyname = 'x')",
            None,
        ),
        (
            "/communications/calls/getEmergencyEventsByPolicy(POLICYNAME='x')",
            "/communications/calls/getEmergencyEventsByPolicy(policyName='{policyName}')",
        ),
        ("/communications/presences", None),
        ("/users/abc/photos", None),
        ("/communications/onlineMeetings(joinWebUrl='x')/transcripts", None),
        ("/users/abc/mailFolders('a,b=c')/messages", "/users/{user-id}/mailFolders/{mailFolder-id}/messages"),
        ("/communications/onlineMeetings(other='x')/meetingCallEvents", None),
        ("https://graph.microsoft.com/v1.0/users", None),
        ("", None),
    ],
)
def test_a_path_belongs_to_the_most_particular_entry(resource: str, path: str | None) -> None:
    entry = entry_for(resource)

    assert (entry and entry.path) == path


@given(st.text() | st.text(alphabet="/()'=?$&%{}.2eFusermalogn", max_size=40))
def test_no_text_makes_the_search_for_an_entry_fail(resource: str) -> None:
    entry = entry_for(resource)

    assert entry is None or entry in entries()
