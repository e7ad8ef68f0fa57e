"""One spelling for every resource path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscriptions.catalogue import normalise


@pytest.mark.parametrize(
    ("resource", "spelling"),
    [
        ("users", "/users"),
        ("/users", "/users"),
        ("  //users/1/ \n", "/users/1"),
        ("/users//1", "/users/1"),
        ("/Users('Ab')/Messages", "/Users('Ab')/Messages"),
        ("/security/alerts/?$filter=status eq 'New'", "/security/alerts/?$filter=status eq 'New'"),
        ("/communications/onlineMeetings/?$filter=JoinWebUrl eq 'https://a/../b'",) * 2,
        ("/users/1/mailFolders('A//b?c')/messages", "/users/1/mailFolders('A//b?c')/messages"),
        ("/chats/19:Ab@thread.v2", "/chats/19:Ab@thread.v2"),
        ("/users/1/mailFolders('Sent%20Items')/messages",) * 2,
    ],
)
def test_a_path_is_brought_to_one_spelling(resource: str, spelling: str) -> None:
    assert normalise(resource) == spelling


@pytest.mark.parametrize(
    ("resource", "advice"),
    [
        ("", "Give the path"),
        (" / ", "Give the path"),
        ("?$select=id", "Give the path"),
        ("https://graph.microsoft.com/v1.0/users", "Paste only the path after /v1.0"),
        ("HTTP://graph.microsoft.com/users", "Paste only the path after /v1.0"),
        ("//graph.microsoft.com/v1.0/users", "Leave out everything up to"),
        ("/v1.0/users", "Leave out everything up to"),
        ("beta/users", "Leave out everything up to"),
        ("/users/../groups", r"'\.\.'"),
        ("/users/%2e%2E/groups", r"'\.\.'"),
        ("/users/./groups", r"'\.\.'"),
        ("/users\\1", "backslash"),
        ("/users#top", "%23"),
        ("/users\n/1", "line break"),
        ("/users\x00", "invisible"),
        ("/users\u00a0/1", "invisible"),
        ("/users/1 2", "%20"),
    ],
)
def test_what_is_no_relative_path_is_refused_with_advice(resource: str, advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        normalise(resource)


@given(st.text() | st.text(alphabet="/()'=?$&%{}. \\#:2eFusermalogn", max_size=40))
def test_any_text_is_either_refused_or_brought_to_a_spelling_that_stays(resource: str) -> None:
    try:
        spelling = normalise(resource)
    except ValueError:
        return

    assert spelling.startswith("/")
    assert spelling.isprintable()
    assert normalise(spelling) == spelling
