"""What strangers may send: never an error of ours, and never a row that counts as genuine."""

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import HttpResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifications.models import ChangeNotification, Delivery
from notifications.services import processing
from subscriptions.models import Subscription
from subscriptions.sandbox import Sandbox

pytestmark = pytest.mark.django_db

DECIDED = {202, 400, 413}
EXAMPLES = settings(
    max_examples=60,
    deadline=None,
    database=None,
    # Rows and subscriptions of one example do no harm to the next.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

Item = dict[str, Any]
Post = Callable[..., HttpResponse]
Speller = Callable[..., Item]
SubscriptionMaker = Callable[..., Subscription]

texts = st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=40)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
NAMES = (
    *(
        "id",
        "subscriptionId",
        "SubscriptionID",
        "subscriptionExpirationDateTime",
        "clientState",
        "changeType",
    ),
    *("lifecycleEvent", "resource", "resourceData", "encryptedContent", "tenantId", "organizationId"),
)
CONTENT_NAMES = ("data", "dataKey", "dataSignature", "encryptionCertificateId")
items = st.dictionaries(
    st.sampled_from(NAMES),
    anything
    | st.dictionaries(st.sampled_from(["id", "@odata.type", "@odata.etag", *CONTENT_NAMES]), anything),
    max_size=8,
)
CONTENT_TYPES = (
    "",
    "application/json",
    "text/plain; charset=iso-8859-1",
    "multipart/form-data",
    ";;=",
    "a/b; c",
)
CONTENT_ENCODINGS = ("", "identity", "gzip", "deflate", "GZIP ", "gzip, gzip")


def process() -> None:
    """Drain the inbox as a worker does; nothing may break off."""
    summary = processing.process(clock=lambda: datetime.now(UTC))
    assert summary.errors == []


def accepted() -> int:
    return ChangeNotification.objects.filter(state=ChangeNotification.State.ACCEPTED).count()


@EXAMPLES
@given(
    body=st.binary(max_size=300) | st.binary(max_size=300).map(gzip.compress),
    content_type=st.sampled_from(CONTENT_TYPES),
    content_encoding=st.sampled_from(CONTENT_ENCODINGS),
)
def test_random_bytes_get_a_decided_answer(
    post: Post, body: bytes, content_type: str, content_encoding: str
) -> None:
    answer = post(body, content_type=content_type, content_encoding=content_encoding)

    process()
    assert answer.status_code in DECIDED
    assert accepted() == 0


@EXAMPLES
@given(
    document=anything | st.fixed_dictionaries({"value": anything}, optional={"validationTokens": anything})
)
def test_random_json_gets_a_decided_answer(post: Post, document: Any) -> None:
    answer = post(document)

    process()
    assert answer.status_code in DECIDED
    assert accepted() == 0


@EXAMPLES
@given(found=st.lists(items | anything, max_size=5), tokens=anything | st.lists(texts, max_size=3))
def test_random_items_of_unknown_subscriptions_are_never_genuine(
    post: Post, found: list[Any], tokens: Any
) -> None:
    answer = post({"value": found, "validationTokens": tokens})

    process()
    assert answer.status_code == 202
    assert accepted() == 0


@EXAMPLES
@given(changes=items, client_state=anything)
def test_who_knows_everything_but_the_client_state_gets_nothing_in(
    known: SubscriptionMaker, item_of: Speller, post: Post, changes: Item, client_state: Any
) -> None:
    subscription = known()
    item = {**item_of(subscription), **changes, "clientState": client_state}

    answer = post({"value": [item]})

    process()
    assert answer.status_code == 202
    assert accepted() == 0


@EXAMPLES
@given(changes=items)
def test_odd_values_beside_a_good_client_state_are_dealt_with(
    known: SubscriptionMaker, item_of: Speller, post: Post, changes: Item
) -> None:
    subscription = known()
    proof = {name: item_of(subscription)[name] for name in ("subscriptionId", "clientState")}
    neighbour = item_of(subscription)

    answer = post({"value": [{**item_of(subscription), **changes, **proof}, neighbour]})

    process()
    assert answer.status_code == 202
    assert ChangeNotification.objects.filter(state="accepted", resource=neighbour["resource"]).count() == 1
    assert not Delivery.objects.filter(state="dead").exists()


@EXAMPLES
@given(place=st.integers(min_value=0, max_value=10_000), octet=st.integers(min_value=0, max_value=255))
def test_a_body_with_one_byte_changed_is_genuine_only_with_its_proof_intact(
    known: SubscriptionMaker, item_of: Speller, post: Post, place: int, octet: int
) -> None:
    ChangeNotification.objects.all().delete()
    subscription = known()
    body = bytearray(json.dumps({"value": [item_of(subscription)]}).encode())
    body[place % len(body)] = octet

    answer = post(bytes(body))

    process()
    assert answer.status_code in DECIDED
    if accepted():
        assert subscription.client_state.reveal().encode() in body
        assert str(subscription.graph_id).encode() in body.lower()


@EXAMPLES
@given(
    place=st.integers(min_value=0),
    letter=st.sampled_from("ABCabc019-_+/=. \n\0é"),
    cut=st.booleans(),
)
def test_a_token_with_one_character_changed_proves_nothing(
    known_rich: Subscription,
    rich_item_of: Speller,
    post: Post,
    sandbox: Sandbox,
    place: int,
    letter: str,
    cut: bool,
) -> None:
    token = sandbox.validation_token()
    at = place % len(token)
    changed = token[:at] + ("" if cut else letter) + token[at + 1 :]
    if changed == token:
        return

    answer = post({"value": [rich_item_of(known_rich)], "validationTokens": [changed]})

    process()
    assert answer.status_code == 202
    assert accepted() == 0


@EXAMPLES
@given(
    name=st.sampled_from(["data", "dataKey", "dataSignature", "encryptionCertificateId"]),
    place=st.integers(min_value=0),
    letter=st.sampled_from("ABCabc019-_+/=. \n\0é"),
)
def test_content_with_one_character_changed_is_never_opened(
    known_rich: Subscription,
    rich_item_of: Speller,
    post: Post,
    sandbox: Sandbox,
    name: str,
    place: int,
    letter: str,
) -> None:
    item = rich_item_of(known_rich)
    sealed = item["encryptedContent"][name]
    at = place % len(sealed)
    item["encryptedContent"][name] = sealed[:at] + letter + sealed[at + 1 :]
    if item["encryptedContent"][name] == sealed:
        return

    answer = post({"value": [item], "validationTokens": [sandbox.validation_token()]})

    process()
    assert answer.status_code == 202
    assert accepted() == 0


@EXAMPLES
@given(tokens=st.lists(texts | anything, max_size=4), content=anything | items)
def test_random_tokens_and_content_beside_a_good_client_state_prove_nothing(
    known_rich: Subscription, item_of: Speller, post: Post, tokens: list[Any], content: Any
) -> None:
    if content is None:
        return

    answer = post({"value": [item_of(known_rich, encryptedContent=content)], "validationTokens": tokens})

    process()
    assert answer.status_code == 202
    assert accepted() == 0
