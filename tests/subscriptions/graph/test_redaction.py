"""Secrets do not survive in texts that others wrote."""

import pytest

from subscriptions.graph.redaction import MAX_LENGTH, without_secrets

TOKEN = "eyJ0eXAiOiJKV1QifQ.eyJhdWQiOiJ4In0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "secret",
    [
        TOKEN,
        "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.",
        "abc8Q~" + "aB3-_.~x" * 4 + "zz",
        "-----BEGIN PRIVATE KEY-----\nMIIE\nvQ\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nMIIE\ncut off",
        "MIIB" + "A0/+" * 40,
    ],
)
def test_what_looks_like_a_secret_is_removed(secret: str) -> None:
    text = without_secrets(f"before {secret} after")

    assert text.startswith("before [removed]")
    assert secret[10:30] not in text


def test_a_validation_token_is_removed_from_an_address() -> None:
    text = without_secrets("POST https://hooks.example/n?a=1&validationToken=Validation%3a%20x&b=2 failed")

    assert text == "POST https://hooks.example/n?a=1&validationToken=[removed]&b=2 failed"


def test_a_known_secret_is_removed_whatever_it_looks_like() -> None:
    assert without_secrets("state is plain.", "plain", None, "") == "state is [removed]."


def test_of_two_known_secrets_the_longer_goes_first() -> None:
    assert without_secrets("abcdef", "abc", "abcdef") == "[removed]"


def test_ordinary_words_and_ids_stay() -> None:
    text = "Subscription Id 8f3b2c1d-64a7-4b59-91e0-2d7c5f0a3e61 already exists for the requested combination"

    assert without_secrets(text) == text


def test_long_texts_are_cut() -> None:
    assert len(without_secrets("word " * 1_000)) == MAX_LENGTH
