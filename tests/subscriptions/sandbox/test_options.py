"""Which options Graph takes at creation, and which it refuses or passes over."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from subscriptions.sandbox import Sandbox

Creator = Callable[..., requests.Response]

FETCHABLE = "$filter = isFetchable eq true"
JOBS = "/print/printers/P/jobs"


@pytest.mark.parametrize(
    "changes",
    [
        {"notificationQueryOptions": FETCHABLE},
        {"resource": "/chats/C/messages", "notificationQueryOptions": FETCHABLE},
        {"resource": JOBS, "notificationQueryOptions": "$orderby=isFetchable"},
        {"resource": JOBS, "notificationQueryOptions": "isFetchable"},
        {"latestSupportedTlsVersion": "v1_4"},
        {"latestSupportedTlsVersion": "TLS 1.3"},
    ],
    ids=str,
)
def test_an_option_that_graph_does_not_offer_is_refused(
    create: Creator, sandbox: Sandbox, changes: dict[str, Any]
) -> None:
    response = create(**changes)

    assert response.status_code == 400
    assert not sandbox.subscriptions


def test_query_options_are_taken_and_shown_where_print_offers_them(create: Creator) -> None:
    response = create(resource=JOBS, notificationQueryOptions=FETCHABLE)

    assert response.status_code == 201
    assert response.json()["notificationQueryOptions"] == FETCHABLE


@pytest.mark.parametrize(("alert_type", "count"), [("mfaSignInFailure", 1), ("samlSignInFailure", 0)])
def test_health_alerts_are_filtered_by_a_text(
    create: Creator, client: Any, receiver: Any, sandbox: Sandbox, alert_type: str, count: int
) -> None:
    client.version = "beta"
    watched = "/reports/healthmonitoring/alerts"
    options = "$filter=alertType eq 'mfaSignInFailure'"
    create(resource=watched, changeType="created", notificationQueryOptions=options)

    sandbox.make_change(watched, "created", {"alertType": alert_type})
    sandbox.flush(5)

    assert len(receiver.items) == count


def test_a_preference_that_nobody_knows_is_passed_over(create: Creator) -> None:
    assert create(prefer="colour=red, IdType=ImmutableId").status_code == 201


@pytest.mark.parametrize(
    ("prefer", "is_lasting"),
    [
        ('IdType="ImmutableId"', True),
        ('idtype = "immutableid"', True),
        ('include-unknown-enum-members, IdType="ImmutableId"', True),
        ("IdType=ImmutableId", True),
        ('IdType="RestId"', False),
        ("", False),
    ],
)
def test_a_preference_counts_however_it_is_spaced(
    create: Creator, receiver: Any, sandbox: Sandbox, prefer: str, is_lasting: bool
) -> None:
    create(resource="/users/U/messages", prefer=prefer)

    sandbox.make_change("/users/U/messages/AAMk1", "updated")
    sandbox.flush(5)

    assert (receiver.items[0]["resourceData"]["id"] != "AAMk1") is is_lasting


@pytest.mark.parametrize("resource", ["/users/U", "/groups/G", "/teams/T"])
def test_only_what_outlook_keeps_has_an_immutable_id(
    create: Creator, receiver: Any, sandbox: Sandbox, resource: str
) -> None:
    create(resource=resource, prefer='IdType="ImmutableId"')

    sandbox.make_change(resource, "updated")
    sandbox.flush(5)

    assert receiver.items[0]["resourceData"]["id"] == resource.rpartition("/")[2]


def test_an_item_can_be_read_under_its_immutable_id(
    create: Creator, client: Any, receiver: Any, sandbox: Sandbox
) -> None:
    create(resource="/users/U/messages", prefer='IdType="ImmutableId"')
    sandbox.make_change("/users/U/messages/AAMk1", "updated", {"subject": "Hello"})
    sandbox.flush(5)

    response = client.call("GET", f"/users/U/messages/{receiver.items[0]['resourceData']['id']}")

    assert response.json()["subject"] == "Hello"
