"""Pages of a delta query: what is read from them, and where their links may lead."""

from typing import Any

import pytest

from subscriptions.graph.client import GraphClient
from subscriptions.graph.errors import SyncStateLostError, UnexpectedAnswerError
from subscriptions.sandbox import Sandbox

FOLDER = "/users/U/mailFolders/inbox/messages"


def test_a_path_leads_to_pages_and_a_link_that_tells_what_is_new(
    client: GraphClient, sandbox: Sandbox
) -> None:
    sandbox.delta_page_size = 1
    for name in ("a", "b"):
        sandbox.make_change(f"{FOLDER}/{name}", "created")

    first = client.delta_page(f"{FOLDER}/delta?$select=subject")
    second = client.delta_page(first.next_link)
    third = client.delta_page(second.delta_link)

    assert [item["id"] for item in (*first.items, *second.items)] == ["a", "b"]
    assert (first.delta_link, second.next_link, third.items) == ("", "", ())
    assert first.items[0].keys() == {"id", "@odata.etag", "subject"}


def test_a_lost_place_is_an_error_of_its_own_that_repeats_no_token(
    client: GraphClient, sandbox: Sandbox
) -> None:
    link = client.delta_page(f"{FOLDER}/delta").delta_link
    sandbox.expire_delta_tokens()

    with pytest.raises(SyncStateLostError) as lost:
        client.delta_page(link)

    assert lost.value.code == "syncStateNotFound"
    assert link not in str(lost.value)


@pytest.mark.parametrize("link", ["https://evil.example/v1.0/users/delta?$skiptoken=x", "", 7])
def test_a_link_to_anywhere_else_is_refused(client: GraphClient, sandbox: Sandbox, link: object) -> None:
    sandbox.add_fault(path="/delta", status=200, body={"value": [], "@odata.nextLink": link})

    with pytest.raises(UnexpectedAnswerError):
        client.delta_page(f"{FOLDER}/delta")


@pytest.mark.parametrize("links", [{}, {"@odata.nextLink": "{root}/a", "@odata.deltaLink": "{root}/b"}])
def test_a_page_that_leads_nowhere_or_to_two_places_is_refused(
    client: GraphClient, sandbox: Sandbox, links: dict[str, str]
) -> None:
    body: dict[str, Any] = {name: link.format(root=sandbox.graph_url) for name, link in links.items()}
    sandbox.add_fault(path="/delta", status=200, body={"value": [], **body})

    with pytest.raises(UnexpectedAnswerError, match="delta query"):
        client.delta_page(f"{FOLDER}/delta")
