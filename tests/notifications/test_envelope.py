"""Reading a posted body never trusts it, never trips over it, and loses nothing of it."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications import envelope
from notifications.envelope import Envelope, MalformedBodyError, UnverifiedItem
from notifications.errors import Reason

EXAMPLES = Path(__file__).parent / "examples"

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
item_fields = st.sampled_from(
    [
        "id",
        "subscriptionId",
        "clientState",
        "changeType",
        "lifecycleEvent",
        "resource",
        "resourceData",
        "encryptedContent",
        "tenantId",
        "subscriptionExpirationDateTime",
    ]
)


def parse(body: Any, **changes: Any) -> Envelope:
    limits: dict[str, Any] = {"max_bytes": 1_000_000, "max_items": 100}
    return envelope.parse(
        body if isinstance(body, bytes) else json.dumps(body).encode(), **(limits | changes)
    )


def make_item(**changes: Any) -> dict[str, Any]:
    item = {
        "id": "n1",
        "subscriptionId": "S1",
        "clientState": "state",
        "changeType": "updated",
        "resource": "users/u1",
        "resourceData": {"id": "u1", "@odata.etag": "e1"},
        "tenantId": "T1",
    }
    return {name: value for name, value in (item | changes).items() if value is not ...}


def parse_item(**changes: Any) -> UnverifiedItem:
    return parse({"value": [make_item(**changes)]}).items[0]


def fingerprint(*, subscription_key: str = "7", **changes: Any) -> str:
    return envelope.fingerprint(parse_item(**changes), subscription_key=subscription_key)


def read_example(name: str) -> Envelope:
    return parse((EXAMPLES / f"{name}.json").read_bytes())


class TestExamples:
    def test_a_basic_message_is_read_field_by_field(self) -> None:
        item = read_example("basic_message").items[0]

        assert item.problem is None
        assert (item.index, item.notification_id) == (0, "qzT8wLk2RfAAAB/11d7")
        assert item.subscription_id == "3c5d9a70-41be-4d27-8f16-a0c7e2b95d84"
        assert item.client_state == "invented-state-one"
        assert (item.change_type, item.lifecycle_event) == ("created", "")
        assert item.resource == "Users/d2740f9b-63a1-4ce8-b75f-80e91c4a2d36/Messages/AAMkInvented42"
        assert (item.resource_type, item.resource_id) == ("message", "AAMkInvented42")
        assert item.etag == 'W/"CQAAAInvented42"'
        assert item.tenant_id == "e6f10b3a-7c28-4159-bd90-54a7c3e81f62"
        assert item.encrypted_content is None

    def test_an_older_directory_item_names_its_tenant_by_organization_id(self) -> None:
        item = read_example("basic_user_without_id").items[0]

        assert item.problem is None
        assert item.notification_id == ""
        assert item.tenant_id == "19ad4c87-2e5b-46f3-8a0d-c7315be6904f"
        assert item.resource_data["sequenceNumber"] == 637412345678901234

    def test_one_body_may_mix_tenants(self) -> None:
        items = read_example("basic_mixed_tenants").items

        assert [item.index for item in items] == [0, 1]
        assert len({item.tenant_id for item in items}) == 2

    def test_a_rich_item_brings_content_and_tokens(self) -> None:
        found = read_example("rich_chat_message")

        content = found.items[0].encrypted_content
        assert content is not None
        assert (content.data, content.data_key, content.data_signature) == (
            "AAECAw==",
            "CAkKCw==",
            "BAUGBw==",
        )
        assert content.certificate_id == "invented-certificate-7"
        assert content.certificate_thumbprint == "00112233445566778899AABBCCDDEEFF00112233"
        assert found.unverified_validation_tokens == ("invented.token.one",)
        assert found.items[0].resource_type == "chatMessage"

    def test_keys_and_change_types_are_read_in_any_case(self) -> None:
        capitalised, usual = (
            read_example("rich_capitalised_keys").items[0],
            read_example("rich_chat_message").items[0],
        )

        assert capitalised.problem is None
        assert capitalised.encrypted_content == usual.encrypted_content
        assert capitalised.change_type == "created"
        assert capitalised.resource_id == usual.resource_id

    def test_a_missing_signature_is_left_to_the_decryption_and_null_tokens_are_none(self) -> None:
        found = read_example("rich_without_signature")

        content = found.items[0].encrypted_content
        assert content is not None
        assert content.data_signature == ""
        assert found.unverified_validation_tokens is None

    @pytest.mark.parametrize(
        ("name", "event"),
        [
            ("lifecycle_missed", "missed"),
            ("lifecycle_subscription_removed", "subscriptionRemoved"),
            ("lifecycle_reauthorization_required", "reauthorizationRequired"),
        ],
    )
    def test_lifecycle_notices_are_told_by_their_event(self, name: str, event: str) -> None:
        item = read_example(name).items[0]

        assert (item.lifecycle_event, item.change_type, item.problem) == (event, "", None)

    def test_a_lifecycle_notice_and_a_change_may_share_a_body(self) -> None:
        notice, change = read_example("lifecycle_beside_change").items

        assert (notice.lifecycle_event, change.change_type) == ("missed", "created")

    def test_a_pointer_to_content_elsewhere_is_kept_whole(self) -> None:
        item = read_example("large_payload_pointer").items[0]

        assert item.problem is None
        assert item.raw["additionalPayloadStorageId"] == "invented-blob"

    def test_the_reachability_message_of_an_event_hub_cannot_be_taken_for_a_change(self) -> None:
        item = read_example("reachability_message").items[0]

        assert item.problem == "changeType was cut from 117 to 40 characters"


class TestBodies:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
    def test_unicode_encodings_are_recognised_with_and_without_a_mark(self, encoding: str) -> None:
        body = json.dumps({"value": [make_item(resource="Gr\u00fc\u00dfe")]}, ensure_ascii=False)

        found = parse(body.encode(encoding))

        assert found.items[0].resource == "Gr\u00fc\u00dfe"

    def test_a_declared_one_byte_charset_is_used(self) -> None:
        body = json.dumps({"value": [make_item(resource="Gr\u00fc\u00dfe")]}, ensure_ascii=False)

        found = parse(body.encode("latin-1"), content_type='application/json; Charset="ISO-8859-1"')

        assert found.items[0].resource == "Gr\u00fc\u00dfe"

    def test_an_undeclared_one_byte_charset_is_refused(self) -> None:
        with pytest.raises(MalformedBodyError):
            parse('{"value": ["\u00fc"]}'.encode("latin-1"), content_type="application/json")

    @pytest.mark.parametrize("content_encoding", ["gzip", "GZIP", " x-gzip "])
    def test_gzip_is_unpacked(self, content_encoding: str) -> None:
        body = gzip.compress(json.dumps({"value": [make_item()]}).encode())

        assert len(parse(body, content_encoding=content_encoding).items) == 1

    def test_a_gzip_bomb_is_refused_at_the_limit(self) -> None:
        bomb = gzip.compress(b" " * 5_000_000)

        with pytest.raises(MalformedBodyError) as caught:
            parse(bomb, content_encoding="gzip", max_bytes=100_000)

        assert caught.value.reason is Reason.TOO_LARGE

    def test_a_gzip_body_may_fill_the_limit_exactly(self) -> None:
        body = json.dumps({"value": [make_item()]}).encode()

        assert parse(gzip.compress(body), content_encoding="gzip", max_bytes=len(body)).items

    @pytest.mark.parametrize(
        ("body", "content_encoding"),
        [
            (b"{}", "gzip"),
            (gzip.compress(b'{"value": []}')[:-3], "gzip"),
            (gzip.compress(b'{"value": []}') + b"x", "gzip"),
            (zlib.compress(b'{"value": []}'), "deflate"),
            (b'{"value": []}', "br"),
        ],
        ids=["not packed", "cut", "trailing", "deflate", "unknown"],
    )
    def test_what_cannot_be_unpacked_is_malformed(self, body: bytes, content_encoding: str) -> None:
        with pytest.raises(MalformedBodyError) as caught:
            parse(body, content_encoding=content_encoding)

        assert caught.value.reason is Reason.MALFORMED

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"not json",
            b"null",
            b"[]",
            b"{}",
            b'{"value": null}',
            b'{"value": {}}',
            b'{"value": [NaN]}',
            b'{"value": [-Infinity]}',
            b'{"value": [1' + b"0" * 5_000 + b"]}",
            b'{"value": ["\x00"]}',
            b'{"value": [], "value": []}',
            b'{"value": [], "Value": []}',
            b'{"value": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            b"\xff\xfe\xff",
        ],
        ids=lambda body: str(body[:24]),
    )
    def test_what_is_no_collection_is_malformed(self, body: bytes) -> None:
        with pytest.raises(MalformedBodyError) as caught:
            parse(body)

        assert caught.value.reason is Reason.MALFORMED
        assert caught.value.is_final

    def test_an_empty_collection_has_no_items(self) -> None:
        assert parse({"value": []}).items == ()

    def test_a_body_of_too_many_bytes_is_refused(self) -> None:
        with pytest.raises(MalformedBodyError) as caught:
            parse(b'{"value": []}', max_bytes=12)

        assert caught.value.reason is Reason.TOO_LARGE

    def test_a_body_of_too_many_items_is_refused(self) -> None:
        with pytest.raises(MalformedBodyError) as caught:
            parse({"value": [make_item()] * 4}, max_items=3)

        assert caught.value.reason is Reason.TOO_LARGE

    @pytest.mark.parametrize(
        ("tokens", "expected"),
        [
            (..., None),
            (None, None),
            ({}, None),
            ("one", None),
            ([], ()),
            (["one", 2, None, "one", "two"], ("one", "two")),
        ],
    )
    def test_tokens_are_the_texts_of_a_list(self, tokens: Any, expected: tuple[str, ...] | None) -> None:
        body = {"value": []} if tokens is ... else {"value": [], "validationTokens": tokens}

        assert parse(body).unverified_validation_tokens == expected

    @given(st.binary(max_size=200), st.sampled_from(["", "gzip", "br"]), st.text(max_size=40))
    @settings(max_examples=150)
    def test_no_bytes_cause_another_error(
        self, body: bytes, content_encoding: str, content_type: str
    ) -> None:
        try:
            parse(body, content_encoding=content_encoding, content_type=content_type)
        except MalformedBodyError:
            return

    @given(st.lists(json_values | st.dictionaries(item_fields, json_values, max_size=10), max_size=4))
    @settings(max_examples=150)
    def test_any_json_becomes_one_item_each_that_a_database_takes(self, values: list[Any]) -> None:
        items = parse({"value": values}).items

        assert len(items) == len(values)
        for item in items:
            stored = json.dumps(
                [item.raw, item.resource, item.resource_data], allow_nan=False, ensure_ascii=False
            )
            assert "\\u0000" not in stored.replace("\\\\", "")
            stored.encode("utf-8")
            assert len(envelope.fingerprint(item, subscription_key="7")) == 32


class TestItems:
    @pytest.mark.parametrize("odd", [None, 1, "text", [], True])
    def test_an_item_that_is_no_object_leaves_its_neighbours_alone(self, odd: Any) -> None:
        first, second = parse({"value": [odd, make_item()]}).items

        assert first.problem == "the item is not an object"
        assert (second.index, second.problem, second.subscription_id) == (1, None, "s1")

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"subscriptionId": ...}, "subscriptionId is missing"),
            ({"subscriptionId": ""}, "subscriptionId is missing"),
            ({"subscriptionId": 7}, "subscriptionId is not text"),
            ({"id": 7}, "id is not text"),
            ({"clientState": ["state"]}, "clientState is not text"),
            ({"changeType": {}}, "changeType is not text"),
            ({"resource": True}, "resource is not text"),
            ({"tenantId": 1.5}, "tenantId is not text"),
            ({"resourceData": "u1"}, "resourceData is not an object"),
            ({"resourceData": {"id": 1}}, "resourceData.id is not text"),
            ({"encryptedContent": []}, "encryptedContent is not an object"),
            ({"encryptedContent": {"data": 1}}, "encryptedContent.data is not text"),
            ({"changeType": ...}, "there must be either a changeType or a lifecycleEvent"),
            ({"lifecycleEvent": "missed"}, "there must be either a changeType or a lifecycleEvent"),
            ({"clientstate": "other"}, "a key of the item stands in two spellings"),
            ({"resourceData": {"id": "1", "ID": "2"}}, "a key of resourceData stands in two spellings"),
            ({"resource": "x" * 4097}, "resource was cut from 4097 to 4096 characters"),
            ({"id": "x" * 256}, "id was cut from 256 to 255 characters"),
        ],
    )
    def test_a_wrong_field_is_a_problem_of_its_item(self, changes: dict[str, Any], problem: str) -> None:
        item = parse_item(**changes)

        assert item.problem == problem

    @pytest.mark.parametrize("inner", ['"a": 1, "a": 2', '"a": [{"b": 1, "b": 1}]'])
    def test_a_key_given_twice_is_a_problem(self, inner: str) -> None:
        body = b'{"value": [{"subscriptionId": "s", "changeType": "updated", %s}]}' % inner.encode()

        assert parse(body).items[0].problem == "a key stands twice"

    @pytest.mark.parametrize(
        ("given_type", "expected"),
        [
            ("#Microsoft.Graph.chatMessage", "chatMessage"),
            ("#Microsoft.Graph.Message", "message"),
            ("#microsoft.graph.security.alert", "alert"),
            ("Event", "event"),
            ("#", ""),
        ],
    )
    def test_the_resource_type_is_the_last_word_in_lower_camel(self, given_type: str, expected: str) -> None:
        assert parse_item(resourceData={"@odata.type": given_type}).resource_type == expected

    def test_unknown_words_are_kept(self) -> None:
        change = parse_item(changeType="Renamed")
        notice = parse_item(changeType=..., lifecycleEvent="somethingNew")

        assert (change.change_type, change.problem) == ("renamed", None)
        assert (notice.lifecycle_event, notice.problem) == ("somethingNew", None)

    def test_a_known_lifecycle_event_gets_its_own_spelling(self) -> None:
        item = parse_item(changeType=..., lifecycleEvent="SUBSCRIPTIONREMOVED")

        assert item.lifecycle_event == "subscriptionRemoved"

    @pytest.mark.parametrize("tenant", [..., None, ""])
    def test_the_tenant_may_come_as_organization_id(self, tenant: Any) -> None:
        assert parse_item(tenantId=tenant, organizationId="ORG").tenant_id == "org"

    @pytest.mark.parametrize("expiry", ["soon", "0001-01-01T00:00:00+14:00", "", 5, None])
    def test_an_unreadable_expiry_is_not_held_against_the_item(self, expiry: Any) -> None:
        assert parse_item(subscriptionExpirationDateTime=expiry).problem is None

    def test_an_overlong_text_is_cut(self) -> None:
        assert parse_item(resource="x" * 5_000).resource == "x" * 4096

    def test_what_postgresql_refuses_is_replaced(self) -> None:
        body = (
            rb'{"value": [{"subscriptionId": "s", "changeType": "updated", "resource": "a\u0000b\ud800c"}]}'
        )

        item = parse(body).items[0]

        assert item.resource == item.raw["resource"] == "a\ufffdb\ufffdc"

    def test_a_number_beyond_a_float_is_kept_as_text(self) -> None:
        body = (
            b'{"value": [{"subscriptionId": "s", "changeType": "updated", "resourceData": {"size": 1e999}}]}'
        )

        assert parse(body).items[0].resource_data == {"size": "inf"}

    @pytest.mark.parametrize("inner", ['{"a":%s}', "[%s]", '{"a":1,"a":2,"b":%s}'])
    @pytest.mark.parametrize("field", ["resourceData", "unknown"])
    def test_an_item_nested_too_deep_spoils_no_other(self, field: str, inner: str) -> None:
        def body(levels: int) -> bytes:
            value = "{}"
            for _ in range(levels):
                value = inner % value
            whole, deep = json.dumps(make_item()), json.dumps(make_item(**{field: "DEEP"}))
            return f'{{"value":[{whole},{deep.replace(chr(34) + "DEEP" + chr(34), value)}]}}'.encode()

        fitting, deep = parse(body(envelope.MAX_DEPTH - 2)).items[1], parse(body(envelope.MAX_DEPTH - 1))

        assert "levels deep" not in (fitting.problem or "")
        assert deep.items[0].problem is None
        assert deep.items[1].problem == "The JSON is nested more than 64 levels deep."
        assert envelope.content_digest(deep.items[1])
        assert deep.items[1].raw == {}

    def test_lists_nested_too_deep_are_no_item(self) -> None:
        (item,) = parse(b'{"value": ' + b"[" * 70 + b"]" * 70 + b"}").items

        assert item.problem == "The JSON is nested more than 64 levels deep."

    def test_secrets_do_not_show(self) -> None:
        found = parse({"value": [make_item(clientState="hush")], "validationTokens": ["hush.hush.hush"]})

        assert "hush" not in repr(found)


class TestStorable:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ({"a\0": ["b\0"]}, {"a\ufffd": ["b\ufffd"]}),
            (2**63 - 1, 2**63 - 1),
            (2**63, "9223372036854775808"),
            (float("inf"), "inf"),
            (1.5, 1.5),
            (True, True),
            (None, None),
            ("\U0001f600", "\U0001f600"),
        ],
    )
    def test_only_what_a_database_refuses_is_changed(self, value: Any, expected: Any) -> None:
        assert envelope.storable(value) == expected


class TestFingerprints:
    def test_a_repeated_delivery_has_the_same_fingerprint(self) -> None:
        assert fingerprint() == fingerprint()
        assert fingerprint(id=...) == fingerprint(id=...)

    @pytest.mark.parametrize("notification_id", ["n1", ...])
    @pytest.mark.parametrize(
        "changes",
        [
            {"changeType": "deleted"},
            {"changeType": ..., "lifecycleEvent": "updated"},
            {"resource": "users/u2"},
            {"resourceData": {"id": "u1", "@odata.etag": "e2"}},
            {"subscription_key": "8"},
        ],
        ids=str,
    )
    def test_another_change_has_another_fingerprint(
        self, notification_id: Any, changes: dict[str, Any]
    ) -> None:
        assert fingerprint(id=notification_id) != fingerprint(id=notification_id, **changes)

    def test_another_id_is_another_change(self) -> None:
        assert fingerprint(id="n1") != fingerprint(id="n2") != fingerprint(id=...)

    def test_without_an_id_any_other_field_tells_changes_apart(self) -> None:
        assert fingerprint(id=..., sequenceNumber=1) != fingerprint(id=..., sequenceNumber=2)
        assert fingerprint(id=..., resource="a\0") != fingerprint(id=..., resource="a\ufffd")

    @pytest.mark.parametrize(
        "changes",
        [
            {"clientState": "new"},
            {"subscriptionId": "recreated"},
            {"subscriptionExpirationDateTime": "2027-01-01T00:00:00Z"},
        ],
        ids=str,
    )
    def test_renewing_or_recreating_the_subscription_makes_no_new_change(
        self, changes: dict[str, Any]
    ) -> None:
        assert fingerprint(id=...) == fingerprint(id=..., **changes)

    def test_a_lifecycle_notice_after_the_next_renewal_is_a_new_one(self) -> None:
        first, second = (
            fingerprint(
                id=...,
                changeType=...,
                lifecycleEvent="missed",
                subscriptionExpirationDateTime=f"2027-01-0{day}T00:00:00Z",
            )
            for day in (1, 2)
        )

        assert first != second

    def test_the_content_digest_covers_every_field_but_not_their_order(self) -> None:
        item = make_item()
        swapped = dict(reversed(item.items()))

        digests: Iterator[str] = map(
            envelope.content_digest, parse({"value": [item, swapped, item | {"clientState": "x"}]}).items
        )

        first, second, third = digests
        assert first == second != third


def plain_claims(body: Any, *, max_items: int = 100) -> list[tuple[str, str]]:
    unverified_body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return list(envelope.plain_claims(unverified_body, max_items=max_items))


def test_a_body_as_graph_spells_it_yields_its_claims_at_once() -> None:
    items = [{"subscriptionId": f"s{number}", "clientState": f"c{number}", "id": 1} for number in range(3)]

    assert plain_claims({"value": items, "validationTokens": ["t"]}) == [
        ("s0", "c0"),
        ("s1", "c1"),
        ("s2", "c2"),
    ]


PLAIN = b'{"subscriptionId": "s", "clientState": "c"}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"value": ' + PLAIN + b"}",
        b'{"value": [[' + PLAIN + b"]]}",
        b'{"value": [' + PLAIN + b'], "value": []}',
        b'{"value":0,"value":[' + PLAIN + b"]}",
        b'{"value":0,"value":[' + PLAIN + b'],"validationTokens":[]}',
        b'{"validationTokens":0,"value":[' + PLAIN + b'],"validationTokens":[]}',
        b'{"value": [' + PLAIN + b'], "Value": []}',
        b'{"value": [' + PLAIN + b'], "v\\u0061lue": []}',
        b'{"value": [' + PLAIN + b", NaN]}",
        b'{"value": [' + PLAIN + b"]} ...",
        b'{"value": [{"subscriptionId": "s"}, {"subscriptionId": 1, "clientState": "c"}, null]}',
        b'{"value": [{"SubscriptionId": "s", "clientState": "c"}]}',
        b'\xef\xbb\xbf{"value": [' + PLAIN + b"]}",
        b'{"value": [{"subscriptionId": "s", "clientState": "\xe9"}]}',
        ('{"value": [' + PLAIN.decode() + "]}").encode("utf-16"),
    ],
)
def test_whatever_is_odd_yields_no_claims(body: bytes) -> None:
    assert plain_claims(body) == []


def test_too_many_items_yield_no_claims() -> None:
    items = [{"subscriptionId": "s", "clientState": "c"}] * 3

    assert plain_claims({"value": items}, max_items=2) == []


@given(
    st.dictionaries(
        st.sampled_from(["value", "Value", "x"]), st.lists(st.dictionaries(item_fields, json_values))
    )
)
def test_a_quick_look_never_sees_what_a_careful_one_does_not(body: dict[str, Any]) -> None:
    quick = plain_claims(body)

    if quick:
        careful = [(item.subscription_id, item.client_state) for item in parse(body).items]
        assert all(
            (subscription_id[:64].lower(), state[:1024]) in careful for subscription_id, state in quick
        )
