"""The keys that Microsoft signs with."""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from subscriptions.graph import clouds, errors
from subscriptions.graph.clouds import Cloud
from subscriptions.graph.signing_keys import SigningKeys
from subscriptions.sandbox import Sandbox

DAY = 24 * 60 * 60


class Clock:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()


@pytest.fixture
def keys(cloud: Cloud, clock: Clock) -> SigningKeys:
    """Return the stand-in's keys."""
    return SigningKeys(cloud, clock=clock)


def published(sandbox: Sandbox) -> str:
    kid = jwt.get_unverified_header(sandbox.validation_token())["kid"]
    assert isinstance(kid, str)
    return kid


def fetches(sandbox: Sandbox) -> int:
    return sum(call.path.endswith("/keys") for call in sandbox.requests)


def rsa_entry(bits: int = 2048, **changes: Any) -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "k", "use": "sig"} | changes


def test_the_key_verifies_a_token(keys: SigningKeys, sandbox: Sandbox) -> None:
    token = sandbox.validation_token()

    key = keys.key_for(published(sandbox))

    assert jwt.decode(token, key, algorithms=["RS256"], options={"verify_aud": False})


def test_keys_are_fetched_once_a_day(keys: SigningKeys, sandbox: Sandbox, clock: Clock) -> None:
    kid = published(sandbox)
    for _ in range(3):
        keys.key_for(kid)
        clock.seconds += DAY / 3 - 1
    assert fetches(sandbox) == 1

    clock.seconds += 10
    keys.key_for(kid)

    assert fetches(sandbox) == 2


def test_a_new_key_is_found_after_the_cooldown(keys: SigningKeys, sandbox: Sandbox, clock: Clock) -> None:
    keys.key_for(published(sandbox))
    sandbox.rotate_signing_keys()
    clock.seconds += 31

    assert keys.key_for(published(sandbox))


def test_an_unknown_key_may_be_new_during_the_cooldown(
    keys: SigningKeys, sandbox: Sandbox, clock: Clock
) -> None:
    keys.key_for(published(sandbox))
    clock.seconds += 10

    with pytest.raises(errors.UnknownSigningKeyError) as caught:
        keys.key_for("invented")

    assert caught.value.is_transient
    assert caught.value.retry_after is not None
    assert caught.value.retry_after.total_seconds() == 20
    assert fetches(sandbox) == 1


def test_an_unknown_key_is_final_after_a_fetch(keys: SigningKeys, sandbox: Sandbox) -> None:
    with pytest.raises(errors.UnknownSigningKeyError) as caught:
        keys.key_for("invented")

    assert not caught.value.is_transient
    assert fetches(sandbox) == 1


def test_many_invented_keys_cost_one_fetch(keys: SigningKeys, sandbox: Sandbox) -> None:
    for number in range(20):
        with pytest.raises(errors.UnknownSigningKeyError):
            keys.key_for(f"invented-{number}")

    assert fetches(sandbox) == 1


@pytest.mark.parametrize(
    "trouble",
    [{"status": 500}, {"status": 200, "body": "<html></html>"}, {"status": 302}, {"drop": True}],
)
def test_a_failed_fetch_is_told_apart_and_starts_the_cooldown_too(
    keys: SigningKeys, sandbox: Sandbox, clock: Clock, trouble: dict[str, Any]
) -> None:
    kid = published(sandbox)
    sandbox.add_fault(path="/keys", **trouble)
    for _ in range(2):
        with pytest.raises(errors.SigningKeysUnavailableError) as caught:
            keys.key_for(kid)
        assert caught.value.is_transient
    assert fetches(sandbox) == 1

    clock.seconds += 31

    assert keys.key_for(kid)


def test_a_failed_refetch_leaves_the_known_keys_in_use(
    keys: SigningKeys, sandbox: Sandbox, clock: Clock
) -> None:
    kid = published(sandbox)
    keys.key_for(kid)
    clock.seconds += 31
    sandbox.add_fault(path="/keys", status=500)
    with pytest.raises(errors.SigningKeysUnavailableError):
        keys.key_for("invented")

    assert keys.key_for(kid)


