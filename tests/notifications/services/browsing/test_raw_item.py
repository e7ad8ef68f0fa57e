"""An item is shown as it came, without what is secret in it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from notifications.models import ChangeNotification, Delivery
from notifications.services.browsing import raw_item
from subscriptions.keys.field_encryption import generate_key
from subscriptions.models import Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.services.errors import UseCaseError

Item = dict[str, Any]
Receiver = Callable[..., list[ChangeNotification]]


def test_the_item_is_the_one_of_the_notification_and_its_client_state_is_left_out(
    known: Callable[..., Subscription], item_of: Callable[..., Item], receive: Receiver
) -> None:
    subscription = known()
    items = [item_of(subscription, resourceData={"id": f"AAMk{n}", "ClientState": "also"}) for n in range(3)]
    rows = receive(*items)

    raw = raw_item.as_it_came(rows[1])

    assert raw.item["resourceData"] == {"id": "AAMk1", "ClientState": raw_item.HIDDEN}
    assert raw.item["clientState"] == raw_item.HIDDEN
    assert subscription.client_state.reveal() not in json.dumps(raw.item)
    assert dict(raw.headers)["Content-Type"] == "application/json; charset=utf-8"


def test_tokens_are_told_by_their_claims_and_never_shown(
    known_rich: Subscription, rich_item_of: Callable[..., Item], receive: Receiver, sandbox: Sandbox
) -> None:
    registration = known_rich.app_registration
    token = sandbox.validation_token(audience=registration.client_id, tenant_id=registration.tenant_id)
    [row] = receive(rich_item_of(known_rich), tokens=[token, "not.a.token"])

    raw = raw_item.as_it_came(row)
    first, second = (dict(facts) for facts in raw.tokens)

    assert first["tid"] == registration.tenant_id
    assert first["exp"].endswith("UTC")
    assert first["kid"]
    assert "malformed" in second["unreadable"]
    assert token not in repr(raw)
    assert "characters)" in raw.item["encryptedContent"]["dataKey"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"erased_at": datetime(2026, 3, 1, tzinfo=UTC), "body": b""}, "was erased"),
        ({"body": b"no json"}, "not JSON"),
        ({"body": b'{"value": []}'}, "no such item"),
    ],
    ids=["erased", "not JSON", "no such item"],
)
def test_why_there_is_nothing_to_show_is_said(
    known: Callable[..., Subscription],
    item_of: Callable[..., Item],
    receive: Receiver,
    change: dict[str, Any],
    reason: str,
) -> None:
    [row] = receive(item_of(known()))
    delivery = Delivery.objects.get()
    for name, value in change.items():
        setattr(delivery, name, value)
    delivery.save()
    row.refresh_from_db()

    with pytest.raises(UseCaseError, match=reason):
        raw_item.as_it_came(row)


def test_what_has_no_delivery_any_more_says_so(
    known: Callable[..., Subscription], item_of: Callable[..., Item], receive: Receiver
) -> None:
    [row] = receive(item_of(known()))
    Delivery.objects.all().delete()
    row.refresh_from_db()

    with pytest.raises(UseCaseError, match="not kept any more"):
        raw_item.as_it_came(row)


def test_a_body_that_does_not_open_says_so(
    known: Callable[..., Subscription], item_of: Callable[..., Item], receive: Receiver, settings: Settings
) -> None:
    [row] = receive(item_of(known()))
    settings.FIELD_ENCRYPTION_KEYS = [generate_key()]
    row = ChangeNotification.objects.get(pk=row.pk)

    with pytest.raises(UseCaseError, match="FIELD_ENCRYPTION_KEYS"):
        raw_item.as_it_came(row)
