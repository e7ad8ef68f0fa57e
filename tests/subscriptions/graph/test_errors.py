"""What the errors tell."""

from datetime import timedelta

import pytest

from subscriptions.graph import errors


def test_the_text_of_an_error_names_status_code_and_request_id() -> None:
    error = errors.InvalidRequestError("A word is missing.", status=400, code="BadRequest", request_id="r-1")

    assert str(error) == "400 BadRequest: A word is missing. (request-id r-1)"
    assert str(errors.GraphError("Only this.")) == "Only this."


def test_every_leaf_explains_itself_in_its_own_words() -> None:
    members = [member for member in vars(errors).values() if isinstance(member, type)]
    leaves = [member for member in members if issubclass(member, errors.GraphError)]
    explanations = [leaf.default_explanation for leaf in leaves if leaf is not errors.UnreachableError]

    assert len(explanations) >= 15
    assert len(set(explanations)) == len(explanations)


@pytest.mark.parametrize(
    ("message", "existing_id"),
    [
        (
            "Subscription Id 8F3B2C1D-64a7-4b59-91e0-2d7c5f0a3e61 already exists for the combination",
            "8f3b2c1d-64a7-4b59-91e0-2d7c5f0a3e61",
        ),
        (
            "2b7f9d34-0e61-4a8c-b5d2-c3961ef0a748 subscription id '8f3b2c1d-64a7-4b59-91e0-2d7c5f0a3e61'",
            "8f3b2c1d-64a7-4b59-91e0-2d7c5f0a3e61",
        ),
        ("App 2b7f9d34-0e61-4a8c-b5d2-c3961ef0a748 has one already", ""),
        ("Subscription Id 8f3b2c1d already exists", ""),
    ],
)
def test_the_other_subscription_is_known_where_graph_names_it(message: str, existing_id: str) -> None:
    assert errors.DuplicateSubscriptionError(message).existing_id == existing_id


@pytest.mark.parametrize("kind", ["dns", "refused", "timeout", "connection"])
def test_trouble_on_the_way_passes(kind: errors.UnreachableKind) -> None:
    assert errors.UnreachableError("Nothing came.", kind=kind).is_transient


def test_an_untrusted_certificate_stays() -> None:
    error = errors.UnreachableError("Nothing came.", kind="tls")

    assert not error.is_transient
    assert "CA bundle" in error.explanation


@pytest.mark.parametrize(
    ("aadsts_code", "words"),
    [
        (7000215, "in place of its value"),
        (7000222, "expired"),
        (700016, "client id"),
        (90002, "tenant"),
        (700027, "certificate is not registered"),
        (700024, "clock"),
        (700211, "federated credential"),
        (700212, "federated credential"),
        (700213, "federated credential"),
        (50034, "user"),
        (65001, "consent"),
        (700082, "sign in again"),
        (70008, "sign in again"),
        (50173, "sign in again"),
        (53003, "conditional access"),
        (500011, "Graph"),
        (1002012, "scope"),
        (424242, "message says why"),
        (None, "message says why"),
    ],
)
def test_entras_numbers_are_put_into_plain_words(aadsts_code: int | None, words: str) -> None:
    error = errors.TokenRefusedError("No.", error="invalid_client", aadsts_code=aadsts_code)

    assert words in error.explanation
    assert not error.is_transient


@pytest.mark.parametrize(
    "error",
    [
        errors.TokenRefusedError("Busy.", aadsts_code=90033),
        errors.TokenRefusedError("Busy.", error="temporarily_unavailable"),
        errors.TokenRefusedError("Busy.", status=503, is_transient=True),
    ],
)
def test_a_busy_sign_in_service_passes(error: errors.TokenRefusedError) -> None:
    assert error.is_transient
    assert "later" in error.explanation


def test_an_unknown_key_is_final_unless_the_publisher_may_not_be_asked_yet() -> None:
    assert not errors.UnknownSigningKeyError("k").is_transient
    assert errors.UnknownSigningKeyError("k", retry_after=timedelta(seconds=9)).is_transient


def test_a_strangers_key_id_is_cut_and_escaped_in_the_text() -> None:
    error = errors.UnknownSigningKeyError("x\n" * 500)

    assert "\n" not in str(error)
    assert len(str(error)) < 500
