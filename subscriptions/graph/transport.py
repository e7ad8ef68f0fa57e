"""HTTPS as used here: explicit trust, time-outs, no redirects, no cookies, failures in our words."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from urllib3.exceptions import NameResolutionError, NewConnectionError, ReadTimeoutError, SSLError

from subscriptions.graph.errors import UnreachableError, UnreachableKind

USER_AGENT = "graph-subscription-manager"
CONNECT_TIMEOUT_SECONDS = 10.0
# More than all threads of a process that speak to Graph at once.
CONNECTIONS_KEPT = 64
SHARED_SECONDS = 60
TRANSPORTS_KEPT = 4


class Transport:
    """Connections that are kept open for reuse, trusting `ca_bundle` or else the system's authorities.

    One session serves all threads: it is not changed after it was built, takes no cookies, follows no
    redirects, and its connection pools are thread-safe.
    """

    def __init__(self, ca_bundle: Path | None, *, allows_plain_http: bool = False) -> None:
        self._schemes = ("https://", "http://") if allows_plain_http else ("https://",)
        # True lets REQUESTS_CA_BUNDLE name an organisation's own authority; a path beats that variable.
        self._verify: bool | str = str(ca_bundle) if ca_bundle else True
        self._session = requests.Session()
        self._session.headers["User-Agent"] = USER_AGENT
        self._session.cookies = RequestsCookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
        # Without an own auth a .netrc entry for the host would replace our Authorization header.
        self._session.auth = _leave_as_is
        for scheme in self._schemes:
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS_KEPT))

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str | bytes] | None = None,
        params: Mapping[str, str] | None = None,
        data: Any = None,
        json: Any = None,
        read_timeout_seconds: float,
        changes_something: bool = False,
    ) -> requests.Response:
        """Send one request and return whatever answer came.

        Raises:
            UnreachableError: no whole answer came, or the address is not https.

        """
        place = urlsplit(url).netloc.rpartition("@")[2]
        if not url.lower().startswith(self._schemes):
            raise UnreachableError(f"{place} is not asked without TLS.", kind="tls")
        try:
            return self._session.request(
                method,
                url,
                headers=headers,
                params=params,
                data=data,
                json=json,
                timeout=(CONNECT_TIMEOUT_SECONDS, read_timeout_seconds),
                verify=self._verify,
                allow_redirects=False,
            )
        except OSError as error:  # the root of all that requests raises, and of an unreadable CA bundle
            raise _unreachable(error, place, changes_something=changes_something) from error


def shared(ca_bundle: Path | None, *, clock: Callable[[], float] = time.monotonic) -> Transport:
    """Return the transport that all of this process share who trust the same and ask in the same minute.

    TLS handshakes are dear. A connection that lay idle for longer may be dead without a sign, so it is not handed on.
    """
    return _made(ca_bundle, int(clock() // SHARED_SECONDS))


@lru_cache(maxsize=TRANSPORTS_KEPT)
def _made(ca_bundle: Path | None, minute: int) -> Transport:
    del minute
    return Transport(ca_bundle)


# Two processes must not speak through one connection.
os.register_at_fork(after_in_child=_made.cache_clear)


def _leave_as_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _unreachable(error: OSError, place: str, *, changes_something: bool) -> UnreachableError:
    kind = _kind_of(error)
    return UnreachableError(
        f"No answer from {place}: {_WORDS[kind]}.",
        kind=kind,
        outcome_unknown=changes_something and not _failed_before_sending(error),
    )


_WORDS: dict[UnreachableKind, str] = {
    "dns": "the name could not be resolved",
    "tls": "no trusted connection could be made",
    "refused": "the connection was refused",
    "timeout": "the time was up",
    "connection": "the connection failed",
}


def _kind_of(error: OSError) -> UnreachableKind:
    causes = tuple(_causes(error))
    for cause_type, kind in _KINDS:
        if any(isinstance(cause, cause_type) for cause in causes):
            return kind
    # What is no exception of requests comes from loading the CA bundle.
    return "connection" if isinstance(error, requests.RequestException) else "tls"


_KINDS: tuple[tuple[type[BaseException], UnreachableKind], ...] = (
    (NameResolutionError, "dns"),
    (requests.exceptions.SSLError, "tls"),
    (SSLError, "tls"),
    (ConnectionRefusedError, "refused"),
    (requests.Timeout, "timeout"),
    (ReadTimeoutError, "timeout"),
)


def _failed_before_sending(error: OSError) -> bool:
    if not isinstance(error, requests.RequestException):
        return True
    if isinstance(
        error, requests.ConnectTimeout | requests.exceptions.SSLError | requests.exceptions.ProxyError
    ):
        return True
    return any(isinstance(cause, NewConnectionError) for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk through everything the error wraps: urllib3 and requests keep causes in three places."""
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        cause = waiting.pop()
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
