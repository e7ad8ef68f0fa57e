"""Every payload sample through the webhook, into the state that the protocol asks for."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse

from notifications.models import ChangeNotification, Delivery
from notifications.services import engine, processing
from subscriptions.keys import certificates as keys
from subscriptions.models import AppRegistration, EncryptionCertificate, Subscription
from subscriptions.sandbox import Sandbox

EXAMPLES = Path(__file__).parent / "examples"
FILES = sorted(EXAMPLES.glob("*.json"))
# Whom the samples speak of.
FIRST = {"graph_id": "3c5d9a70-41be-4d27-8f16-a0c7e2b95d84", "client_state": "invented-state-one"}
SECOND = {"graph_id": "b18e6f24-9d03-4c7a-95e1-6f42d8370ac5", "client_state": "invented-state-two"}
TENANT = "e6f10b3a-7c28-4159-bd90-54a7c3e81f62"
CERTIFICATE_ID = "invented-certificate-7"

# File, then for each item: state, reason, change type, lifecycle event.
EXPECTED = {
    "basic_message": [("accepted", "", "created", "")],
    "basic_mixed_tenants": [("accepted", "", "created", ""), ("accepted", "", "updated", "")],
    "basic_user_without_id": [("accepted", "", "updated", "")],
    "large_payload_pointer": [("accepted", "", "created", "")],
    "lifecycle_beside_change": [("accepted", "", "", "missed"), ("accepted", "", "created", "")],
    "lifecycle_missed": [("accepted", "", "", "missed")],
    "lifecycle_reauthorization_required": [("accepted", "", "", "reauthorizationRequired")],
    "lifecycle_subscription_removed": [("accepted", "", "", "subscriptionRemoved")],
    "rich_capitalised_keys": [("rejected", "validation_token_malformed", "created", "")],
    "rich_chat_message": [("rejected", "validation_token_malformed", "created", "")],
    "rich_without_signature": [("rejected", "validation_tokens_missing", "created", "")],
}

pytestmark = pytest.mark.django_db

SubscriptionMaker = Callable[..., Subscription]
Post = Callable[..., HttpResponse]


@pytest.fixture
def subscriptions(known: SubscriptionMaker, unasked_registration: AppRegistration) -> list[Subscription]:
    """Know both subscriptions that the samples speak of, in the tenant that those with content name."""
    unasked_registration.tenant_id = TENANT
    unasked_registration.save()
    return [known(**FIRST), known(**SECOND)]


def read(name: str) -> dict[str, Any]:
    return dict(json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8")))


def drain() -> processing.Summary:
    return processing.process(clock=lambda: datetime.now(UTC))


def states() -> list[tuple[str, str, str, str]]:
    rows = ChangeNotification.objects.order_by("item_index")
    return list(rows.values_list("state", "reason", "change_type", "lifecycle_event"))


def test_every_sample_has_an_expected_outcome() -> None:
    assert {file.stem for file in FILES} == {*EXPECTED, "reachability_message"}


@pytest.mark.usefixtures("subscriptions")
@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_of_known_subscriptions_lands_where_the_protocol_says(name: str, post: Post) -> None:
    answer = post((EXAMPLES / f"{name}.json").read_bytes())
    summary = drain()

    assert answer.status_code == 202
    assert states() == EXPECTED[name]
    assert summary.errors == []


@pytest.mark.usefixtures("subscriptions")
@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_that_comes_twice_is_not_stored_twice(name: str, post: Post) -> None:
    for _ in range(2):
        post((EXAMPLES / f"{name}.json").read_bytes())
        drain()

    assert set(ChangeNotification.objects.values_list("times_delivered", flat=True)) == {2}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_sample_of_strangers_is_kept_apart_and_never_genuine(file: Path, post: Post) -> None:
    answer = post(file.read_bytes())
    drain()

    assert answer.status_code == 202
    assert Delivery.objects.get().is_quarantined
    assert {row.state for row in ChangeNotification.objects.all()} == {"rejected"}


@pytest.mark.usefixtures("subscriptions")
def test_the_first_message_of_an_event_hub_is_no_notification(post: Post) -> None:
    post((EXAMPLES / "reachability_message.json").read_bytes())
    drain()

    assert states()[0][0] == "rejected"


@pytest.mark.usefixtures("subscriptions")
def test_what_a_message_says_is_kept(post: Post) -> None:
    post(read("basic_message"))
    drain()

    row = ChangeNotification.objects.get()
    assert (row.notification_id, row.resource_type, row.resource_id, row.tenant_id) == (
        "qzT8wLk2RfAAAB/11d7",
        "message",
        "AAMkInvented42",
        TENANT,
    )


@pytest.mark.usefixtures("subscriptions")
def test_the_organization_of_a_directory_sample_is_its_tenant(post: Post) -> None:
    post(read("basic_user_without_id"))
    drain()

    assert ChangeNotification.objects.get().tenant_id == "19ad4c87-2e5b-46f3-8a0d-c7315be6904f"


def test_a_missed_sample_marks_its_subscription(subscriptions: list[Subscription], post: Post) -> None:
    post(read("lifecycle_missed"), path="/webhooks/graph/lifecycle")

    counts = engine.work_once()

    subscriptions[0].refresh_from_db()
    assert (counts["handled"], subscriptions[0].missed_at is not None) == (1, True)


# The samples with content, sealed for a certificate of ours and proven by a token


@pytest.fixture
def rich_subscription(
    known: SubscriptionMaker, app_registration: AppRegistration, certificate: EncryptionCertificate
) -> Subscription:
    """Know the subscription of the rich samples, in the tenant and with the certificate that they name."""
    app_registration.tenant_id = TENANT
    app_registration.save()
    certificate.encryption_certificate_id = CERTIFICATE_ID
    certificate.save()
    return known(
        **SECOND,
        app_registration=app_registration,
        include_resource_data=True,
        encryption_certificate=certificate,
    )


@pytest.fixture
def sealed(sandbox: Sandbox, rich_subscription: Subscription) -> dict[str, str]:
    """Encrypt a message for the certificate."""
    certificate = rich_subscription.encryption_certificate
    assert certificate is not None
    der = keys.public_base64(certificate.certificate)
    return sandbox.encrypt({"body": {"content": "Hello"}}, der, CERTIFICATE_ID)


@pytest.mark.parametrize("name", ["rich_chat_message", "rich_capitalised_keys"])
def test_a_rich_sample_with_real_content_is_proven_and_opened(
    name: str, sealed: dict[str, str], sandbox: Sandbox, post: Post
) -> None:
    body = read(name)
    (item,) = body["value"]
    key = next(name for name in item if name.lower() == "encryptedcontent")
    spelled = {name.lower(): name for name in item[key]}
    item[key] = {spelled[name.lower()]: value for name, value in sealed.items()}
    body["validationTokens"] = [sandbox.validation_token(tenant_id=TENANT)]

    post(body)
    drain()

    row = ChangeNotification.objects.get()
    assert (row.state, row.content.data) == ("accepted", {"body": {"content": "Hello"}})


def test_a_rich_sample_without_signature_is_refused_although_its_token_is_good(
    sealed: dict[str, str], sandbox: Sandbox, post: Post
) -> None:
    body = read("rich_without_signature")
    del sealed["dataSignature"]
    body["value"][0]["encryptedContent"] = sealed
    body["validationTokens"] = [sandbox.validation_token(tenant_id=TENANT)]

    post(body)
    drain()

    assert states() == [("rejected", "content_not_authentic", "created", "")]
