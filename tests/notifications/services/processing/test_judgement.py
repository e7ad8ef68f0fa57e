"""What proves an item: its subscription, its clientState, and for content a token of Graph's and a signature."""

import base64
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from notifications.models import ChangeNotification, Delivery
from notifications.services import processing
from subscriptions.keys import certificates as keys
from subscriptions.models import AppRegistration, EncryptionCertificate, Subscription
from subscriptions.sandbox import Sandbox
from subscriptions.services import certificates, identities
from subscriptions.services.access import app_registrations, clients

pytestmark = pytest.mark.django_db

FULL_PROOF = ["clientState", "validationToken", "dataSignature"]
OTHER_TENANT = "0d3c7b52-18fe-4a96-b7c4-e25f80a9d641"
PERSONAL_ACCOUNTS_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"

Item = dict[str, Any]
SubscriptionMaker = Callable[..., Subscription]
Speller = Callable[..., Item]
Receive = Callable[..., list[ChangeNotification]]


def facts(row: ChangeNotification) -> tuple[str, str]:
    return row.state, row.reason


# Basic notifications


def test_a_notification_with_our_client_state_is_genuine(
    known: SubscriptionMaker, item_of: Speller, receive: Receive
) -> None:
    subscription = known()

    (row,) = receive(item_of(subscription))

    assert (row.state, row.subscription, row.proof) == ("accepted", subscription, ["clientState"])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"clientState": "guessed"}, "client_state_mismatch"),
        ({"clientState": "Ω\ud800"}, "client_state_mismatch"),
        ({"clientState": ""}, "client_state_missing"),
        ({"clientState": None}, "client_state_missing"),
        ({"clientState": ["x"]}, "malformed"),
        ({"clientState": {"$ne": ""}}, "malformed"),
        ({"subscriptionId": "9f1b4a7e-6d20-4c83-a5be-07d2c93f8e16"}, "unknown_subscription"),
        ({"subscriptionId": "NA"}, "unknown_subscription"),
        ({"subscriptionId": ""}, "malformed"),
        ({"subscriptionId": 7}, "malformed"),
        ({"lifecycleEvent": "missed"}, "malformed"),
    ],
)
def test_a_notification_without_our_proof_is_never_genuine(
    changes: Item, reason: str, known: SubscriptionMaker, item_of: Speller, receive: Receive
) -> None:
    subscription = known()

    (row,) = receive(item_of(subscription, **changes))

    assert (row.state, row.reason, row.subscription, row.proof) == ("rejected", reason, None, [])


def test_the_client_state_of_another_subscription_proves_nothing(
    known: SubscriptionMaker, item_of: Speller, receive: Receive
) -> None:
    first, second = known(), known()

    (row,) = receive(item_of(first, clientState=second.client_state.reveal()))

    assert facts(row) == ("rejected", "client_state_mismatch")


def test_a_subscription_without_a_client_state_is_proven_by_nothing(
    known: SubscriptionMaker, item_of: Speller, receive: Receive
) -> None:
    (row,) = receive(item_of(known(client_state=""), clientState=""))

    assert facts(row) == ("rejected", "client_state_missing")


def test_one_bad_item_never_fails_its_neighbours(
    known: SubscriptionMaker, item_of: Speller, receive: Receive
) -> None:
    subscription = known()
    forged = item_of(subscription, clientState="guessed")

    rows = receive(item_of(subscription), forged, 7, "x", None, [], {}, item_of(subscription))

    assert sorted(row.state for row in rows) == ["accepted"] * 2 + ["rejected"] * 6


def test_ids_and_keys_are_known_in_any_case(
    known: SubscriptionMaker, item_of: Speller, receive: Receive
) -> None:
    subscription = known(graph_id="3C5D9A70-41BE-4D27-8f16-a0c7e2b95d84")
    item = item_of(subscription, subscriptionId="3c5d9a70-41BE-4d27-8F16-A0C7E2B95D84", changeType="Created")

    (row,) = receive({name[0].upper() + name[1:]: value for name, value in item.items()})

    assert (row.state, row.change_type, row.subscription) == ("accepted", "created", subscription)


