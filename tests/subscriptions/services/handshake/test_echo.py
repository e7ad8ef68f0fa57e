"""What is said about an answer with status 200."""

import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus, unquote, unquote_plus

import pytest
from werkzeug.wrappers import Request, Response

from subscriptions.services.findings import Finding, Status

Played = Callable[[Callable[[Request], Response]], list[Finding]]


def answer(body: str | bytes, *, content_type: str = "text/plain", sniffing: str = "nosniff") -> Response:
    return Response(body, content_type=content_type, headers={"X-Content-Type-Options": sniffing})


def test_an_exact_echo_is_good(played: Played) -> None:
    (finding,) = played(lambda request: answer(request.args["validationToken"]))

    assert finding.status == Status.OK
    assert "came back exactly" in finding.message


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (quote_plus, "still percent-encoded"),
        (quote, "still percent-encoded"),
        (lambda token: quote_plus(token).lower(), "still percent-encoded"),
        (unquote, "decoded twice"),
        (unquote_plus, "decoded twice"),
        (lambda token: unquote(quote_plus(token)), "plus signs in place of blanks"),
        (html.escape, "HTML-escaped"),
        (lambda token: html.escape(token, quote=False), "HTML-escaped"),
        (json.dumps, "in quotes"),
        (lambda token: f'"{token}"', "in quotes"),
        (lambda token: token + "\n", "line break or blanks"),
        (lambda token: "\ufeff" + token, "line break or blanks"),
        (lambda token: token.encode("latin-1"), "another encoding than UTF-8"),
        (lambda token: token.encode("utf-16"), "another encoding than UTF-8"),
        (lambda token: f"Token: {token}.", "something around it"),
    ],
)
def test_an_altered_token_is_told_with_the_way_it_was_altered(
    played: Played, alter: Callable[[str], str | bytes], words: str
) -> None:
    (finding,) = played(lambda request: answer(alter(request.args["validationToken"])))

    assert finding.status == Status.ERROR
    assert words in finding.message


def test_no_finding_repeats_the_token(played: Played) -> None:
    (finding,) = played(lambda request: answer(html.escape(request.args["validationToken"])))

    assert "Self-test:" not in finding.message + finding.advice


def test_an_empty_answer_is_told(played: Played) -> None:
    (finding,) = played(lambda _request: answer(""))

    assert "The answer is empty" in finding.message


def test_an_answer_of_something_else_is_told(played: Played) -> None:
    (finding,) = played(lambda _request: answer("OK"))

    assert "other than the validation token" in finding.message


def test_a_web_page_is_told_as_something_in_front(played: Played) -> None:
    (finding,) = played(lambda _request: answer("<html>Sign in</html>", content_type="text/html"))

    assert "a sign-in or challenge page stands in front" in finding.message


@pytest.mark.parametrize("content_type", ["application/json", "text/html; charset=utf-8"])
def test_a_wrong_content_type_is_told(played: Played, content_type: str) -> None:
    (finding,) = played(lambda request: answer(request.args["validationToken"], content_type=content_type))

    assert finding.status == Status.ERROR
    assert f"content type is {content_type.partition(';')[0]}" in finding.message


def test_a_token_in_json_is_told_with_both_its_faults(played: Played) -> None:
    findings = played(
        lambda request: answer(json.dumps(request.args["validationToken"]), content_type="application/json")
    )

    assert ["in quotes" in finding.message for finding in findings] == [True, False]
    assert "content type is application/json" in findings[1].message


def test_a_missing_nosniff_is_only_warned_of(played: Played) -> None:
    (finding,) = played(lambda request: answer(request.args["validationToken"], sniffing=""))

    assert finding.status == Status.WARNING
    assert "nosniff" in finding.message
