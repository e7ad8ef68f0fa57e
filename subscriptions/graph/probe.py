"""Plays Graph's handshake against our own address from outside, and reads the clock of the sign-in service."""

import http.client
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlencode, urlsplit

from requests.structures import CaseInsensitiveDict

from subscriptions.graph.clouds import Cloud
from subscriptions.graph.probe_connection import (
    FailureKind,
    ProbeFailedError,
    addresses_of,
    connected,
    reset,
)
from subscriptions.graph.transport import USER_AGENT, Transport

# Graph gives an endpoint ten seconds for the handshake.
# Source: Microsoft Learn, change-notifications-delivery-webhooks.md (2026-04-22).
TIME_LIMIT = timedelta(seconds=10)
# How long a first request is kept open to see whether a second one is answered meanwhile.
HOLD = timedelta(seconds=4)
# The first request must have reached a worker before the second is sent, also through a proxy.
HEAD_START = timedelta(milliseconds=300)
MAX_BODY_BYTES = 64 * 1024
CLOCK_READ_TIMEOUT_SECONDS = 10.0

SecondAnswer = Literal["meanwhile", "afterwards", "none"]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An HTTP answer as it came; what is over 64 KB of the body is left out. Header names know no case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One handshake that was tried: either `reply` or `failure` is set.

    `query` is the query string as it was sent. `addresses` are those behind the host name.
    """

    url: str
    token: str = field(repr=False)
    query: str = field(repr=False)
    addresses: tuple[str, ...] = ()
    reply: Reply | None = None
    failure: FailureKind | None = None
    duration: timedelta = timedelta()


def play_handshake(url: str, *, ca_bundle: Path | None = None, limit: timedelta = TIME_LIMIT) -> Probe:
    """Ask `url` to echo a token as Graph does when a subscription is made, and return what came of it.

    Trusts the public authorities and those in `ca_bundle`. Follows no redirect and uses no proxy. The token
    holds what careless code alters: blanks, percent and plus signs, a colon, an ampersand, a letter outside
    ASCII, HTML.

    Source: Microsoft Learn, change-notifications-delivery-webhooks.md (2026-04-22).
    """
    token = f"Self-test: {secrets.token_hex(8)} 100%41 a+b \u00fc <b>&\"'"
    query = urlencode({"validationToken": token})
    addresses: tuple[str, ...] = ()
    reply: Reply | None = None
    failure: FailureKind | None = None
    started = time.monotonic()
    deadline = started + limit.total_seconds()
    try:
        addresses = addresses_of(url, deadline=deadline)
        with connected(url, ca_bundle=ca_bundle, deadline=deadline) as connection:
            reply = _exchanged(connection, _target(url, query))
    except ProbeFailedError as error:
        failure = error.kind
    return Probe(
        url=url,
        token=token,
        query=query,
        addresses=addresses,
        # An answer that was cut short in the middle is none.
        reply=reply if failure is None else None,
        failure=failure,
        duration=timedelta(seconds=time.monotonic() - started),
    )


def second_answer(
    url: str, *, ca_bundle: Path | None = None, hold: timedelta = HOLD, limit: timedelta = TIME_LIMIT
) -> SecondAnswer:
    """Say whether `url` answers a handshake while another request to it is kept open.

    The other one holds its body back for up to `hold` and is then broken off, so that nothing of it is stored.
    A proxy that collects a whole request before it passes it on hides what is behind it.
    """
    try:
        with ThreadPoolExecutor(1) as thread, _kept_open(url, ca_bundle=ca_bundle, limit=limit) as release:
            second = thread.submit(play_handshake, url, ca_bundle=ca_bundle, limit=limit)
            try:
                return _if_answered(second.result(timeout=hold.total_seconds()), "meanwhile")
            except TimeoutError:
                release()
                return _if_answered(second.result(), "afterwards")
    except ProbeFailedError:
        return "none"


def clock_offset(cloud: Cloud) -> timedelta | None:
    """Return how far the sign-in service's clock is ahead of ours; None if its answer has no readable date.

    Raises:
        UnreachableError: no answer came.

    """
    url = f"{cloud.login_url}/common/v2.0/.well-known/openid-configuration"
    asked_at = datetime.now(UTC)
    response = Transport(cloud.ca_bundle).send("GET", url, read_timeout_seconds=CLOCK_READ_TIMEOUT_SECONDS)
    answered_at = datetime.now(UTC)
    try:
        date = parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return None
    # The header holds whole seconds, cut off: half a second later is right on average.
    theirs_at = date.replace(tzinfo=UTC) + timedelta(seconds=0.5)
    return theirs_at - (asked_at + (answered_at - asked_at) / 2)


def _exchanged(connection: http.client.HTTPConnection, target: str) -> Reply:
    headers = {"User-Agent": USER_AGENT, "Content-Type": "text/plain; charset=utf-8", "Content-Length": "0"}
    connection.request("POST", target, headers=headers)
    with connection.getresponse() as response:
        return Reply(
            status=response.status,
            headers=CaseInsensitiveDict(response.getheaders()),
            body=response.read(MAX_BODY_BYTES),
        )


def _target(url: str, query: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path or '/'}?{parts.query}&{query}" if parts.query else f"{parts.path or '/'}?{query}"


@contextmanager
def _kept_open(url: str, *, ca_bundle: Path | None, limit: timedelta) -> Iterator[Callable[[], None]]:
    """Keep a request without its body open until the block ends, or the function handed in is called.

    Raises:
        ProbeFailedError: there is no connection.

    """
    deadline = time.monotonic() + 2 * limit.total_seconds()
    with connected(url, ca_bundle=ca_bundle, deadline=deadline) as connection:
        connection.putrequest("POST", urlsplit(url).path or "/", skip_accept_encoding=True)
        for name, value in (
            ("User-Agent", USER_AGENT),
            ("Content-Type", "application/json"),
            ("Content-Length", "2"),
        ):
            connection.putheader(name, value)
        connection.endheaders()
        time.sleep(HEAD_START.total_seconds())
        try:
            yield lambda: reset(connection)
        finally:
            reset(connection)


def _if_answered(probe: Probe, answer: SecondAnswer) -> SecondAnswer:
    return "none" if probe.reply is None else answer