def test_unknown_change_types_events_and_fields_are_kept(
    known: SubscriptionMaker, item_of: Speller, receive: Receive
) -> None:
    subscription = known()
    unknown_event = item_of(subscription, changeType=None, lifecycleEvent="somethingNew")

    rows = receive(item_of(subscription, changeType="Archived", somethingNew={"a": 1}), unknown_event)

    assert [(row.state, row.change_type, row.lifecycle_event) for row in rows] == [
        ("accepted", "archived", ""),
        ("accepted", "", "somethingNew"),
    ]
    assert rows[1].handle_after is None


def test_the_tenant_may_be_called_organization(
    known: SubscriptionMaker, item_of: Speller, receive: Receive
) -> None:
    (row,) = receive(item_of(known(), tenantId=None, organizationId=OTHER_TENANT.upper()))

    assert (row.state, row.tenant_id) == ("accepted", OTHER_TENANT)


# A subscription that is not confirmed yet, or has another id now


def test_a_notification_faster_than_the_answer_to_the_create_call_is_known_by_its_client_state(
    known: SubscriptionMaker, item_of: Speller, receive: Receive
) -> None:
    pending = known(status=Subscription.Status.PENDING, graph_id=None, expires_at=None)
    pending.client_state = pending.new_client_state()
    pending.save()

    (row,) = receive(item_of(pending, subscriptionId="7a0d5c21-e84b-4f96-93d7-1b6c20fa8e45"))

    assert (row.state, row.subscription) == ("accepted", pending)


def test_the_number_of_a_pending_row_alone_proves_nothing(
    known: SubscriptionMaker, item_of: Speller, receive: Receive
) -> None:
    pending = known(status=Subscription.Status.PENDING, graph_id=None, expires_at=None)
    pending.client_state = pending.new_client_state()
    pending.save()

    rows = receive(
        item_of(pending, subscriptionId="a", clientState=f"{pending.pk}."),
        item_of(pending, subscriptionId="b", clientState=f"{pending.pk}.guessed"),
        item_of(pending, subscriptionId="c", clientState=f"{'9' * 18}.x"),
        item_of(pending, subscriptionId="d", clientState=f"{'9' * 1000}.x"),
    )

    assert {row.state for row in rows} == {"rejected"}


def test_a_late_notification_under_a_former_id_is_genuine_for_a_while(
    known: SubscriptionMaker, item_of: Speller, receive: Receive
) -> None:
    subscription = known()
    late, too_late = item_of(subscription), item_of(subscription)
    now = datetime.now(UTC)
    former = subscription.former_identities.create(
        graph_id=late["subscriptionId"],
        client_state=subscription.client_state.reveal(),
        accepted_until=now + timedelta(hours=1),
    )
    Subscription.objects.filter(pk=subscription.pk).update(graph_id="a-new-one")

    first = receive(late)
    former.accepted_until = now
    former.save()
    identities.forget()
    second = receive(too_late)

    assert (first[0].state, first[0].subscription) == ("accepted", subscription)
    assert facts(second[1]) == ("rejected", "unknown_subscription")


# Validation tokens


