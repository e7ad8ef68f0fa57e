"""What is said about redirects, refusals and slowness."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from werkzeug.wrappers import Request, Response

from subscriptions.graph import probe
from subscriptions.services import handshake
from subscriptions.services.findings import Finding, Status

Played = Callable[[Callable[[Request], Response]], list[Finding]]


def redirect(make_location: Callable[[str], str]) -> Callable[[Request], Response]:
    """Answer with a redirect made from the URL that was asked, query and all."""
    return lambda request: Response(status=302, headers={"Location": make_location(request.url)})


@pytest.mark.parametrize(
    ("make_location", "words", "advice"),
    [
        (lambda url: url, "back to the same address", "X-Forwarded-Proto"),
        (lambda url: url.replace("http:", "https:"), "wants https", "Begin PUBLIC_BASE_URL with https://"),
        (lambda url: url.replace("?", "/?"), "Only the slash", "slashes"),
        (lambda url: f"http://127.0.0.1{urlsplit(url).path}", "Scheme or port", "scheme and port"),
        (
            lambda url: url.replace("127.0.0.1", "www.example.org"),
            "another host name",
            "http://www.example.org",
        ),
        (lambda _url: "/oauth2/sign_in?rd=x", "sign-in page", "without sign-in"),
        (lambda _url: "https://login.microsoftonline.com/common", "sign-in page", "without sign-in"),
        (lambda _url: "/welcome", "/welcome, and Graph follows none", "itself"),
    ],
    ids=["loop", "https", "slash", "port", "host", "sign-in path", "sign-in host", "elsewhere"],
)
def test_a_redirect_is_told_with_where_it_leads(
    played: Played, make_location: Callable[[str], str], words: str, advice: str
) -> None:
    (finding,) = played(redirect(make_location))

    assert finding.status == Status.ERROR
    assert "redirect (302) to http" in finding.message
    assert words in finding.message
    assert advice in finding.advice


def test_a_redirect_is_told_without_token_or_user_name(played: Played) -> None:
    (finding,) = played(redirect(lambda url: url.replace("127.0.0.1", "user:secret@example.org")))

    assert "validationToken" not in finding.message + finding.advice
    assert "secret" not in finding.message + finding.advice


@pytest.mark.parametrize(
    ("status", "words", "advice"),
    [
        (400, "400 Bad Request", "ALLOWED_HOSTS"),
        (401, "asks for a sign-in", "without sign-in"),
        (403, "403 Forbidden", "without sign-in"),
        (404, "nothing at this path", "unchanged"),
        (405, "does not take POST", "POST"),
        (429, "rate limit", "Exempt"),
        (502, "does not reach the application", "Start the application"),
        (503, "not ready", "logs"),
        (504, "waited too long", "gthread"),
        (202, "status 202, where Graph accepts only 200", "logs"),
        (500, "status 500", "logs"),
    ],
)
def test_a_status_other_than_200_is_told(played: Played, status: int, words: str, advice: str) -> None:
    (finding,) = played(lambda _request: Response("<h1>No</h1>", status=status, content_type="text/html"))

    assert finding.status == Status.ERROR
    assert words in finding.message
    assert advice in finding.advice


def test_a_csrf_check_is_told_from_other_refusals(played: Played) -> None:
    page = Response("<p>CSRF verification failed. Request aborted.</p>", status=403, content_type="text/html")

    (finding,) = played(lambda _request: page)

    assert "CSRF" in finding.message


def test_a_lost_query_string_is_told_from_a_wrong_host(played: Played) -> None:
    answer = Response(
        '{"error": "The body is not a collection."}', status=400, content_type="application/json"
    )

    (finding,) = played(lambda _request: answer)

    assert "without the query string" in finding.message


def test_a_slow_answer_is_warned_of(serve: Callable[..., str]) -> None:
    quick = probe.play_handshake(serve())

    (finding,) = handshake.explain(replace(quick, duration=timedelta(seconds=3.4)))

    assert finding.status == Status.WARNING
    assert "took 3.4 seconds" in finding.message


def test_an_answer_in_three_seconds_is_quick_enough(serve: Callable[..., str]) -> None:
    quick = probe.play_handshake(serve())

    (finding,) = handshake.explain(replace(quick, duration=timedelta(seconds=3)))

    assert finding.status == Status.OK
