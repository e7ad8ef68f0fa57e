"""The calls on /subscriptions: protocol notes sections 2 and 10."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from subscriptions.sandbox import Sandbox
from subscriptions.sandbox.clock import parse_time

Creator = Callable[..., requests.Response]


def _in(**span: float) -> str:
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


def test_created_subscriptions_look_as_graph_prints_them(create: Creator, sandbox: Sandbox) -> None:
    response = create()

    document = response.json()
    assert response.status_code == 201
    assert document["@odata.context"].endswith("/v1.0/$metadata#subscriptions/$entity")
    assert document["applicationId"] == sandbox.application.client_id
    assert document["clientState"] == "invented-state"
    assert document["latestSupportedTlsVersion"] == "v1_2"
    assert document["encryptionCertificate"] is None
    assert document["expirationDateTime"].endswith("0Z")


def test_a_list_hides_the_client_state_and_pages(create: Creator, client: Any, sandbox: Sandbox) -> None:
    sandbox.page_size = 2
    created = [create(resource=f"/groups/{number}").json()["id"] for number in range(3)]

    first = client.call("GET", "/subscriptions").json()
    second = client.call("GET", first["@odata.nextLink"]).json()

    assert [one["id"] for one in first["value"] + second["value"]] == created
    assert {one["clientState"] for one in first["value"]} == {None}
    assert "@odata.nextLink" not in second


def test_a_list_takes_no_query_options(client: Any) -> None:
    assert client.call("GET", "/subscriptions?$top=5").status_code == 400


def test_another_application_sees_nothing(create: Creator, stranger: Any, sandbox: Sandbox) -> None:
    created = create().json()["id"]
    other = stranger.as_application(sandbox.add_application())

    assert other.call("GET", "/subscriptions").json()["value"] == []
    for method in ("GET", "DELETE"):
        assert other.call(method, f"/subscriptions/{created}").status_code == 404


def test_a_duplicate_is_refused_with_the_id_of_the_first(create: Creator, sandbox: Sandbox) -> None:
    user = sandbox.users[0]
    first = create(changeType="updated,created").json()["id"]

    again = create(changeType="created,updated", resource=f"users('{user.id}')/messages", clientState="b")

    assert again.status_code == 409
    assert f"Subscription Id {first} already exists" in again.json()["error"]["message"]


def test_of_two_identical_requests_at_once_one_wins(create: Creator, receiver: Any) -> None:
    receiver.delay = 0.1  # both are still in their handshakes when the first has finished its checks

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda _: create().status_code, range(2)))

    assert sorted(answers) == [201, 409]


def test_a_second_teams_subscription_on_one_path_exceeds_the_quota(create: Creator) -> None:
    create(resource="/teams/getAllMessages", changeType="created")

    response = create(resource="/teams/getAllMessages", changeType="updated")

    assert response.status_code == 403
    assert "has reached its limit of '1' 'chatMessage'" in response.json()["error"]["message"]


def test_quotas_may_be_lifted(create: Creator, sandbox: Sandbox) -> None:
    sandbox.enforce_quotas = False
    create(resource="/teams/getAllMessages", changeType="created")

    assert create(resource="/teams/getAllMessages", changeType="updated").status_code == 201


def test_an_update_renews(create: Creator, client: Any) -> None:
    created = create().json()

    response = client.call(
        "PATCH", f"/subscriptions/{created['id']}", json={"expirationDateTime": _in(hours=5)}
    )

    renewed = datetime.fromisoformat(response.json()["expirationDateTime"])
    assert response.status_code == 200
    assert renewed - datetime.fromisoformat(created["expirationDateTime"]) > timedelta(hours=3)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"clientState": "new"},
        {"changeType": "created", "expirationDateTime": "2126-01-01T00:00:00Z"},
        {"expirationDateTime": "2126-01-01T00:00:00Z"},
        {"expirationDateTime": "2020-01-01T00:00:00Z"},
        {"expirationDateTime": "soon"},
        {"notificationUrl": "http://hooks.contoso.example/"},
        {"notificationUrl": "http://127.0.0.1:1/gone"},
        {"surprise": 1},
    ],
    ids=str,
)
def test_a_wrong_update_is_refused(create: Creator, client: Any, body: dict[str, Any]) -> None:
    created = create().json()["id"]

    assert client.call("PATCH", f"/subscriptions/{created}", json=body).status_code == 400


def test_an_update_to_another_url_repeats_the_handshake(
    create: Creator, client: Any, receiver: Any, sandbox: Sandbox
) -> None:
    created = create().json()["id"]

    moved = client.call("PATCH", f"/subscriptions/{created}", json={"notificationUrl": f"{receiver.url}&b=1"})

    assert moved.status_code == 200
    assert [each.get("b") for each in receiver.handshakes] == [None, "1"]
    assert sandbox.subscriptions[created].notification_url.endswith("&b=1")


def test_a_certificate_may_be_updated_or_not_as_the_sandbox_is_told(
    create: Creator, client: Any, sandbox: Sandbox, rich: dict[str, Any]
) -> None:
    created = create(resource="/teams/getAllMessages", **rich).json()["id"]
    body = {"expirationDateTime": _in(minutes=50), **rich, "encryptionCertificateId": "hooks-2"}
    del body["includeResourceData"]

    taken = client.call("PATCH", f"/subscriptions/{created}", json=body)
    sandbox.refuse_certificate_patch = True
    refused = client.call("PATCH", f"/subscriptions/{created}", json=body)

    assert (taken.status_code, refused.status_code) == (200, 400)
    assert sandbox.subscriptions[created].encryption_certificate_id == "hooks-2"


def test_a_certificate_may_be_passed_over(
    create: Creator, client: Any, sandbox: Sandbox, rich: dict[str, Any]
) -> None:
    created = create(resource="/teams/getAllMessages", **rich).json()["id"]
    body = {"expirationDateTime": _in(minutes=50), **rich, "encryptionCertificateId": "hooks-2"}
    del body["includeResourceData"]
    sandbox.ignore_certificate_patch = True

    answer = client.call("PATCH", f"/subscriptions/{created}", json=body)

    assert answer.status_code == 200
    assert answer.json()["encryptionCertificateId"] == rich["encryptionCertificateId"]


def test_an_expired_subscription_is_gone(create: Creator, client: Any, sandbox: Sandbox) -> None:
    created = create().json()["id"]

    sandbox.advance(timedelta(minutes=59))

    response = client.as_application().call(
        "PATCH", f"/subscriptions/{created}", json={"expirationDateTime": _in(hours=5)}
    )
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "ResourceNotFound"


def test_a_deleted_subscription_is_gone(create: Creator, client: Any, sandbox: Sandbox) -> None:
    path = f"/subscriptions/{create().json()['id']}"

    assert client.call("DELETE", path).status_code == 204
    assert client.call("DELETE", path).status_code == 404
    assert client.call("GET", path).status_code == 404
    assert not sandbox.subscriptions


def test_reauthorize_answers_204_and_does_not_renew(create: Creator, client: Any, sandbox: Sandbox) -> None:
    created = create().json()
    before = sandbox.subscriptions[created["id"]]

    response = client.call("POST", f"/subscriptions/{created['id']}/reauthorize")

    after = sandbox.subscriptions[created["id"]]
    assert response.status_code == 204
    assert after.expires_at == before.expires_at
    assert after.reauthorized_at is not None


def test_reauthorize_without_the_permission_is_refused(
    create: Creator, client: Any, sandbox: Sandbox
) -> None:
    created = create().json()["id"]
    sandbox.grant(sandbox.application.client_id, roles=["User.Read.All"])

    response = client.as_application().call("POST", f"/subscriptions/{created}/reauthorize")

    assert response.status_code == 403


def test_a_missing_permission_is_refused_as_the_workload_does(
    create: Creator, stranger: Any, sandbox: Sandbox
) -> None:
    poor = stranger.as_application(sandbox.add_application(roles=["User.Read.All"]))

    response = create(by=poor)

    assert response.status_code == 403
    assert response.json()["error"]["code"] == "ExtensionError"
    assert "Reason: Access denied" in response.json()["error"]["message"]


def test_presence_is_for_signed_in_users_only(create: Creator, stranger: Any, sandbox: Sandbox) -> None:
    user = sandbox.users[1]
    resource = f"/communications/presences/{user.id}"

    assert create(resource=resource).status_code == 403
    assert create(by=stranger.as_user(user.username), resource=resource).status_code == 201


def test_a_user_watches_the_own_mailbox_by_me_but_no_other(
    create: Creator, stranger: Any, sandbox: Sandbox
) -> None:
    own, other = sandbox.users[:2]
    signed_in = stranger.as_user(own.username)

    mine = create(by=signed_in, resource="/me/messages")
    theirs = create(by=signed_in, resource=f"/users/{other.id}/messages")

    assert (mine.status_code, theirs.status_code) == (201, 403)
    assert mine.json()["creatorId"] == own.id


def test_an_unknown_user_name_has_no_mailbox(create: Creator) -> None:
    response = create(resource="/users/nobody@contoso.example/messages")

    assert response.status_code == 404
    assert "not yet supported for this mailbox" in response.json()["error"]["message"]


def test_errors_carry_the_ids_of_the_request(client: Any) -> None:
    mine = str(uuid.uuid4())

    response = client.call("GET", "/subscriptions/none", headers={"client-request-id": mine})

    inner = response.json()["error"]["innerError"]
    assert inner["client-request-id"] == response.headers["client-request-id"] == mine
    assert inner["request-id"] == response.headers["request-id"]


@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer nonsense", "Basic abc"])
def test_a_call_without_a_good_token_is_refused_with_a_challenge(client: Any, header: str) -> None:
    response = client.call("GET", "/subscriptions", headers={"Authorization": header})

    assert response.status_code == 401
    assert response.json()["error"]["code"] == "InvalidAuthenticationToken"
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_expires_by_the_sandboxs_clock(client: Any, sandbox: Sandbox) -> None:
    sandbox.advance(timedelta(minutes=61))

    assert client.call("GET", "/subscriptions").status_code == 401


def test_a_validation_token_is_no_access_token(client: Any, sandbox: Sandbox) -> None:
    client.token = sandbox.validation_token(claims={"appid": sandbox.application.client_id})

    response = client.call("GET", "/subscriptions")

    assert response.status_code == 401
    assert "Invalid audience" in response.json()["error"]["message"]


def test_what_the_sandbox_does_not_play_is_answered_501(client: Any) -> None:
    assert client.call("POST", "/users/x/sendMail", json={}).status_code == 501


def test_a_shorter_life_than_published_may_be_the_most_to_ask_for(create: Creator, sandbox: Sandbox) -> None:
    sandbox.longest_life = timedelta(minutes=50)

    refused = create(expirationDateTime=_in(minutes=55))

    assert refused.status_code == 400
    assert "50 minutes" in refused.json()["error"]["message"]


def test_less_than_asked_may_be_granted(create: Creator, sandbox: Sandbox) -> None:
    sandbox.longest_grant = timedelta(minutes=50)

    granted = create(expirationDateTime=_in(hours=20))

    until = parse_time(granted.json()["expirationDateTime"])
    assert timedelta(minutes=49) < until - sandbox.clock.now() <= timedelta(minutes=50)


def test_duplicates_may_be_let_pass_so_that_a_test_sees_them(create: Creator, sandbox: Sandbox) -> None:
    sandbox.refuse_duplicates = False

    assert [create().status_code, create().status_code] == [201, 201]
    assert len(sandbox.subscriptions) == 2


def test_the_history_tells_what_was_done_to_each(create: Creator, client: Any, sandbox: Sandbox) -> None:
    first, second = create().json()["id"], create(changeType="deleted").json()["id"]
    until = _in(hours=20)
    client.call("PATCH", f"/subscriptions/{first}", json={"expirationDateTime": until})
    sandbox.remove_subscription(second)

    told = [(event.what, event.subscription.id) for event in sandbox.history]
    assert told == [("created", first), ("created", second), ("changed", first), ("removed", second)]
    assert sandbox.history[2].subscription.expires_at == parse_time(until)
