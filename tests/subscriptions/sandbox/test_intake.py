"""What Graph refuses before it calls anybody."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from subscriptions.sandbox import Sandbox

Creator = Callable[..., requests.Response]


def _in(**span: float) -> str:
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


@pytest.mark.parametrize(
    "changes",
    [
        {"colour": "red"},
        {"ChangeType": "updated"},
        {"clientstate": "x"},
        {"id": "8f3b2c1d-64a7-4b59-91e0-2d7c5f0a3e61"},
        {"applicationId": "x"},
        {"changeType": None},
        {"resource": None},
        {"notificationUrl": None},
        {"expirationDateTime": None},
        {"changeType": "modified"},
        {"changeType": ""},
        {"changeType": ["updated"]},
        {"clientState": 7},
        {"clientState": "x" * 129},
        {"includeResourceData": "true"},
        {"notificationUrl": "http://hooks.contoso.example/graph"},
        {"notificationUrl": "hooks.contoso.example/graph"},
        {"notificationUrl": "https://hooks.contoso.example:port/graph"},
        {"notificationUrl": "EventHub:https://contoso.servicebus.windows.net/eventhubname/hub"},
        {"lifecycleNotificationUrl": "http://hooks.contoso.example/graph"},
        {"latestSupportedTlsVersion": "1.2"},
        {"expirationDateTime": "tomorrow"},
        {"expirationDateTime": "2126-11-20"},
        {"expirationDateTime": "2126-11-20T18:00:00"},
        {"vapidPublicKey": "x"},
        {"encryptionCertificateId": "hooks-1"},
        {"includeResourceData": True},
        {"resource": "/kitchens/1/sinks"},
        {"resource": "/me/messages"},
        {"resource": "/reports/healthmonitoring/alerts", "changeType": "created"},
    ],
    ids=str,
)
def test_a_wrong_create_request_is_refused_with_400(
    create: Creator, sandbox: Sandbox, changes: dict[str, Any]
) -> None:
    response = create(**changes)

    assert response.status_code == 400
    assert response.json()["error"]["message"]
    assert not sandbox.subscriptions


def test_a_url_with_a_fragment_is_refused_before_it_is_called(create: Creator, receiver: Any) -> None:
    response = create(notificationUrl=f"{receiver.url}#part")

    assert response.status_code == 400
    assert receiver.handshakes == []


def test_an_unknown_path_is_refused_in_the_words_of_graph(create: Creator) -> None:
    response = create(resource="/kitchens/1/sinks")

    assert "Resource not found for the segment 'kitchens'" in response.json()["error"]["message"]


def test_a_beta_resource_is_accepted_through_the_beta_endpoint(create: Creator, client: Any) -> None:
    client.version = "beta"

    assert create(resource="/reports/healthmonitoring/alerts", changeType="created").status_code == 201


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(client: Any, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}

    response = client.call("POST", "/subscriptions", data=body, headers=headers)

    assert response.status_code == 400


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_of_another_content_type_is_refused(client: Any, content_type: str) -> None:
    response = client.call("POST", "/subscriptions", data=b"{}", headers={"Content-Type": content_type})

    assert response.status_code == 415


@pytest.mark.parametrize(
    ("resource", "minutes"),
    [
        ("/users/U/messages", 10_080),
        ("/users", 41_760),
        ("/drives/D/root", 42_300),
        ("/print/printers/P/jobs", 4_230),
    ],
)
def test_an_expiry_up_to_the_maximum_is_taken_and_beyond_it_refused(
    create: Creator, resource: str, minutes: int
) -> None:
    refused = create(resource=resource, expirationDateTime=_in(minutes=minutes + 1))
    taken = create(resource=resource, expirationDateTime=_in(minutes=minutes))

    assert (refused.status_code, taken.status_code) == (400, 201)
    assert f"can only be {minutes} minutes in the future" in refused.json()["error"]["message"]


def test_rich_mail_lives_a_day_at_most(create: Creator, rich: dict[str, Any]) -> None:
    response = create(resource="/users/U/messages?$select=subject", expirationDateTime=_in(hours=25), **rich)

    assert response.status_code == 400


def test_an_expiry_in_the_past_is_refused(create: Creator) -> None:
    assert create(expirationDateTime=_in(minutes=-1)).status_code == 400


def test_an_expiry_below_45_minutes_is_silently_raised(create: Creator) -> None:
    response = create(expirationDateTime=_in(minutes=1))

    left = datetime.fromisoformat(response.json()["expirationDateTime"]) - datetime.now(UTC)
    assert timedelta(minutes=44) < left <= timedelta(minutes=45)


def test_teams_needs_a_lifecycle_url_beyond_an_hour(create: Creator, receiver: Any) -> None:
    without = create(resource="/teams/getAllMessages", expirationDateTime=_in(minutes=61))
    with_url = create(
        resource="/teams/getAllMessages",
        expirationDateTime=_in(minutes=61),
        lifecycleNotificationUrl=receiver.url,
    )

    assert (without.status_code, with_url.status_code) == (400, 201)
    assert "lifecycleNotificationUrl is a required property" in without.json()["error"]["message"]


@pytest.mark.parametrize(
    ("resource", "change_type"),
    [
        ("/users", "created"),
        ("/drives/D/root", "updated,deleted"),
        ("/communications/callRecords", "deleted"),
        ("/chats/C", "created"),
    ],
)
def test_a_change_type_that_the_resource_never_reports_is_refused(
    create: Creator, resource: str, change_type: str
) -> None:
    assert create(resource=resource, changeType=change_type).status_code == 400


@pytest.mark.parametrize(
    "resource",
    [
        "/users/U/messages",
        "/users/U/messages?$select=subject,body",
        "/users/U/messages?$select=subject&$top=5",
        "/users/U/messages?$select=subject&$orderby=subject",
        "/users/U/messages?$select=subject&$expand=attachments",
        "/teams/getAllMessages?$select=body",
        "/chats/C/members?$select=roles",
        "/drives/D/root",
        "/users",
    ],
)
def test_resource_data_is_refused_where_graph_has_none_or_other_options(
    create: Creator, rich: dict[str, Any], resource: str
) -> None:
    change_type = "deleted" if "members" in resource else "updated"

    assert create(resource=resource, changeType=change_type, **rich).status_code == 400


@pytest.mark.parametrize(
    "resource",
    [
        "/users/U/messages?$select=subject",
        "teams/getAllMessages",
        "/chats/C",
        "/teams/T/channels('C')/messages",
    ],
)
def test_resource_data_is_given_where_graph_has_it(
    create: Creator, rich: dict[str, Any], resource: str
) -> None:
    response = create(resource=resource, **rich)

    assert response.status_code == 201
    assert response.json()["encryptionCertificate"] == ""
    assert response.json()["encryptionCertificateId"] == "hooks-1"


def test_emergency_calls_are_rich_only(create: Creator, rich: dict[str, Any]) -> None:
    resource = "/communications/calls/getEmergencyEventsByPolicy(policyName='main')"

    assert create(resource=resource).status_code == 400
    assert create(resource=resource, **rich).status_code == 201


@pytest.fixture(scope="session")
def bad_certificates(
    make_certificate: Callable[..., x509.Certificate], one_line: Callable[[x509.Certificate], str]
) -> dict[str, str]:
    """Certificates that Graph refuses, by what is wrong with them."""
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - to be refused
    good = one_line(make_certificate())
    return {
        "elliptic curve": one_line(make_certificate(ec.generate_private_key(ec.SECP256R1()))),
        "1024 bits": one_line(make_certificate(small)),
        "expired": one_line(make_certificate(begins=timedelta(days=-9), ends=timedelta(days=-1))),
        "not yet valid": one_line(make_certificate(begins=timedelta(days=1))),
        "several lines": f"{good[:64]}\n{good[64:]}",
        "markers": f"-----BEGIN CERTIFICATE-----{good}-----END CERTIFICATE-----",
        "not Base64": "%%%",
        "not X.509": base64.b64encode(b"certificate").decode(),
    }


@pytest.mark.parametrize(
    "fault",
    [
        "elliptic curve",
        "1024 bits",
        "expired",
        "not yet valid",
        "several lines",
        "markers",
        "not Base64",
        "not X.509",
    ],
)
def test_a_bad_certificate_is_refused(
    create: Creator, rich: dict[str, Any], bad_certificates: dict[str, str], fault: str
) -> None:
    changed = rich | {"encryptionCertificate": bad_certificates[fault]}

    response = create(resource="/teams/getAllMessages", **changed)

    assert response.status_code == 400
    assert "encryptionCertificate" in response.json()["error"]["message"]


@pytest.mark.parametrize("missing", ["encryptionCertificate", "encryptionCertificateId"])
def test_resource_data_needs_a_certificate_and_its_id(
    create: Creator, rich: dict[str, Any], missing: str
) -> None:
    assert create(resource="/teams/getAllMessages", **(rich | {missing: None})).status_code == 400


def test_a_certificate_id_has_at_most_128_characters(create: Creator, rich: dict[str, Any]) -> None:
    changed = rich | {"encryptionCertificateId": "x" * 129}

    assert create(resource="/teams/getAllMessages", **changed).status_code == 400