def test_content_with_a_token_of_graph_and_a_signature_is_genuine_and_opened(
    known_rich: Subscription, rich_item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    content = {"body": {"content": "Grüße \N{SNOWMAN}"}, "n": 1.5, "none": None}

    (row,) = receive(rich_item_of(known_rich, content=content), tokens=[sandbox.validation_token()])

    assert (facts(row), row.proof) == (("accepted", ""), FULL_PROOF)
    assert row.content.data == content


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_tokens_of_both_versions_are_taken(
    version: str, known_rich: Subscription, rich_item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    (row,) = receive(rich_item_of(known_rich), tokens=[sandbox.validation_token(version=version)])

    assert row.state == "accepted"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "validation_tokens_missing"),
        ({"validationTokens": None}, "validation_tokens_missing"),
        ({"validationTokens": []}, "validation_tokens_missing"),
        ({"validationTokens": "a.b.c"}, "validation_tokens_missing"),
        ({"validationTokens": [None, 7, {}]}, "validation_tokens_missing"),
        ({"validationTokens": [""]}, "validation_token_malformed"),
        ({"validationTokens": ["garbage"]}, "validation_token_malformed"),
        ({"validationTokens": ["..", "a.b.c"]}, "validation_token_malformed"),
        ({"validationTokens": ["x" * 20_000]}, "validation_token_malformed"),
    ],
)
def test_content_without_a_token_is_refused(
    body: Item, reason: str, known_rich: Subscription, rich_item_of: Speller, post: Callable[..., object]
) -> None:
    post({"value": [rich_item_of(known_rich)], **body})

    processing.process(clock=lambda: datetime.now(UTC))

    assert facts(ChangeNotification.objects.get()) == ("rejected", reason)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "0bf30f3b-4a52-48df-9a82-234910c4a086"}, "validation_token_audience"),
        ({"aud": ["c2e81d70-94b6-4f3a-8d25-71fa60b93ce4"]}, "validation_token_audience"),
        ({"aud": None}, "validation_token_malformed"),
        ({"tid": OTHER_TENANT}, "validation_token_tenant"),
        ({"tid": None}, "validation_token_malformed"),
        ({"iss": "https://login.microsoftonline.com.evil.example/common/v2.0"}, "validation_token_issuer"),
        ({"iss": f"https://login.microsoftonline.com/{OTHER_TENANT}/v2.0"}, "validation_token_issuer"),
        ({"iss": None}, "validation_token_malformed"),
        ({"azp": "9d3a6c18-52fb-4e07-8c41-b60e7f29d5a4"}, "validation_token_azp"),
        (
            {"azp": None, "appid": "0bf30f3b-4a52-48df-9a82-234910c4a086"},
            "validation_token_malformed",
        ),
        ({"ver": "3.0"}, "validation_token_malformed"),
        ({"exp": 1_600_000_000}, "validation_token_expired"),
        ({"exp": "soon"}, "validation_token_malformed"),
        ({"exp": None}, "validation_token_malformed"),
        ({"nbf": None}, "validation_token_malformed"),
    ],
)
def test_a_signed_token_that_says_something_else_is_refused(
    claims: Item,
    reason: str,
    known_rich: Subscription,
    rich_item_of: Speller,
    receive: Receive,
    sandbox: Sandbox,
) -> None:
    (row,) = receive(rich_item_of(known_rich), tokens=[sandbox.validation_token(claims=claims)])

    assert facts(row) == ("rejected", reason)
    assert row.proof == ["clientState"]
    assert not hasattr(row, "content")


