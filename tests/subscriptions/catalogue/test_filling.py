"""From the parts of an entry to the path that is sent."""

import pytest

from subscriptions.catalogue import entry_for, fill


@pytest.mark.parametrize(
    ("path", "values", "resource"),
    [
        ("/users/{user-id}/messages", {"user-id": " 5d8f "}, "/users/5d8f/messages"),
        ("/users/{user-id}/messages", {"user-id": "Me"}, "/me/messages"),
        ("/users/{user-id}/messages", {"user-id": "a/b?c%#d e"}, "/users/a%2Fb%3Fc%25%23d%20e/messages"),
        ("/users/{user-id}/messages", {"user-id": "o'brien@x.example"}, "/users/o'brien@x.example/messages"),
        ("/chats/{chat-id}", {"chat-id": "19:A_b@thread.v2", "more": "x"}, "/chats/19:A_b@thread.v2"),
        (
            "/communications/calls/getEmergencyEventsByPolicy(policyName='{policyName}')",
            {"policyName": "Owner's/1"},
            "/communications/calls/getEmergencyEventsByPolicy(policyName='Owner''s%2F1')",
        ),
        (
            "/solutions/virtualEvents/events/getEventsFromOrganizers(organizerIds=['{user-id}'])",
            {"user-id": "1, 2"},
            "/solutions/virtualEvents/events/getEventsFromOrganizers(organizerIds=['1','2'])",
        ),
        (
            "/communications/presences?$filter=id in ({user-ids})",
            {"user-ids": "1,'2'"},
            "/communications/presences?$filter=id in ('1','2')",
        ),
        (
            "/communications/callRecords?$filter={filter}",
            {"filter": "a eq 'x&y' and b eq '#+%'"},
            "/communications/callRecords?$filter=a eq 'x%26y' and b eq '%23%2B%25'",
        ),
        (
            "/chats/{chat-id}?notifyOnUserSpecificProperties={bool}",
            {"chat-id": "1", "bool": "True"},
            "/chats/1?notifyOnUserSpecificProperties=true",
        ),
        (
            "/communications/onlineMeetings(joinWebUrl='{encodedJoinWebUrl}')/meetingCallEvents",
            {"encodedJoinWebUrl": "https://t/19%3a"},
            "/communications/onlineMeetings(joinWebUrl='https%253A%252F%252Ft%252F19%25253a')/meetingCallEvents",
        ),
        (
            "/communications/onlineMeetings(joinWebUrl='{encodedJoinWebUrl}')/meetingCallEvents",
            {"encodedJoinWebUrl": "https%253A%252F%252Ft"},
            "/communications/onlineMeetings(joinWebUrl='https%253A%252F%252Ft')/meetingCallEvents",
        ),
    ],
)
def test_values_are_quoted_and_encoded_for_their_place(
    path: str, values: dict[str, str], resource: str
) -> None:
    entry = entry_for(path)
    assert entry is not None

    assert fill(entry, values) == resource


@pytest.mark.parametrize(
    ("path", "values", "advice"),
    [
        ("/teams/{team-id}/channels", {}, "Fill in team-id"),
        ("/teams/{team-id}/channels", {"team-id": "  "}, "Fill in team-id"),
        ("/teams/{team-id}/channels", {"team-id": ".."}, "team-id"),
        ("/teams/{team-id}/channels", {"team-id": "1\n2"}, "team-id"),
        ("/teams/{team-id}/channels", {"team-id": "beta"}, "version"),
        ("/chats/{chat-id}?notifyOnUserSpecificProperties={bool}", {"chat-id": "1", "bool": "yes"}, "bool"),
        ("/communications/presences?$filter=id in ({user-ids})", {"user-ids": "1,,2"}, "user-ids"),
    ],
)
def test_a_part_that_is_missing_or_does_not_fit_is_named(
    path: str, values: dict[str, str], advice: str
) -> None:
    entry = entry_for(path)
    assert entry is not None

    with pytest.raises(ValueError, match=advice):
        fill(entry, values)
