"""What goes to Graph and what comes back."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscriptions.graph.documents import (
    RemoteSubscription,
    Renewal,
    SubscriptionRequest,
    format_timestamp,
    parse_timestamp,
)
from subscriptions.graph.errors import UnexpectedAnswerError

AT = datetime(2026, 11, 20, 18, 23, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20T18:23:45Z", AT),
        ("2026-11-20T18:23:45.9356913Z", AT.replace(microsecond=935691)),
        ("2026-11-20T18:23:45.5Z", AT.replace(microsecond=500000)),
        ("2026-11-20T20:23:45+02:00", AT),
        ("2026-11-20T10:23:45.0000000-08:00", AT),
        ("2026-11-20T18:23:45.12345678901Z", AT.replace(microsecond=123456)),
    ],
)
def test_graphs_timestamps_are_read_as_utc(text: str, expected: datetime) -> None:
    at = parse_timestamp(text)

    assert at == expected
    assert at.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-20",
        "2026-11-20T18:23:45",
        "2026-11-20 18:23:45Z",
        "2026-13-20T18:23:45Z",
        "2026-11-20T18:23:45.Z",
        "2026-11-20T18:23:45Z\n",
        "0001-01-01T00:00:00+14:00",
        "2026-11-20T18:23:45+0200",
        "tomorrow",
        "٢٠٢٦-11-20T18:23:45Z",
    ],
)
def test_anything_else_is_no_timestamp(text: str) -> None:
    with pytest.raises(ValueError, match="timestamp"):
        parse_timestamp(text)


@given(at=st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_is_read_back(at: datetime) -> None:
    assert parse_timestamp(format_timestamp(at)) == at


def test_a_moment_in_another_zone_is_written_in_utc() -> None:
    at = AT.astimezone(timezone(timedelta(hours=2)))

    assert format_timestamp(at) == "2026-11-20T18:23:45Z"


def test_a_naive_moment_is_not_written() -> None:
    with pytest.raises(ValueError, match="naive"):
        format_timestamp(AT.replace(tzinfo=None))


def make_request(**changes: Any) -> SubscriptionRequest:
    values: dict[str, Any] = {
        "resource": "/users/u/messages",
        "change_type": "created,updated",
        "notification_url": "https://hooks.example/n",
        "expires_at": AT,
        "client_state": "state-never-to-be-seen",
    }
    return SubscriptionRequest(**(values | changes))


def test_a_basic_request_holds_only_what_is_set() -> None:
    assert make_request().as_json() == {
        "changeType": "created,updated",
        "resource": "/users/u/messages",
        "notificationUrl": "https://hooks.example/n",
        "expirationDateTime": "2026-11-20T18:23:45Z",
        "clientState": "state-never-to-be-seen",
    }


def test_a_rich_request_carries_certificate_and_its_id() -> None:
    body = make_request(
        lifecycle_notification_url="https://hooks.example/l",
        include_resource_data=True,
        encryption_certificate="MIIB",
        encryption_certificate_id="c1",
        latest_supported_tls_version="v1_2",
        notification_query_options="$filter=x",
    ).as_json()

    assert body["includeResourceData"] is True
    assert body["encryptionCertificate"] == "MIIB"
    assert body["encryptionCertificateId"] == "c1"
    assert body["lifecycleNotificationUrl"] == "https://hooks.example/l"
    assert body["latestSupportedTlsVersion"] == "v1_2"
    assert body["notificationQueryOptions"] == "$filter=x"


def test_a_request_does_not_show_its_client_state() -> None:
    assert "state-never-to-be-seen" not in repr(make_request())


def test_a_renewal_may_also_move_url_and_certificate() -> None:
    plain = Renewal(id="s", expires_at=AT)
    moved = Renewal(
        id="s",
        expires_at=AT,
        notification_url="https://hooks.example/new",
        encryption_certificate="MIIB",
        encryption_certificate_id="c2",
    )

    assert plain.as_json() == {"expirationDateTime": "2026-11-20T18:23:45Z"}
    assert moved.as_json() == {
        "expirationDateTime": "2026-11-20T18:23:45Z",
        "notificationUrl": "https://hooks.example/new",
        "encryptionCertificate": "MIIB",
        "encryptionCertificateId": "c2",
    }


def captured(name: str) -> Any:
    path = Path(__file__).with_name("payloads") / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_created_basic_subscription_is_read() -> None:
    subscription = RemoteSubscription.from_json(captured("subscription_create_basic")["response"]["body"])

    assert subscription.id == "8f3b2c1d-64a7-4b59-91e0-2d7c5f0a3e61"
    assert subscription.change_type == "created,updated"
    assert subscription.expires_at == AT.replace(microsecond=935691)
    assert subscription.client_state == "k7Qe-invented-client-state-0192"
    assert not subscription.include_resource_data
    assert subscription.encryption_certificate_id is None


def test_a_created_rich_subscription_is_read() -> None:
    subscription = RemoteSubscription.from_json(captured("subscription_create_rich")["response"]["body"])

    assert subscription.include_resource_data
    assert subscription.encryption_certificate_id == "hooks-cert-2026-09"
    assert subscription.lifecycle_notification_url == "https://hooks.contoso.example/graph/lifecycle"


def test_a_listed_subscription_has_no_client_state() -> None:
    listed = captured("subscription_list")["response"]["body"]["value"]

    assert [RemoteSubscription.from_json(document).client_state for document in listed] == [None, None]


def test_a_subscription_does_not_show_its_client_state() -> None:
    subscription = RemoteSubscription.from_json(captured("subscription_create_basic")["response"]["body"])

    assert "k7Qe" not in repr(subscription)


def test_unknown_properties_and_wrong_types_beside_the_point_are_tolerated() -> None:
    subscription = RemoteSubscription.from_json(
        {"id": "s", "expirationDateTime": "2026-11-20T18:23:45Z", "new": {"x": 1}, "clientState": 7}
    )

    assert (subscription.id, subscription.expires_at, subscription.client_state) == ("s", AT, None)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"id": "s"},
        {"id": "", "expirationDateTime": "2026-11-20T18:23:45Z"},
        {"id": 5, "expirationDateTime": "2026-11-20T18:23:45Z"},
        {"id": "s", "expirationDateTime": "soon"},
        {"id": "s", "expirationDateTime": 1},
    ],
)
def test_without_id_or_expiry_it_is_no_subscription(document: dict[str, Any]) -> None:
    with pytest.raises(UnexpectedAnswerError):
        RemoteSubscription.from_json(document)
