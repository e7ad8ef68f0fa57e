"""What goes wrong with calls to Graph: single bad answers, and outages during which nothing works."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import Self

from werkzeug.wrappers import Response

from subscriptions.sandbox import Fault

GRAPH = r"^/(v1\.0|beta)/"
LOGIN = r"/oauth2/v2\.0/token"
ITEM = r"/subscriptions/[^/]+$"
COLLECTION = r"/subscriptions$"
BATCH = r"/\$batch$"
PAGE = "<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"
# Seconds: longer than a call waits by itself.
LONG_WAIT = "1200"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A bad answer: a status with headers and body, or a connection that ends."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] | str = ""
    drop: bool = False


@dataclass(kw_only=True, eq=False)
class Gust(Fault):
    """A bad answer that hits one to three calls; some come after Graph has done what was asked.

    `wait` is for how long callers have to stay away, where it tells them to do so for long.
    """

    wait: timedelta | None = None

    @classmethod
    def drawn(cls, chance: Random, *, at: datetime) -> Self:
        """Draw one that arises at `at`."""
        method, path, answers = chance.choice(_TARGETS)
        answer = chance.choice(answers)(chance, at)
        waits = answer.headers.get("Retry-After") == LONG_WAIT
        return cls(
            path=path,
            method=method,
            status=answer.status,
            headers=answer.headers,
            body=answer.body,
            drop=answer.drop,
            act=(answer.drop or answer.status in _PERHAPS_DONE) and chance.random() < 0.5,
            times=chance.randint(1, 3),
            wait=timedelta(seconds=int(LONG_WAIT)) if waits else None,
        )


class Outage(Fault):
    """Nothing works on a path until it is cleared; no two answers need be alike."""

    def __init__(self, path: str, *, chance: Random, clock: Callable[[], datetime]) -> None:
        super().__init__(path=path, times=None)
        self._chance = chance
        self._clock = clock

    def apply(self, answer: Callable[[], Response]) -> Response:
        """Answer badly, without doing what was asked."""
        bad = self._chance.choice(_OUTAGE_ANSWERS)(self._chance, self._clock())
        once = Fault(status=bad.status, headers=bad.headers, body=bad.body, drop=bad.drop)
        return once.apply(answer)


def _error(code: str, message: str) -> Mapping[str, object]:
    return {"error": {"code": code, "message": message, "innerError": {"request-id": "invented"}}}


def _short_wait(chance: Random, at: datetime) -> Mapping[str, str]:
    """Return the header in one of its forms: whole seconds, a decimal, a date, or none at all."""
    seconds = chance.uniform(1, 40)
    date = format_datetime(at + timedelta(seconds=seconds), usegmt=True)
    text = chance.choice((f"{seconds:.0f}", f"{seconds:.3f}", date, ""))
    return {"Retry-After": text} if text else {}


def _wait(chance: Random, at: datetime) -> Mapping[str, str]:
    return {"Retry-After": LONG_WAIT} if chance.random() < 0.2 else _short_wait(chance, at)


def _throttled(chance: Random, at: datetime) -> Answer:
    body = _error("TooManyRequests", "Too many requests")
    return Answer(status=429, headers=_wait(chance, at), body=body)


def _unavailable(chance: Random, at: datetime) -> Answer:
    return Answer(status=503, headers=_wait(chance, at), body=_error("ServiceUnavailable", "Busy"))


def _briefly_unavailable(chance: Random, at: datetime) -> Answer:
    headers = _short_wait(chance, at)
    return Answer(status=503, headers=headers, body=_error("ServiceUnavailable", "Busy"))


def _broken(_chance: Random, _at: datetime) -> Answer:
    return Answer(status=500, body=_error("InternalServerError", "Something broke."))


def _page(chance: Random, _at: datetime) -> Answer:
    return Answer(status=chance.choice((200, 404, 502, 504)), body=PAGE)


def _failing_page(chance: Random, _at: datetime) -> Answer:
    return Answer(status=chance.choice((502, 504)), body=PAGE)


def _dropped(_chance: Random, _at: datetime) -> Answer:
    return Answer(drop=True)


def _unauthorized(_chance: Random, _at: datetime) -> Answer:
    return Answer(status=401, body=_error("InvalidAuthenticationToken", "Access token has expired."))


def _forbidden(_chance: Random, _at: datetime) -> Answer:
    return Answer(status=403, body=_error("ExtensionError", "Operation: Update; Exception: Access denied"))


_ANYWHERE = (
    _throttled,
    _throttled,
    _unavailable,
    _broken,
    _failing_page,
    _dropped,
    _unauthorized,
    _forbidden,
)
# A gateway may answer for a call with a page of its own, but not for an item within Graph's own answer.
_ALONE = (*_ANYWHERE, _dropped, _page)
_AT_SIGN_IN = (_throttled, _briefly_unavailable, _broken, _failing_page, _dropped)
_OUTAGE_ANSWERS = (_briefly_unavailable, _briefly_unavailable, _broken, _failing_page, _dropped)
_TARGETS = (
    ("", GRAPH, _ANYWHERE),
    ("POST", BATCH, _ALONE),
    ("PATCH", ITEM, _ANYWHERE),
    ("PATCH", ITEM, _ANYWHERE),
    ("GET", ITEM, _ALONE),
    ("", COLLECTION, _ALONE),
    ("POST", LOGIN, _AT_SIGN_IN),
)
# After these nobody knows whether Graph has acted; 503 and 429 say that it has not.
_PERHAPS_DONE = (200, 500, 502, 504)
