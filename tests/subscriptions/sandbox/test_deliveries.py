"""What subscribers get: protocol notes sections 4, 6 and 7."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.asymmetric import padding as oaep
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from subscriptions.sandbox import Sandbox
from subscriptions.sandbox.tokens import CHANGE_TRACKING_APP_ID

Creator = Callable[..., requests.Response]


def test_a_basic_mail_notice_looks_as_in_the_sample(create: Creator, receiver: Any, sandbox: Sandbox) -> None:
    user = sandbox.users[0].id
    created = create(changeType="created").json()

    sandbox.make_change(f"/users/{user}/messages/AAMk1", "created", {"subject": "Hello"})
    sandbox.flush(5)

    [item] = receiver.items
    path = f"Users/{user}/Messages/AAMk1"
    assert list(item) == [
        "id",
        "subscriptionId",
        "subscriptionExpirationDateTime",
        "clientState",
        "changeType",
        "resource",
        "tenantId",
        "resourceData",
    ]
    assert (item["subscriptionId"], item["clientState"]) == (created["id"], "invented-state")
    assert (item["changeType"], item["resource"]) == ("created", path)
    assert list(item["resourceData"]) == ["@odata.type", "@odata.id", "@odata.etag", "id"]
    assert item["resourceData"]["@odata.type"] == "#Microsoft.Graph.Message"
    assert len(item["subscriptionExpirationDateTime"].partition(".")[2]) == len("1234567Z")


def _opened(item: dict[str, Any], key: rsa.RSAPrivateKey) -> dict[str, Any]:
    sealed = item["encryptedContent"]
    data = base64.b64decode(sealed["data"])
    sha1 = hashes.SHA1()  # noqa: S303 - Graph's choice
    symmetric = key.decrypt(base64.b64decode(sealed["dataKey"]), oaep.OAEP(oaep.MGF1(sha1), sha1, None))
    assert hmac.digest(symmetric, data, "sha256") == base64.b64decode(sealed["dataSignature"])
    decryptor = Cipher(algorithms.AES(symmetric), modes.CBC(symmetric[:16])).decryptor()
    padded = decryptor.update(data) + decryptor.finalize()
    unpadder = padding.PKCS7(128).unpadder()
    opened: dict[str, Any] = json.loads(unpadder.update(padded) + unpadder.finalize())
    return opened


def test_a_rich_notice_is_sealed_for_the_certificate_and_proven_by_a_token(
    create: Creator, receiver: Any, sandbox: Sandbox, rich: dict[str, Any], rsa_key: rsa.RSAPrivateKey
) -> None:
    create(resource="/teams/getAllMessages", changeType="created", **rich)

    sandbox.make_change("/teams/T1/channels/C1/messages/42", "created", {"body": {"content": "caf\u00e9"}})
    sandbox.flush(5)

    [item] = receiver.items
    path = "teams('T1')/channels('C1')/messages('42')"
    assert item["resource"] == path
    assert item["resourceData"] == {
        "@odata.type": "#Microsoft.Graph.chatMessage",
        "@odata.id": path,
        "id": "42",
    }
    assert _opened(item, rsa_key)["body"] == {"content": "caf\u00e9"}
    der = base64.b64decode(rich["encryptionCertificate"])
    thumbprint = hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()
    assert item["encryptedContent"]["encryptionCertificateThumbprint"] == thumbprint
    [token] = receiver.bodies[0]["validationTokens"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["azp"], claims["tid"]) == (CHANGE_TRACKING_APP_ID, sandbox.tenant_id)
    assert claims["aud"] == sandbox.application.client_id


def test_rich_mail_holds_the_selected_properties_only(
    create: Creator, receiver: Any, sandbox: Sandbox, rich: dict[str, Any], rsa_key: rsa.RSAPrivateKey
) -> None:
    user = sandbox.users[0].id
    create(resource=f"/users/{user}/messages?$select=subject", **rich)

    sandbox.make_change(f"/users/{user}/messages/AAMk1", "updated", {"subject": "Hello"})
    sandbox.flush(5)

    opened = _opened(receiver.items[0], rsa_key)
    assert set(opened) == {"@odata.type", "@odata.id", "@odata.etag", "id", "subject"}


@pytest.mark.parametrize(
    ("watched", "changed"),
    [
        ("/users/U/messages", "/users/U/mailFolders/Archive/messages/M"),
        ("/users/U/mailFolders('inbox')/messages", "/users/U/messages/M"),
        ("users('U')/MailFolders/Archive/messages", "/users/U/mailFolders('archive')/messages/M"),
        ("/users/U/contacts", "/users/U/contactFolders/F/contacts/C"),
        ("/users", "/users/U"),
        ("/users/U", "/users/U"),
        ("/groups/G/members", "/groups/G/members/M"),
        ("/users/U/drive/root", "/users/U/drive/root"),
        ("/sites/S/lists/L", "/sites/S/lists/L"),
        ("/teams/allMessages", "/teams/T/channels/C/messages/M/replies/R"),
        ("/teams/T/channels/C/messages", "/teams('T')/channels('C')/messages('M')"),
        ("/chats/getAllMessages", "/chats/C/messages/M"),
        ("/users/U/chats/getAllMessages", "/chats/C/messages/M"),
        ("/chats/C", "/chats/C"),
        ("/teams/getAllMembers", "/teams/T/members/M"),
        ("/teams/getAllChannels", "/teams/T/channels/C"),
        ("/security/alerts?$filter=status eq 'New'", "/security/alerts/A"),
        ("/print/printers/P/jobs", "/print/printers/P/jobs"),
    ],
)
def test_a_change_reaches_those_who_watch_it(
    create: Creator, receiver: Any, sandbox: Sandbox, watched: str, changed: str
) -> None:
    assert create(resource=watched).status_code == 201

    sandbox.make_change(changed, "updated")
    sandbox.flush(5)

    assert len(receiver.items) == 1


@pytest.mark.parametrize(
    ("watched", "changed", "change_type"),
    [
        ("/users/U/messages", "/users/V/messages/M", "updated"),
        ("/users/U/messages", "/users/U/events/E", "updated"),
        ("/users/U/messages", "/users/U/messages/M", "deleted"),
        ("/users/U/mailFolders('inbox')/messages", "/users/U/mailFolders/Archive/messages/M", "updated"),
        ("/teams/T/channels/C/messages", "/teams/T/channels/D/messages/M", "updated"),
        ("/chats/C", "/chats/C/messages/M", "updated"),
    ],
)
def test_a_change_reaches_nobody_else(
    create: Creator, receiver: Any, sandbox: Sandbox, watched: str, changed: str, change_type: str
) -> None:
    assert create(resource=watched).status_code == 201

    sandbox.make_change(changed, change_type)
    sandbox.flush(5)

    assert receiver.items == []


def test_an_expired_subscription_hears_nothing(create: Creator, receiver: Any, sandbox: Sandbox) -> None:
    create()

    sandbox.advance(timedelta(hours=1))
    sandbox.make_change(f"/users/{sandbox.users[0].id}/messages", "updated")
    sandbox.flush(5)

    assert receiver.items == []


def test_a_drive_says_that_something_changed_but_not_what(
    create: Creator, receiver: Any, sandbox: Sandbox
) -> None:
    create(resource="/drives/D/root")

    sandbox.make_change("/drives/D/root", "updated", {"name": "Offer.docx"})
    sandbox.flush(5)

    [item] = receiver.items
    assert item["resource"] == "drives/D/root"
    assert item["resourceData"] == {"@odata.type": "#Microsoft.Graph.DriveItem"}


def test_what_happens_together_arrives_in_one_post_with_one_token_per_application(
    create: Creator, receiver: Any, sandbox: Sandbox, rich: dict[str, Any]
) -> None:
    create(resource="/teams/getAllMessages", **rich)
    create(resource="/teams/T/channels/C/messages", **rich)
    create(resource="/users/U/events")

    sandbox.make_changes(
        [("/teams/T/channels/C/messages/1", "updated", None), ("/users/U/events/2", "updated", None)]
    )
    sandbox.flush(5)

    [body] = receiver.bodies
    assert len(body["value"]) == 3
    assert len(body["validationTokens"]) == 1


def test_items_may_be_posted_one_by_one(create: Creator, receiver: Any, sandbox: Sandbox) -> None:
    sandbox.group_deliveries = False
    create(resource="/users/U/events")
    create(resource="/users/U/events", changeType="updated,deleted")

    sandbox.make_change("/users/U/events/2", "updated")
    sandbox.flush(5)

    assert [len(body["value"]) for body in receiver.bodies] == [1, 1]


def test_what_is_not_accepted_is_sent_again(create: Creator, receiver: Any, sandbox: Sandbox) -> None:
    create()
    receiver.statuses = [500, 302]

    sandbox.make_change(f"/users/{sandbox.users[0].id}/messages", "updated")
    sandbox.flush(5)

    assert [(one.attempt, one.status) for one in sandbox.deliveries] == [(1, 500), (2, 302), (3, 202)]
    assert receiver.bodies[0] == receiver.bodies[2]


def test_a_slow_webhook_is_tried_again_with_more_patience(
    create: Creator, receiver: Any, sandbox: Sandbox
) -> None:
    create()
    sandbox.delivery_time_limit = timedelta(seconds=0.1)
    receiver.delay = 0.2

    sandbox.make_change(f"/users/{sandbox.users[0].id}/messages", "updated")
    sandbox.flush(5)

    assert [(one.attempt, one.status) for one in sandbox.deliveries] == [(1, None), (2, 202)]


def test_a_webhook_that_never_accepts_is_given_up(create: Creator, receiver: Any, sandbox: Sandbox) -> None:
    create()
    receiver.statuses = [503] * 9

    sandbox.make_change(f"/users/{sandbox.users[0].id}/messages", "updated")
    sandbox.flush(5)

    assert [one.is_accepted for one in sandbox.deliveries] == [False] * 4


def test_flush_says_when_something_is_still_under_way(
    create: Creator, receiver: Any, sandbox: Sandbox
) -> None:
    create()
    receiver.delay = 0.3
    sandbox.make_change(f"/users/{sandbox.users[0].id}/messages", "updated")

    with pytest.raises(TimeoutError):
        sandbox.flush(0.05)

    sandbox.flush(5)


@pytest.mark.parametrize("event", ["reauthorizationRequired", "subscriptionRemoved", "missed"])
def test_a_lifecycle_notice_looks_as_in_the_sample(
    create: Creator, receiver: Any, sandbox: Sandbox, event: str
) -> None:
    created = create(lifecycleNotificationUrl=receiver.url).json()["id"]

    sandbox.send_lifecycle(created, event)
    sandbox.flush(5)

    [item] = receiver.items
    assert list(item) == [
        "subscriptionId",
        "subscriptionExpirationDateTime",
        "tenantId",
        "clientState",
        "lifecycleEvent",
    ]
    assert item["lifecycleEvent"] == event
    assert (created in sandbox.subscriptions) == (event != "subscriptionRemoved")


def test_a_subscription_without_lifecycle_url_cannot_be_told(create: Creator, sandbox: Sandbox) -> None:
    created = create().json()["id"]

    with pytest.raises(ValueError, match="lifecycleNotificationUrl"):
        sandbox.send_lifecycle(created, "missed")
    with pytest.raises(ValueError, match="no lifecycle event"):
        sandbox.send_lifecycle(created, "lost")


def test_no_client_state_no_field(create: Creator, receiver: Any, sandbox: Sandbox) -> None:
    create(clientState=None)

    sandbox.make_change(f"/users/{sandbox.users[0].id}/messages", "updated")
    sandbox.flush(5)

    assert "clientState" not in receiver.items[0]


def test_a_validation_token_can_be_forged_in_every_part(sandbox: Sandbox, rsa_key: rsa.RSAPrivateKey) -> None:
    honest = sandbox.validation_token(version="1.0")
    forged = sandbox.validation_token(
        audience="other", tenant_id="t", claims={"azp": None, "exp": 5}, key=rsa_key, kid="k"
    )
    unsigned = sandbox.validation_token(key="", kid=None, algorithm="none")

    unchecked = {"verify_signature": False, "verify_exp": False}
    honest_claims = jwt.decode(honest, options={"verify_signature": False})
    forged_claims = jwt.decode(forged, options=unchecked)  # type: ignore[arg-type] # a plain dict will do
    assert honest_claims["appid"] == CHANGE_TRACKING_APP_ID
    assert honest_claims["iss"] == f"https://sts.windows.net/{sandbox.tenant_id}/"
    assert (forged_claims["aud"], forged_claims["exp"], "azp" in forged_claims) == ("other", 5, False)
    assert jwt.get_unverified_header(forged)["kid"] == "k"
    assert jwt.get_unverified_header(unsigned) == {"alg": "none", "typ": "JWT"}


def test_secrets_stay_out_of_representations(
    create: Creator, sandbox: Sandbox, client: Any, rich: dict[str, Any]
) -> None:
    create(resource="/teams/getAllMessages", **rich)
    sandbox.make_change("/teams/getAllMessages", "updated")
    sandbox.flush(5)

    shown = repr([sandbox.subscriptions, sandbox.requests, sandbox.deliveries, sandbox.application])

    for secret in ("invented-state", client.token, sandbox.application.client_secret, "validationTokens"):
        assert secret not in shown
    assert {one.headers.get("Authorization", "withheld") for one in sandbox.requests} == {"withheld"}


def test_living_data_reaches_every_subscription_and_brings_lifecycle_notices(
    create: Creator, receiver: Any, sandbox: Sandbox, rich: dict[str, Any]
) -> None:
    create(lifecycleNotificationUrl=receiver.url)
    create(resource="/teams/getAllMessages", changeType="created", **rich)

    sandbox.start_activity(timedelta(seconds=0.02))
    while not any("lifecycleEvent" in item for item in list(receiver.items)):
        sandbox.flush(5)
    sandbox.stop_activity()
    sandbox.flush(5)

    assert {item.get("changeType") for item in receiver.items} == {"updated", "created", None}


def test_a_retry_comes_when_the_time_for_it_is_skipped(
    create: Creator, receiver: Any, sandbox: Sandbox
) -> None:
    create(changeType="created")
    receiver.statuses = [503]
    sandbox.retry_delays = (timedelta(hours=1),)

    sandbox.make_change(f"/users/{sandbox.users[0].id}/messages/AAMk1", "created")
    sandbox.flush_due(5)
    tried = len(sandbox.deliveries)
    sandbox.advance(timedelta(hours=1))
    sandbox.flush_due(5)

    assert (tried, [delivery.status for delivery in sandbox.deliveries]) == (1, [503, 202])
