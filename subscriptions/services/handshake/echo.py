"""Faults of an answer with status 200: the token altered, the wrong content type, a web page in its place."""

import html
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote, unquote_plus

from subscriptions.graph.probe import Probe, Reply
from subscriptions.services.handshake.faults import LEAVE_OPEN, Fault

_DECODE_ONCE = "Decode the query string exactly once, and send the result back without encoding it again."
_AS_IT_IS = "Send the decoded token back as it is, in plain text: nothing escaped, quoted or added."
_OTHER_CHARSETS = ("latin-1", "utf-16", "utf-16-le", "utf-16-be")


def faults(probe: Probe, reply: Reply) -> Iterator[Fault]:
    """Say in what the answer differs from a decoded token in plain text.

    Source: Microsoft Learn, change-notifications-delivery-webhooks.md (2026-04-22).
    """
    media_type = reply.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if reply.body != probe.token.encode():
        alteration = _alteration(probe, reply.body)
        if alteration is None and media_type == "text/html":
            yield Fault("The answer is a web page: a sign-in or challenge page stands in front.", LEAVE_OPEN)
            return
        yield alteration or _unlike(reply.body)
    if media_type != "text/plain":
        yield Fault(
            f"The content type is {media_type or 'missing'}, where Graph wants text/plain.",
            "Keep the reverse proxy from changing Content-Type, and see that it is this application that answers.",
        )
    if reply.headers.get("X-Content-Type-Options", "").strip().lower() != "nosniff":
        yield Fault(
            "The header X-Content-Type-Options: nosniff is missing; a browser might take the echo for a page.",
            "Keep the reverse proxy from removing the header.",
            is_error=False,
        )


@dataclass(frozen=True)
class _Echo:
    """What came back, beside what was sent."""

    token: str
    sent: str
    body: bytes
    text: str


def _is_encoded(echo: _Echo) -> bool:
    forms = (echo.sent, quote(echo.token), quote(echo.token, safe=""))
    return echo.text.strip().lower() in {form.lower() for form in forms}


def _is_decoded_twice(echo: _Echo) -> bool:
    return echo.text in {unquote(echo.token), unquote_plus(echo.token)}


def _is_decoded_without_plus(echo: _Echo) -> bool:
    return echo.text == unquote(echo.sent)


def _is_escaped(echo: _Echo) -> bool:
    return html.unescape(echo.text).strip() == echo.token


def _is_quoted(echo: _Echo) -> bool:
    text = echo.text.strip()
    try:
        return bool(json.loads(text) == echo.token)
    except ValueError:
        return text[1:-1] == echo.token and text[0] == text[-1]


def _has_blanks_around(echo: _Echo) -> bool:
    return echo.text.strip("\ufeff\r\n\t ") == echo.token


def _is_in_another_charset(echo: _Echo) -> bool:
    return any(echo.body == echo.token.encode(charset) for charset in _OTHER_CHARSETS)


def _has_text_around(echo: _Echo) -> bool:
    return echo.token in echo.text


# In this order: blanks around the token also pass for an escaped token without anything to escape.
_ALTERATIONS: tuple[tuple[Callable[[_Echo], bool], str, str], ...] = (
    (_is_encoded, "still percent-encoded", _DECODE_ONCE),
    (_is_decoded_twice, "decoded twice", _DECODE_ONCE),
    (_is_decoded_without_plus, "with plus signs in place of blanks", _DECODE_ONCE),
    (_has_blanks_around, "with a line break or blanks around it", _AS_IT_IS),
    (_is_escaped, "HTML-escaped", _AS_IT_IS),
    (_is_quoted, "in quotes", _AS_IT_IS),
    (_is_in_another_charset, "in another encoding than UTF-8", "Answer in UTF-8."),
    (_has_text_around, "with something around it", _AS_IT_IS),
)


def _alteration(probe: Probe, body: bytes) -> Fault | None:
    """Return how the token was altered; None if nothing like it came back."""
    sent = probe.query.partition("=")[2]
    echo = _Echo(token=probe.token, sent=sent, body=body, text=body.decode("utf-8", "replace"))
    return next((_altered(how, advice) for applies, how, advice in _ALTERATIONS if applies(echo)), None)


def _altered(how: str, advice: str) -> Fault:
    return Fault(
        f"The validation token came back {how}. Graph wants it decoded, and otherwise untouched.", advice
    )


def _unlike(body: bytes) -> Fault:
    what = "something other than the validation token" if body.strip() else "empty"
    return Fault(
        f"The answer is {what}.",
        "See that this application answers here, and that the proxy passes on the query string and the answer.",
    )