def test_a_withdrawn_key_is_not_used_beyond_its_day(
    keys: SigningKeys, sandbox: Sandbox, clock: Clock
) -> None:
    kid = published(sandbox)
    keys.key_for(kid)
    clock.seconds += DAY + 1
    sandbox.add_fault(path="openid-configuration", status=500)

    with pytest.raises(errors.SigningKeysUnavailableError):
        keys.key_for(kid)


def test_the_older_metadata_serves_where_the_newer_is_missing(keys: SigningKeys, sandbox: Sandbox) -> None:
    sandbox.add_fault(path="/common/v2.0/", status=404, body="none", times=None)

    assert keys.key_for(published(sandbox))
    assert "/common/.well-known/openid-configuration" in [call.path for call in sandbox.requests]


@pytest.mark.parametrize("address", ["http://keys.example/", "file:///etc/passwd", None, 5, ""])
def test_keys_are_not_fetched_without_tls(keys: SigningKeys, sandbox: Sandbox, address: object) -> None:
    sandbox.add_fault(path="openid-configuration", status=200, body={"jwks_uri": address})

    with pytest.raises(errors.SigningKeysUnavailableError, match="https"):
        keys.key_for("k")


def test_an_untrusted_publisher_is_not_believed(sandbox: Sandbox) -> None:
    stranger = clouds.custom(sandbox.graph_url, sandbox.login_url, None)

    with pytest.raises(errors.SigningKeysUnavailableError):
        SigningKeys(stranger).key_for("k")


def test_a_key_without_a_use_is_taken(keys: SigningKeys, sandbox: Sandbox) -> None:
    entry = rsa_entry()
    del entry["use"]
    sandbox.add_fault(path="/keys", status=200, body={"keys": [{"kid": "other"}, entry]})

    assert keys.key_for("k").key_size == 2048


@pytest.mark.parametrize(
    "entry",
    [
        rsa_entry(1024),
        rsa_entry(use="enc"),
        rsa_entry(n="!"),
        rsa_entry(n=5),
        rsa_entry(e=None),
        rsa_entry(kty="oct", k="c2VjcmV0"),
        rsa_entry(kid=7),
        "text",
        {
            **json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key())),
            "kid": "k",
        },
    ],
    ids=["short", "enc", "no base64", "number", "no exponent", "oct", "no kid", "text", "ec"],
)
def test_only_rsa_signature_keys_of_good_size_are_taken(
    keys: SigningKeys, sandbox: Sandbox, entry: object
) -> None:
    sandbox.add_fault(path="/keys", status=200, body={"keys": [entry]})

    with pytest.raises(errors.UnknownSigningKeyError):
        keys.key_for("k")


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {"k": 1}}])
def test_a_key_set_in_another_form_is_no_key_set(
    keys: SigningKeys, sandbox: Sandbox, document: dict[str, Any]
) -> None:
    sandbox.add_fault(path="/keys", status=200, body=document)

    with pytest.raises(errors.SigningKeysUnavailableError):
        keys.key_for("k")


def test_a_failure_is_forgotten_after_a_fetch_that_worked(
    keys: SigningKeys, sandbox: Sandbox, clock: Clock
) -> None:
    sandbox.add_fault(path="/keys", status=500)
    with pytest.raises(errors.SigningKeysUnavailableError):
        keys.key_for("invented")
    clock.seconds += 31
    keys.key_for(published(sandbox))

    with pytest.raises(errors.UnknownSigningKeyError):
        keys.key_for("invented")


def test_keys_in_an_error_answer_are_not_taken(keys: SigningKeys, sandbox: Sandbox) -> None:
    sandbox.add_fault(path="/keys", status=500, body={"keys": [rsa_entry()]})

    with pytest.raises(errors.SigningKeysUnavailableError):
        keys.key_for("k")