def test_a_version_1_token_of_another_caller_is_refused(
    known_rich: Subscription, rich_item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    claims = {"appid": "9d3a6c18-52fb-4e07-8c41-b60e7f29d5a4"}

    (row,) = receive(
        rich_item_of(known_rich), tokens=[sandbox.validation_token(version="1.0", claims=claims)]
    )

    assert facts(row) == ("rejected", "validation_token_azp")


def test_a_token_signed_by_another_key_is_refused(
    known_rich: Subscription, rich_item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    (row,) = receive(rich_item_of(known_rich), tokens=[sandbox.validation_token(key=stranger)])

    assert facts(row) == ("rejected", "validation_token_signature")


def test_a_public_key_is_not_taken_for_a_shared_secret(
    known_rich: Subscription, rich_item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    signing = sandbox._keys.current
    public = signing.private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header = _base64url(json.dumps({"alg": "HS256", "typ": "JWT", "kid": signing.kid}).encode())
    signed = f"{header}.{sandbox.validation_token().split('.')[1]}"
    token = f"{signed}.{_base64url(hmac.digest(public, signed.encode(), 'sha256'))}"

    (row,) = receive(rich_item_of(known_rich), tokens=[token])

    assert facts(row) == ("rejected", "validation_token_algorithm")


@pytest.mark.parametrize("algorithm", ["none", "None", "RS512"])
def test_an_unsigned_token_is_refused(
    algorithm: str, known_rich: Subscription, rich_item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    token = sandbox.validation_token()
    header = _base64url(json.dumps({**jwt.get_unverified_header(token), "alg": algorithm}).encode())

    (row,) = receive(rich_item_of(known_rich), tokens=[f"{header}.{token.split('.')[1]}.AA"])

    assert facts(row) == ("rejected", "validation_token_algorithm")


def test_a_signing_key_that_is_not_published_proves_nothing(
    known_rich: Subscription, rich_item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    (row,) = receive(rich_item_of(known_rich), tokens=[sandbox.validation_token(kid="unknown")])

    assert facts(row) == ("rejected", "unknown_signing_key")


def test_a_token_under_a_new_signing_key_waits_until_the_keys_may_be_asked_for_again(
    known_rich: Subscription, rich_item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    receive(rich_item_of(known_rich), tokens=[sandbox.validation_token()])
    sandbox.rotate_signing_keys()

    *_, row = receive(rich_item_of(known_rich), tokens=["garbage", sandbox.validation_token()])

    assert facts(row) == ("waiting", "signing_keys_unavailable")


def test_a_token_good_on_arrival_stays_good_when_it_is_looked_at_after_its_end(
    known_rich: Subscription, rich_item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    two_days_later = datetime.now(UTC) + timedelta(days=2)

    (row,) = receive(rich_item_of(known_rich), tokens=[sandbox.validation_token()], at=two_days_later)

    assert row.state == "accepted"


def test_a_token_from_the_future_of_a_slow_clock_proves_its_item_when_the_time_has_come(
    known_rich: Subscription, rich_item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    valid_at = datetime.now(UTC) + timedelta(minutes=20)
    token = sandbox.validation_token(claims={"nbf": int(valid_at.timestamp())})
    (waiting,) = receive(rich_item_of(known_rich), tokens=[token])

    processing.process(clock=lambda: valid_at)

    assert facts(waiting) == ("waiting", "validation_token_not_yet_valid")
    assert ChangeNotification.objects.get().proof == FULL_PROOF


def test_a_token_of_another_tenant_does_not_prove_an_item_that_claims_ours(
    known_rich: Subscription, rich_item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    (row,) = receive(rich_item_of(known_rich), tokens=[sandbox.validation_token(tenant_id=OTHER_TENANT)])

    assert row.state == "rejected"


def test_two_tenants_and_apps_in_one_post_are_each_proven_by_their_own_token(
    known: SubscriptionMaker,
    known_rich: Subscription,
    certificate: EncryptionCertificate,
    rich_item_of: Speller,
    receive: Receive,
    sandbox: Sandbox,
) -> None:
    other = _second_registration(sandbox)
    second = known(
        app_registration=other,
        resource="/chats/getAllMessages",
        include_resource_data=True,
        encryption_certificate=certificate,
    )
    ours = sandbox.validation_token()
    theirs = sandbox.validation_token(audience=other.client_id, tenant_id=other.tenant_id)
    items = [rich_item_of(known_rich), rich_item_of(second)]

    rows = receive(*items, tokens=[theirs, ours])
    one_proven = receive(*[{**item, "id": "again"} for item in items], tokens=[ours])

    assert [facts(row) for row in rows] == [("accepted", ""), ("accepted", "")]
    assert one_proven[2].state == "accepted"
    assert one_proven[3].state == "rejected"


def test_a_bad_token_beside_a_good_one_harms_only_whom_it_should_have_proven(
    known_rich: Subscription, rich_item_of: Speller, item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    rows = receive(
        rich_item_of(known_rich),
        item_of(known_rich),
        tokens=["garbage", sandbox.validation_token(kid="unknown"), sandbox.validation_token()],
    )

    assert [row.state for row in rows] == ["accepted", "accepted"]


def test_an_empty_tenant_is_that_of_personal_accounts_where_the_registration_names_a_domain(
    known_rich: Subscription, rich_item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    registration = known_rich.app_registration
    registration.tenant_id = "contoso.example"
    registration.save()
    personal = sandbox.validation_token(tenant_id=PERSONAL_ACCOUNTS_TENANT)
    other = sandbox.validation_token(tenant_id=OTHER_TENANT)

    receive(rich_item_of(known_rich, tenantId=""), tokens=[personal])
    rows = receive(rich_item_of(known_rich, tenantId=""), tokens=[other])

    assert [row.state for row in rows] == ["accepted", "rejected"]


def test_content_of_a_personal_account_is_proven_by_a_token_of_the_tenant_of_those(
    known_rich: Subscription, rich_item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    tokens = [sandbox.validation_token(tenant_id=PERSONAL_ACCOUNTS_TENANT), sandbox.validation_token()]

    rows = [
        receive(rich_item_of(known_rich, tenantId=PERSONAL_ACCOUNTS_TENANT), tokens=[token])[-1]
        for token in tokens
    ]

    assert [row.state for row in rows] == ["accepted", "rejected"]


def test_keys_that_cannot_be_fetched_let_the_item_wait_and_prove_it_later(
    known_rich: Subscription, rich_item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    sandbox.add_fault(path="openid-configuration", status=503, times=1)
    (waiting,) = receive(rich_item_of(known_rich), tokens=[sandbox.validation_token()])
    clients.signing_keys_of.cache_clear()  # as in another process, which has not asked yet

    processing.process(clock=lambda: datetime.now(UTC) + timedelta(minutes=1))

    assert facts(waiting) == ("waiting", "signing_keys_unavailable")
    row = ChangeNotification.objects.get()
    assert (row.state, row.proof, row.times_delivered) == ("accepted", FULL_PROOF, 1)


# Content


def test_content_for_a_certificate_that_is_not_here_is_opened_once_it_is_imported(
    known_rich: Subscription, rich_item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    later = keys.generate("later", key_size=2048, now=datetime.now(UTC))
    sealed = sandbox.encrypt({"a": 1}, keys.public_base64(later.certificate_pem), "later")
    item = rich_item_of(known_rich, encryptedContent=sealed)
    (waiting,) = receive(item, tokens=[sandbox.validation_token()])

    certificates.save("later", later)
    processing.process(clock=lambda: datetime.now(UTC), include_waiting=True)

    assert facts(waiting) == ("waiting", "unknown_certificate")
    row = ChangeNotification.objects.get()
    assert (row.state, row.content.data) == ("accepted", {"a": 1})


@pytest.mark.parametrize("name", ["data", "dataKey", "dataSignature"])
def test_content_of_which_a_part_was_swapped_is_refused(
    name: str, known_rich: Subscription, rich_item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    item, other = rich_item_of(known_rich), rich_item_of(known_rich, content={"body": "else"})
    item["encryptedContent"][name] = other["encryptedContent"][name]

    (row,) = receive(item, tokens=[sandbox.validation_token()])

    assert facts(row) == ("rejected", "content_not_authentic")
    assert row.proof == ["clientState", "validationToken"]
    assert not hasattr(row, "content")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"encryptionCertificateThumbprint": "00" * 20}, "thumbprint_mismatch"),
        ({"data": "%%%"}, "encrypted_content_malformed"),
        ({"dataKey": ""}, "encrypted_content_malformed"),
        ({"dataKey": 7}, "malformed"),
        ({"dataSignature": None}, "content_not_authentic"),
        ({"dataSignature": ""}, "content_not_authentic"),
        ({"encryptionCertificateId": None}, "encrypted_content_malformed"),
    ],
)
def test_content_with_a_part_that_is_wrong_is_refused(
    changes: Item,
    reason: str,
    known_rich: Subscription,
    rich_item_of: Speller,
    receive: Receive,
    sandbox: Sandbox,
) -> None:
    item = rich_item_of(known_rich)
    item["encryptedContent"] |= changes

    (row,) = receive(item, tokens=[sandbox.validation_token()])

    assert facts(row) == ("rejected", reason)


@pytest.mark.parametrize("content", [[1, 2], "text", 7, None, float("nan")])
def test_signed_content_that_is_no_json_object_is_refused(
    content: Any, known_rich: Subscription, rich_item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    certificate = known_rich.encryption_certificate
    assert certificate is not None
    sealed = sandbox.encrypt(
        content, keys.public_base64(certificate.certificate), certificate.encryption_certificate_id
    )

    (row,) = receive(rich_item_of(known_rich, encryptedContent=sealed), tokens=[sandbox.validation_token()])

    assert facts(row) == ("rejected", "content_not_json")


def test_content_that_a_database_cannot_hold_is_made_to_fit(
    known_rich: Subscription, rich_item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    content = {"nul\0": "\0", "big": 10**30}

    (row,) = receive(rich_item_of(known_rich, content=content), tokens=[sandbox.validation_token()])

    assert row.content.data == {"nul\ufffd": "\ufffd", "big": str(10**30)}


def test_content_nested_beyond_measure_is_refused_alone(
    known_rich: Subscription, rich_item_of: Speller, item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    deep: Item = {}
    for _ in range(200):
        deep = {"a": deep}

    rows = receive(
        rich_item_of(known_rich, content=deep), item_of(known_rich), tokens=[sandbox.validation_token()]
    )

    assert [facts(row) for row in rows] == [("rejected", "malformed"), ("accepted", "")]


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _second_registration(sandbox: Sandbox) -> AppRegistration:
    tenant = sandbox.add_tenant("Fabrikam", domain="fabrikam.example")
    application = sandbox.add_application(tenant_ids=[tenant.id])
    return app_registrations.register(
        name="Second",
        cloud=AppRegistration.Cloud.CUSTOM,
        tenant_id=tenant.id,
        client_id=application.client_id,
        credential=app_registrations.NewCredential(client_secret="x"),
    )


def test_a_token_that_proved_a_neighbour_proves_nothing_that_came_after_its_end(
    known_rich: Subscription, rich_item_of: Speller, post: Callable[..., object], sandbox: Sandbox
) -> None:
    now = datetime.now(UTC)
    token = sandbox.validation_token(claims={"exp": int((now + timedelta(minutes=1)).timestamp())})
    for _ in range(2):
        post({"value": [rich_item_of(known_rich)], "validationTokens": [token]})
    late = Delivery.objects.latest("pk")
    Delivery.objects.filter(pk=late.pk).update(received_at=now + timedelta(minutes=8))

    processing.process(clock=lambda: now + timedelta(minutes=9))

    rows = ChangeNotification.objects.order_by("delivery_id")
    assert [facts(row) for row in rows] == [("accepted", ""), ("rejected", "validation_token_expired")]


def test_a_token_that_proved_one_tenants_item_proves_no_other_tenants(
    known_rich: Subscription, rich_item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    items = [rich_item_of(known_rich), rich_item_of(known_rich, tenantId=OTHER_TENANT)]

    rows = receive(*items, tokens=[sandbox.validation_token()])

    assert [facts(row) for row in rows] == [("accepted", ""), ("rejected", "validation_token_tenant")]


def test_a_tenant_of_somebody_elses_does_not_prove_content_of_our_subscription_by_its_own_token(
    known_rich: Subscription, rich_item_of: Speller, receive: Receive, sandbox: Sandbox
) -> None:
    item = rich_item_of(known_rich, tenantId=OTHER_TENANT)

    (row,) = receive(item, tokens=[sandbox.validation_token(tenant_id=OTHER_TENANT)])

    assert facts(row) == ("rejected", "validation_token_tenant")
    assert not hasattr(row, "content")
